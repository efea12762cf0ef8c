/**
 * BGPPeers that cannot go together on one node (reference §2.9, frr rules).
 *
 * Only one of MetalLB's three rules is an error here: two sessions from one node to the same router, port and VRF, of
 * which the router would drop one for ever (RFC 4271 §6.8). The port counts, and so does the address that we connect
 * from, because to the router those are different neighbours. The later name is disabled. Several router IDs or AS
 * numbers on one node do work, as in MetalLB's native mode; they are warned about, because the first is against
 * RFC 4271 §4.2 and both are refused by MetalLB with FRR.
 */
import type { BgpPeer } from "./config.ts";
import { quoteName } from "./distinct_texts.ts";
import type { NodeSets } from "./node_sets.ts";
import type { ProblemList } from "./problem.ts";

interface Candidate {
  readonly peer: BgpPeer;
  readonly problems: ProblemList;
}

/** Earlier peers that one is compared with: a hostile list of thousands costs no more than its length. */
const COMPARED_MAX = 200;

/** `candidates` are without errors so far and in the order of their names. */
export function checkPeerConflicts(candidates: readonly Candidate[], nodeSets: NodeSets): void {
  const sessions = new Map<string, BgpPeer[]>();
  const speakers = new Map<string, BgpPeer[]>();
  for (const { peer, problems } of candidates) {
    const same = listAt(sessions, sessionOf(peer));
    const twin = same.slice(0, COMPARED_MAX).find((other) => nodeSets.meet(peer.nodeSelectors, other.nodeSelectors));
    if (twin !== undefined) {
      refuseTwin(problems, { peer, twin });
      continue;
    }
    same.push(peer);
    const speaker = listAt(speakers, peer.vrf);
    for (const other of speaker) {
      if (peer.routerId === other.routerId && peer.myAsn === other.myAsn) continue;
      if (!nodeSets.meet(peer.nodeSelectors, other.nodeSelectors)) continue;
      warnOfDifference(problems, { peer, other });
      break;
    }
    if (speaker.length < COMPARED_MAX) speaker.push(peer);
  }
}

function sessionOf(peer: BgpPeer): string {
  return [peer.peerAddress ?? peer.interfaceName, peer.peerPort, peer.vrf, peer.sourceAddress ?? ""].join("\n");
}

function listAt(lists: Map<string, BgpPeer[]>, key: string): BgpPeer[] {
  let list = lists.get(key);
  if (list === undefined) lists.set(key, list = []);
  return list;
}

function refuseTwin(problems: ProblemList, { peer, twin }: { peer: BgpPeer; twin: BgpPeer }): void {
  const end = peer.peerAddress ?? peer.interfaceName;
  problems.error({
    path: peer.peerAddress === undefined ? "spec.interface" : "spec.peerAddress",
    reason: "conflictingPeers",
    message:
      `BGPPeer ${quoteName(twin.name)} already connects to ${end} on port ${peer.peerPort} from a node that this ` +
      "one selects too, and a router keeps one session of two; remove one of them, or give them different nodes",
    metallbText: `peer ${end} already exists, FRR mode doesn't support duplicate BGPPeers selecting the same node`,
  });
}

function warnOfDifference(problems: ProblemList, { peer, other }: { peer: BgpPeer; other: BgpPeer }): void {
  const differsInId = peer.routerId !== other.routerId;
  const message = differsInId
    ? `BGPPeer ${quoteName(other.name)} has ${other.routerId ?? "no router ID"}, and both are for the same node: ` +
      "a BGP speaker should use one router ID for all peers"
    : `BGPPeer ${quoteName(other.name)} has ${other.myAsn}, and both are for the same node; ` +
      "that works here, but MetalLB with FRR refuses it";
  const path = differsInId ? "spec.routerID" : "spec.myASN";
  problems.warning({ path, reason: "conflictingPeers", message });
}
