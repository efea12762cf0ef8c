/**
 * Which interfaces of a node Herald announces on, and what the machines need to know of one.
 *
 * MetalLB's rules (reference §6.1): up, not excluded by name, not enslaved, no NOARP flag, and able to broadcast. An IPv4
 * address on the interface is not needed. So a bridge, a bond or a team answers and its ports do not; a VLAN or macvlan
 * interface is one of its own; loopback and tunnels have no neighbours to answer. A member of a VRF is enslaved to the
 * VRF, and skipped like a port: what arrives there is routed by a table that knows no Service. Beyond MetalLB, an
 * interface without a link counts as absent, so that its neighbours are told anew when the cable is back.
 */
import { type Ipv4, type Ipv6, parseIpv6 } from "../../base/ip.ts";
import type { Mac } from "../../base/mac.ts";
import type { InterfaceRefusal } from "../../base/wanted.ts";

/** An interface on which ARP is answered. */
export interface L2Interface {
  readonly ifindex: number;
  readonly name: string;
  readonly mac: Mac;
  /** Addresses of the node on it that have a network, to ask neighbours with; the kernel's order, a few at most. */
  readonly ipv4?: readonly InterfaceIpv4[];
  /** Its IPv6 link-local address (canonical text) once the kernel has found it unique: neighbour discovery needs it. */
  readonly linkLocal?: string;
}

/** What becomes of the interfaces of this node; one that is another now under the same index replaces it. */
export type InterfaceChange =
  | { readonly kind: "interface"; readonly interface: L2Interface }
  | { readonly kind: "interfaceGone"; readonly ifindex: number };

export interface InterfaceIpv4 {
  readonly ip: Ipv4;
  readonly prefixLength: number;
}

/** What the kernel says of a link, as far as the choice depends on it. */
export interface LinkFacts {
  readonly ifindex: number;
  readonly name: string;
  readonly mac: Mac | undefined;
  readonly up: boolean;
  /** Falls at once when the cable is pulled; the operational state may follow a second later. */
  readonly carrier: boolean;
  /**
   * RFC 2863's operational state: between up and operational the kernel drops what is sent without an error, so that a
   * burst there would be lost; a link without a cable to plug (a tunnel) stays `unknown` and works.
   */
  readonly operationalState: string;
  readonly broadcast: boolean;
  readonly noArp: boolean;
  readonly master: number | undefined;
  /** ifindex of the link that it stands on, as a VLAN does. */
  readonly lower: number | undefined;
  /** It has just come to lead elsewhere, to another port of a switch: what neighbours are on it must be told anew. */
  readonly isMoved: boolean;
}

/** What the kernel says of an address of a link. */
export interface LinkAddressFacts {
  readonly ifindex: number;
  /** Canonical text. */
  readonly ip: string;
  readonly prefixLength: number;
  /** rtnetlink(7): 0 global, 253 link. */
  readonly scope: number;
  /** Not yet, or not, found to be unique on the segment (IPv6). */
  readonly tentative: boolean;
}

/** The address by which the node itself speaks to its neighbours on the interface. */
export function linkLocalOf({ linkLocal }: L2Interface): Ipv6 | undefined {
  return linkLocal === undefined ? undefined : parseIpv6(linkLocal);
}

/** False where IPv6 is off, or not ready yet: MetalLB's rule too (reference §6.1). */
export function hasNeighbourDiscovery({ linkLocal }: L2Interface): boolean {
  return linkLocal !== undefined;
}

/** `undefined` when `link` is announced on. That its name is not excluded was looked at before. */
export function refuseInterface(link: LinkFacts): InterfaceRefusal | undefined {
  if (!link.up) return "down";
  // Enslaved first: that a port of a bond has no link concerns the bond.
  if (link.master !== undefined) return "enslaved";
  if (link.noArp) return "noArp";
  if (!link.broadcast) return "noBroadcast";
  if (link.mac === undefined) return "noMac";
  if (link.operationalState === "dormant" || link.operationalState === "testing") return "dormant";
  if (!link.carrier || !OPERATIONAL.has(link.operationalState)) return "noCarrier";
  return undefined;
}

const OPERATIONAL: ReadonlySet<string> = new Set(["up", "unknown"]);

/** True when an address with this list of interfaces is announced on the interface called `name`. */
export function allowsInterface(interfaces: "all" | readonly string[], name: string): boolean {
  return interfaces === "all" || interfaces.includes(name);
}
