/**
 * BGPPeers: each alone (reference §2.8), with the profile and the Secret that it names.
 *
 * What MetalLB refuses because of the way it runs BGP (reference §2.9) is not refused here: one process speaks to all
 * peers, in every mode. Which peers cannot go together is in peer_conflicts.ts.
 */
import { formatIp, type Ip, parseIp } from "../../base/ip.ts";
import type { BfdProfile, BgpPeer } from "./config.ts";
import { decodeList, type Draft, refuseDuplicateName } from "./decoded_list.ts";
import { quoteName } from "./distinct_texts.ts";
import { currentPeers } from "./current_peers.ts";
import { NameHints } from "./name_hints.ts";
import type { NodeSets } from "./node_sets.ts";
import { checkPeerConflicts } from "./peer_conflicts.ts";
import { type PasswordSecrets, resolvePeerPassword } from "./peer_password.ts";
import { resolvePeerTimers } from "./peer_timers.ts";
import type { Problem, ProblemList, ProblemReason } from "./problem.ts";
import type { ResolvedBfdProfiles } from "./resolve_bfd.ts";
import { type BgpPeerObject, bgpPeerSchema } from "./schema/bgp_peer.ts";
import { compileSelectors } from "./selector.ts";

export interface ResolvedPeers {
  /** By name. */
  readonly peers: readonly BgpPeer[];
  /** Names of peers that exist but have errors. */
  readonly disabled: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

interface Options {
  /** `undefined` when they are not known: then nothing is said about a name. */
  readonly bfd: ResolvedBfdProfiles | undefined;
  readonly secrets: PasswordSecrets | undefined;
  readonly nodeSets: NodeSets;
}

interface Context extends Options {
  readonly profiles: ReadonlyMap<string, BfdProfile>;
  readonly hints: NameHints;
}

type Spec = NonNullable<BgpPeerObject["spec"]>;

const KIND = "BGPPeer";

export function resolvePeers(objects: readonly unknown[], options: Options): ResolvedPeers {
  const current = currentPeers(objects);
  const list = decodeList(current.objects, { schema: bgpPeerSchema, kind: KIND });
  const problems = [...current.problems, ...list.problems];
  const profiles = new Map((options.bfd?.profiles ?? []).map((profile) => [profile.name, profile]));
  const context: Context = { ...options, profiles, hints: new NameHints(profiles.keys()) };
  const disabled = new Set([...current.broken, ...list.broken].map(({ name }) => name));
  const candidates: { peer: BgpPeer; problems: ProblemList }[] = [];
  const names = new Set<string>();
  for (const draft of list.drafts) {
    if (names.has(draft.name)) refuseDuplicateName(draft.problems, { kind: KIND, name: draft.name });
    const peer = peerOf(draft, context);
    if (peer !== undefined && draft.problems.errors === 0) {
      candidates.push({ peer, problems: draft.problems });
      names.add(draft.name);
    }
  }
  checkPeerConflicts(candidates, options.nodeSets);
  for (const { problems: found, name } of list.drafts) {
    if (found.errors > 0) disabled.add(name);
    problems.push(...found.all());
  }
  const peers = candidates.filter(({ problems: { errors } }) => errors === 0).map(({ peer }) => peer);
  for (const { name } of peers) disabled.delete(name);
  return { peers, disabled, problems };
}

function peerOf({ object, name, namespace, problems }: Draft<BgpPeerObject>, context: Context): BgpPeer | undefined {
  const { spec } = object;
  if (spec === undefined) {
    problems.error({ path: "spec", reason: "missingField", message: "it must say at least myASN and a peer" });
    return undefined;
  }
  const peerAddress = addressOf(spec.peerAddress, { field: "peerAddress", problems });
  const sourceAddress = addressOf(spec.sourceAddress, { field: "sourceAddress", problems });
  const routerId = addressOf(spec.routerID, { field: "routerID", problems });
  const nodeSelectors = compileSelectors(spec.nodeSelectors, { path: ["spec", "nodeSelectors"], problems });
  checkNumbers(spec, problems);
  checkEnds(spec, { peerAddress, sourceAddress, routerId, problems });
  context.nodeSets.warnOfNone(nodeSelectors, { problems, consequence: "no node connects to the peer" });
  if (spec.disableMP === true) {
    problems.warning({ path: "spec.disableMP", reason: "deprecatedField", message: "it has no effect; remove it" });
  }
  const timers = resolvePeerTimers(spec, problems);
  const password = resolvePeerPassword(spec, { namespace, name, secrets: context.secrets, problems });
  checkProfile(spec, { context, peerAddress, problems, name });
  return {
    name,
    namespace,
    myAsn: spec.myASN,
    peerAsn: spec.dynamicASN ?? spec.peerASN ?? 0,
    localAsn: spec.localASN,
    peerAddress: peerAddress === undefined ? undefined : formatIp(peerAddress),
    interfaceName: spec.interface || undefined,
    sourceAddress: sourceAddress === undefined ? undefined : formatIp(sourceAddress),
    peerPort: spec.peerPort,
    ...timers,
    connectTimeMs: spec.connectTime === undefined ? undefined : Number(spec.connectTime / 1_000_000n),
    routerId: routerId === undefined ? undefined : formatIp(routerId),
    nodeSelectors,
    password,
    bfdProfile: spec.bfdProfile || undefined,
    gracefulRestart: spec.enableGracefulRestart ?? false,
    ebgpMultiHop: spec.ebgpMultiHop ?? false,
    vrf: spec.vrf ?? "",
    dualStackAddressFamily: spec.dualStackAddressFamily ?? false,
  };
}

/** MetalLB's words for the addresses of a peer begin so (reference §9.3). */
const INVALID_ADDRESS: ReadonlyMap<string, string> = new Map([
  ["peerAddress", "invalid BGPPeer address"],
  ["sourceAddress", "invalid BGPPeer source address"],
  ["routerID", "invalid BGPPeer routerID"],
]);

function addressOf(text: string | undefined, options: { field: string; problems: ProblemList }): Ip | undefined {
  if (text === undefined || text === "") return undefined;
  const ip = parseIp(text);
  if (ip !== undefined) return ip;
  const shown = JSON.stringify(text.slice(0, 63));
  options.problems.error({
    path: `spec.${options.field}`,
    reason: "invalidAddress",
    message: `${shown} is not an IP address such as "192.0.2.1"`,
    metallbText: `${INVALID_ADDRESS.get(options.field)} ${shown}`,
  });
  return undefined;
}

function checkNumbers(spec: Spec, problems: ProblemList): void {
  const refuse = (field: string, reason: ProblemReason, message: string): void =>
    problems.error({ path: `spec.${field}`, reason, message });
  const peerAsn = spec.peerASN ?? 0;
  if (spec.myASN === 0) refuse("myASN", "invalidValue", "our AS number must be between 1 and 4294967295");
  if (peerAsn === 0 && spec.dynamicASN === undefined) {
    refuse("peerASN", "missingField", 'give the AS number of the peer, or dynamicASN "internal" or "external"');
  }
  if (peerAsn !== 0 && spec.dynamicASN !== undefined) {
    refuse("dynamicASN", "conflictingFields", "peerASN and dynamicASN are both given; remove one of the two");
  }
  const internal = spec.dynamicASN === "internal" || (peerAsn !== 0 && peerAsn === spec.myASN);
  if (spec.ebgpMultiHop === true && internal) {
    const message = "the peer is in our own AS, where sessions always go over several hops; remove it";
    if (spec.dynamicASN === undefined) refuse("ebgpMultiHop", "conflictingFields", message);
    else problems.warning({ path: "spec.ebgpMultiHop", reason: "ignoredField", message });
  }
  if (spec.localASN === undefined) return;
  if (internal || spec.localASN === peerAsn) {
    const message = "localASN is for peers in another AS: it must not be theirs, and theirs must not be ours";
    refuse("localASN", "conflictingFields", message);
  }
}

function checkEnds(
  spec: Spec,
  options: {
    peerAddress: Ip | undefined;
    sourceAddress: Ip | undefined;
    routerId: Ip | undefined;
    problems: ProblemList;
  },
): void {
  const { peerAddress, sourceAddress, routerId, problems } = options;
  const hasAddress = (spec.peerAddress ?? "") !== "";
  const hasInterface = (spec.interface ?? "") !== "";
  if (!hasAddress && !hasInterface) {
    const message = "give the address of the peer, or an interface for a session without addresses";
    problems.error({ path: "spec.peerAddress", reason: "missingField", message });
  }
  if (hasAddress && hasInterface) {
    const message = "peerAddress and interface are both given; remove one of the two";
    problems.error({ path: "spec.interface", reason: "conflictingFields", message });
  }
  // MetalLB admits IPv6 here, and its own BGP dies of it. On the wire there are 32 bits, and not all zero.
  if (routerId !== undefined && (routerId.family === 6 || routerId.value === 0n)) {
    const message = `"${formatIp(routerId)}" cannot be a router ID: it must be an IPv4 address other than 0.0.0.0`;
    problems.error({ path: "spec.routerID", reason: "invalidAddress", message });
  }
  if (peerAddress !== undefined && sourceAddress !== undefined && peerAddress.family !== sourceAddress.family) {
    const message = `an IPv${sourceAddress.family} address cannot connect to an IPv${peerAddress.family} peer; ` +
      "give both in one family";
    problems.error({ path: "spec.sourceAddress", reason: "invalidAddress", message });
  }
}

function checkProfile(
  spec: Spec,
  options: { context: Context; peerAddress: Ip | undefined; problems: ProblemList; name: string },
): void {
  const name = spec.bfdProfile ?? "";
  const { bfd, profiles, hints } = options.context;
  if (name === "" || bfd === undefined) return;
  const path = "spec.bfdProfile";
  const profile = profiles.get(name);
  if (profile === undefined && bfd.disabled.has(name)) {
    const message = `BFDProfile ${quoteName(name)} has errors`;
    options.problems.error({ path, reason: "disabledBfdProfile", message });
  } else if (profile === undefined) {
    options.problems.error({
      path,
      reason: "unknownBfdProfile",
      message: `there is no BFDProfile named ${quoteName(name)}${hints.hint(name)}`,
      metallbText: `peer ${options.name} referencing non existing bfd profile ${name.slice(0, 253)}`,
    });
  } else if (profile.echoMode && options.peerAddress?.family !== 4) {
    // MetalLB refuses pools with IPv6 addresses instead, which are announced over sessions of either family.
    const message = `echo packets of BFD are for IPv4; over IPv6, as to this peer, ${quoteName(name)} runs without`;
    options.problems.warning({ path, reason: "echoWithIpv6", message });
  }
}
