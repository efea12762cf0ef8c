/**
 * What the speakers of a running cluster report of themselves and of one another, as `explain` asks for it: who lives,
 * who is not Herald, and who stands back. The rule by which a node stands back is the packet thread's own.
 */
import type { KubeObject } from "../../base/kube.ts";
import type { WantedAddress } from "../../base/wanted.ts";
import { foreignMembersOf, isDeadToAll, membersOf, type MemberView } from "../../decision/config/cluster_view.ts";
import { decodeL2Status } from "../../decision/config/l2_status_view.ts";
import { type NodeNetworks, nodeNetworksOf } from "../../decision/config/node_networks.ts";
import { speakerReportsOf } from "../../decision/config/speaker_report.ts";
import type { StandBack } from "../../decision/plan/candidates.ts";
import { standBackReason } from "../../protocol/l2/standing_back.ts";
import { L2StatusIndex } from "../l2_status_index.ts";

export interface LiveCluster {
  readonly networks: NodeNetworks;
  readonly members: readonly MemberView[];
  /** Nodes with a living speaker, as far as Kubernetes and the other speakers see it; `undefined`: not known. */
  readonly speakers: ReadonlySet<string> | undefined;
  /** Nodes whose speaker lives and is not Herald. */
  readonly foreignMembers: readonly string[];
  readonly standsBack: (node: string, wanted: WantedAddress) => StandBack | undefined;
  /** Node that announces a Service, as its status says; `undefined`: none says, or several do. */
  readonly holderOf: (serviceKey: string) => string | undefined;
}

export interface LiveObjects {
  readonly configurationStates: readonly KubeObject[];
  readonly l2Statuses: readonly KubeObject[];
}

/** `speakers` are the nodes with a ready speaker pod. */
export function liveClusterOf(
  { configurationStates, l2Statuses }: LiveObjects,
  { speakers }: { speakers: ReadonlySet<string> | undefined },
): LiveCluster {
  const reports = speakerReportsOf(configurationStates);
  const statuses = new L2StatusIndex();
  for (const object of l2Statuses) {
    const decoded = decodeL2Status(object);
    if (decoded.ok) statuses.set(decoded.value);
  }
  const members = membersOf(reports, speakers);
  const dead = new Set(members.filter(isDeadToAll).map(({ node }) => node));
  return {
    networks: nodeNetworksOf(configurationStates),
    members,
    speakers: speakers === undefined ? undefined : new Set([...speakers].filter((node) => !dead.has(node))),
    foreignMembers: foreignMembersOf(members),
    standsBack: (node, wanted) => {
      const report = reports.get(node);
      return report === undefined
        ? undefined
        : standBackReason(wanted, { node, serving: report.serving, noCarrier: report.noCarrier });
    },
    holderOf: (serviceKey) => statuses.holderOf(serviceKey),
  };
}
