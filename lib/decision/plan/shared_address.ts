/**
 * One address that several Services hold: it has one owner, whatever the Services say one by one (users-pains P18).
 *
 * With `externalTrafficPolicy: Local` each Service can be served only where it has endpoints. The candidates are the
 * nodes where all of them can be, in the order of the Service whose key sorts first, so that every speaker sees the same.
 * Where there is no such node that Service decides alone: some traffic goes nowhere then, and `explain` says whose.
 * MetalLB asks the Services one by one, so that where they differ two nodes answer for one address.
 */
import { DEFAULT_ADDRESS_POLICY, sameInterfaces, type WantedAddress } from "../../base/wanted.ts";
import { compareText } from "../config/config.ts";
import { decidePolicy, plainPolicy } from "./address_policy.ts";
import { unionOfInterfaces } from "./interfaces_by_node.ts";

type Interfaces = WantedAddress["interfaces"];

/** `list` holds at least one, each of one Service, all of the same address. */
export function mergeWanted(list: readonly WantedAddress[]): WantedAddress {
  const [only] = list;
  if (only !== undefined && list.length === 1) return only;
  const sorted = byService(list);
  const { candidates } = agreedCandidates(sorted);
  const interfaces = unionOfInterfaces(sorted.map((one) => one.interfaces));
  const policy = plainPolicy(decidePolicy(sorted.map(({ services, policy }) => {
    return { name: services[0]!, policy: policy ?? DEFAULT_ADDRESS_POLICY };
  })));
  const interfacesByNode = unionByNode(sorted, { interfaces, candidates });
  return {
    address: sorted[0]!.address,
    candidates,
    interfaces,
    services: sorted.flatMap(({ services }) => services),
    ...(interfacesByNode === undefined ? {} : { interfacesByNode }),
    ...(policy === undefined ? {} : { policy }),
  };
}

/** Those that every Service of an address may be announced from, or else those of the first alone. */
export function agreedCandidates(
  list: readonly WantedAddress[],
): { readonly candidates: readonly string[]; readonly allAgree: boolean } {
  const [first, ...others] = byService(list);
  const sets = others.map(({ candidates }) => new Set(candidates));
  const common = first!.candidates.filter((node) => sets.every((set) => set.has(node)));
  if (common.length === 0) return { candidates: first!.candidates, allAgree: false };
  // The list itself where nothing was taken out: it is compared by identity first.
  return { candidates: common.length === first!.candidates.length ? first!.candidates : common, allAgree: true };
}

function byService(list: readonly WantedAddress[]): WantedAddress[] {
  return [...list].sort((a, b) => compareText(a.services[0]!, b.services[0]!));
}

function unionByNode(
  sorted: readonly WantedAddress[],
  { interfaces, candidates }: { interfaces: Interfaces; candidates: readonly string[] },
): WantedAddress["interfacesByNode"] {
  if (sorted.every(({ interfacesByNode }) => interfacesByNode === undefined)) return undefined;
  const differing = candidates.flatMap((node) => {
    const union = unionOfInterfaces(sorted.map((one) => one.interfacesByNode?.[node] ?? one.interfaces));
    return sameInterfaces(union, interfaces) ? [] : [[node, union] as const];
  });
  return differing.length === 0 ? undefined : Object.fromEntries(differing);
}
