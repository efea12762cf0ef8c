/** BGP objects as the API holds them, in few words, and one way to write down what came of them. */
import type { KubeObject } from "../../../lib/base/kube.ts";
import { type ConfigObjects, resolveConfig, type ResolvedConfig } from "../../../lib/decision/config/resolve.ts";

type Members = Readonly<Record<string, unknown>>;

function objectOf(kind: string, name: string, rest: Members): KubeObject {
  return { kind, metadata: { name, namespace: "metallb-system" }, ...rest };
}

const PEER: Members = { myASN: 64500, peerASN: 64501, peerAddress: "192.0.2.1" };

/** `spec` is added to a valid one; `undefined` takes a field away. */
export function peerObject(name: string, spec: Members = {}): KubeObject {
  const merged = Object.entries({ ...PEER, ...spec }).filter(([, value]) => value !== undefined);
  return objectOf("BGPPeer", name, { apiVersion: "metallb.io/v1beta2", spec: Object.fromEntries(merged) });
}

export function bgpObject(name: string, spec?: Members): KubeObject {
  return objectOf("BGPAdvertisement", name, spec === undefined ? {} : { spec });
}

export function bfdObject(name: string, spec?: Members): KubeObject {
  return objectOf("BFDProfile", name, spec === undefined ? {} : { spec });
}

export function communityObject(name: string, aliases: readonly (readonly [unknown, unknown])[]): KubeObject {
  return objectOf("Community", name, { spec: { communities: aliases.map(([name, value]) => ({ name, value })) } });
}

export function secretObject(name: string, rest: Members): KubeObject {
  return objectOf("Secret", name, rest);
}

type SomeLists = { readonly [Kind in keyof ConfigObjects]?: ConfigObjects[Kind] | undefined };

/** Lists that are not named are given empty, so that names in them are checked; `undefined` leaves one out. */
export function resolveAll(objects: SomeLists): ResolvedConfig & { readonly short: readonly string[] } {
  const empty: SomeLists = { ipAddressPools: [], bgpPeers: [], bfdProfiles: [], communities: [], secrets: [] };
  const given = Object.entries({ ...empty, ...objects }).filter(([, list]) => list !== undefined);
  const resolved = resolveConfig(Object.fromEntries(given) as unknown as ConfigObjects);
  const short = resolved.problems.map(({ severity, name, path, reason }) => `${severity} ${name} ${path} ${reason}`);
  return { ...resolved, short };
}
