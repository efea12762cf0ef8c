/**
 * Standing back: a candidate that cannot serve an address lets the next one have it.
 *
 * A node can serve an address when one of the interfaces that it is to be announced on is usable there, with carrier and
 * for the family of the address, and every link probe of the address is answered. It says so itself, to the watch and in
 * its Meta; a node that said nothing counts as able, so that what is not known never moves an address.
 */
import { type Serving, USABLE_INTERFACES_MAX } from "../../base/serving.ts";
import { DEFAULT_ADDRESS_POLICY, type WantedAddress } from "../../base/wanted.ts";
import { allowsInterface } from "./interface.ts";

export type StandBackReason = "noInterface" | "noCarrier" | "noIpv6" | "linkProbeFailed";

/** Why a node cannot serve `wanted`; `undefined`: it can. `noCarrier` tells, of this node only, which links lack one. */
export function standBackReason(
  wanted: WantedAddress,
  of: {
    readonly node: string;
    readonly serving: Serving | undefined;
    readonly noCarrier?: ReadonlySet<string>;
  },
): StandBackReason | undefined {
  const { node, serving, noCarrier } = of;
  if (serving === undefined) return undefined;
  const interfaces = wanted.interfacesByNode?.[node] ?? wanted.interfaces;
  const { usableInterfaces, ipv4OnlyInterfaces = [], failedLinkProbes } = serving;
  // What does not fit into the list was not told.
  const isCut = usableInterfaces.length >= USABLE_INTERFACES_MAX;
  if (!isCut && !usableInterfaces.some((name) => allowsInterface(interfaces, name))) {
    const lacks = noCarrier !== undefined &&
      (interfaces === "all" ? noCarrier.size > 0 : interfaces.some((name) => noCarrier.has(name)));
    return lacks ? "noCarrier" : "noInterface";
  }
  // Neighbour discovery needs a link-local address of the node's own; ARP needs none.
  const speaksIpv6 = (name: string) => allowsInterface(interfaces, name) && !ipv4OnlyInterfaces.includes(name);
  if (!isCut && wanted.address.includes(":") && !usableInterfaces.some(speaksIpv6)) return "noIpv6";
  const { linkProbes } = wanted.policy ?? DEFAULT_ADDRESS_POLICY;
  return linkProbes.some((address) => failedLinkProbes.includes(address)) ? "linkProbeFailed" : undefined;
}
