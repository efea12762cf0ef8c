/**
 * What the speakers of a running cluster report of themselves and of one another, as `explain` asks for it: who lives,
 * who is not Herald, and who stands back. The rule by which a node stands back is the packet thread's own.
 */
import type { KubeObject } from "../../base/kube.ts";
import type { Serving } from "../../base/serving.ts";
import type { WantedAddress } from "../../base/wanted.ts";
import { foreignMembersOf, isDeadToAll, membersOf, type MemberView } from "../../decision/config/cluster_view.ts";
import { compareText } from "../../decision/config/config.ts";
import { decodeL2Status } from "../../decision/config/l2_status_view.ts";
import { type NodeNetworks, nodeNetworksOf } from "../../decision/config/node_networks.ts";
import { speakerReportsOf } from "../../decision/config/speaker_report.ts";
import type { StandBack } from "../../decision/plan/candidates.ts";
import { standBackReason } from "../../protocol/l2/standing_back.ts";
import { L2StatusIndex } from "../l2_status_index.ts";

/** What one speaker says of the interfaces of its node. */
export interface NodeInterfaces extends Omit<Serving, "macs"> {
  readonly node: string;
  /** Without those that are excluded by name. */
  readonly refused: readonly { readonly name: string; readonly reason: string }[];
}

export interface LiveCluster {
  readonly networks: NodeNetworks;
  readonly members: readonly MemberView[];
  /** What the speakers that live say of their interfaces, by node. */
  readonly interfaces: readonly NodeInterfaces[];
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
    interfaces: [...reports.values()].flatMap(({ node, serving, refused }) =>
      serving === undefined || speakers?.has(node) === false ? [] : [{ node, ...serving, refused }]
    ).sort((a, b) => compareText(a.node, b.node)),
    speakers: speakers === undefined ? undefined : new Set([...speakers].filter((node) => !dead.has(node))),
    foreignMembers: foreignMembersOf(members),
    standsBack: (node, wanted) => {
      const report = reports.get(node);
      if (report === undefined) return undefined;
      const { serving, refused } = report;
      const noCarrier = new Set(refused.filter(({ reason }) => reason === "noCarrier").map(({ name }) => name));
      return standBackReason(wanted, { node, serving, noCarrier });
    },
    holderOf: (serviceKey) => statuses.holderOf(serviceKey),
  };
}
