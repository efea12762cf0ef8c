/**
 * What the speakers of a running cluster report of themselves and of one another, as `explain` asks for it: who lives,
 * who is not Herald, and who stands back. The rule by which a node stands back is the packet thread's own.
 */
import type { WantedAddress } from "../../base/wanted.ts";
import { foreignMembersOf, isDeadToAll, membersOf, type MemberView } from "../../decision/config/cluster_view.ts";
import { type NodeNetworks, nodeNetworksOf } from "../../decision/config/node_networks.ts";
import { speakerReportsOf } from "../../decision/config/speaker_report.ts";
import type { StandBack } from "../../decision/plan/candidates.ts";
import { standBackReason } from "../../protocol/l2/standing_back.ts";

export interface LiveCluster {
  readonly networks: NodeNetworks;
  readonly members: readonly MemberView[];
  /** Nodes with a living speaker, as far as Kubernetes and the other speakers see it; `undefined`: not known. */
  readonly speakers: ReadonlySet<string> | undefined;
  /** Nodes whose speaker lives and is not Herald. */
  readonly foreignMembers: readonly string[];
  readonly standsBack: (node: string, wanted: WantedAddress) => StandBack | undefined;
}

/** `speakers` are the nodes with a ready speaker pod. */
export function liveClusterOf(
  configurationStates: Iterable<unknown>,
  { speakers }: { speakers: ReadonlySet<string> | undefined },
): LiveCluster {
  const states = [...configurationStates];
  const reports = speakerReportsOf(states);
  const members = membersOf(reports, speakers);
  const dead = new Set(members.filter(isDeadToAll).map(({ node }) => node));
  return {
    networks: nodeNetworksOf(states),
    members,
    speakers: speakers === undefined ? undefined : new Set([...speakers].filter((node) => !dead.has(node))),
    foreignMembers: foreignMembersOf(members),
    standsBack: (node, wanted) => {
      const report = reports.get(node);
      return report === undefined
        ? undefined
        : standBackReason(wanted, { node, serving: report.serving, noCarrier: report.noCarrier });
    },
  };
}
