/**
 * Standing back: a candidate that cannot serve an address lets the next one have it.
 *
 * A node can serve an address when one of the interfaces that it is to be announced on is usable there, with carrier,
 * and every link probe of the address is answered. It says so itself, to the watch and in its Meta; a node that said
 * nothing counts as able, so that what is not known never moves an address.
 */
import { type Serving, USABLE_INTERFACES_MAX } from "../../base/serving.ts";
import { DEFAULT_ADDRESS_POLICY, type WantedAddress } from "../../base/wanted.ts";

export type StandBackReason = "noInterface" | "noCarrier" | "linkProbeFailed";

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
  const { usableInterfaces, failedLinkProbes } = serving;
  // What does not fit into the list was not told.
  const mayBeUsable = usableInterfaces.length >= USABLE_INTERFACES_MAX ||
    (interfaces === "all" ? usableInterfaces.length > 0 : interfaces.some((name) => usableInterfaces.includes(name)));
  if (!mayBeUsable) {
    const lacks = noCarrier !== undefined &&
      (interfaces === "all" ? noCarrier.size > 0 : interfaces.some((name) => noCarrier.has(name)));
    return lacks ? "noCarrier" : "noInterface";
  }
  const { linkProbes } = wanted.policy ?? DEFAULT_ADDRESS_POLICY;
  return linkProbes.some((address) => failedLinkProbes.includes(address)) ? "linkProbeFailed" : undefined;
}
