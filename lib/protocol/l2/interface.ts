/**
 * Which interfaces of a node Herald announces on, and what the machines need to know of one.
 *
 * MetalLB's rules (reference §6.1): up, not excluded by name, not enslaved to a bridge, bond or VRF, no NOARP flag, and
 * able to broadcast. An IPv4 address on the interface is not needed. Beyond MetalLB, an interface without a link counts
 * as absent, so that its neighbours are told anew when the cable is back.
 */
import type { Ipv4 } from "../../base/ip.ts";
import type { Mac } from "../../base/mac.ts";
import type { InterfaceRefusal } from "../../base/wanted.ts";

/** An interface on which ARP is answered. */
export interface L2Interface {
  readonly ifindex: number;
  readonly name: string;
  readonly mac: Mac;
  /** An address of the node on it, to ask neighbours with. */
  readonly ipv4?: Ipv4;
  /** Its IPv6 link-local address (canonical text) once the kernel has found it to be unique: neighbour discovery needs it. */
  readonly linkLocal?: string;
}

/** What the kernel says of a link, as far as the choice depends on it. */
export interface LinkFacts {
  readonly ifindex: number;
  readonly name: string;
  readonly mac: Mac | undefined;
  readonly up: boolean;
  /**
   * RFC 2863's operational state: between up and operational the kernel drops what is sent without an error, so that a
   * burst there would be lost; a link without a cable to plug (a tunnel) stays `unknown` and works.
   */
  readonly operationalState: string;
  readonly broadcast: boolean;
  readonly noArp: boolean;
  readonly master: number | undefined;
}

/** `undefined` when ARP is answered on `link`. */
export function refuseInterface(link: LinkFacts, exclusions: readonly RegExp[]): InterfaceRefusal | undefined {
  if (exclusions.some((pattern) => pattern.test(link.name))) return "excluded";
  if (!link.up) return "down";
  // Enslaved first: that a port of a bond has no link concerns the bond.
  if (link.master !== undefined) return "enslaved";
  if (link.operationalState === "dormant" || link.operationalState === "testing") return "dormant";
  if (link.operationalState !== "up" && link.operationalState !== "unknown") return "noCarrier";
  if (link.noArp) return "noArp";
  if (!link.broadcast) return "noBroadcast";
  if (link.mac === undefined) return "noMac";
  return undefined;
}

/** True when an address with this list of interfaces is announced on the interface called `name`. */
export function allowsInterface(interfaces: "all" | readonly string[], name: string): boolean {
  return interfaces === "all" || interfaces.includes(name);
}
