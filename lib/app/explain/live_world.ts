/**
 * The world of a running cluster, read once through the API: what `herald explain` looks at without `-f`.
 *
 * Without Services and pools there is nothing to explain; whatever else may not be read is told as a note, and taken as
 * unknown. Secrets are not read: what they hold changes nothing here.
 */
import { isRecord } from "../../base/json.ts";
import { type KubeObject, type Resource, RESOURCES } from "../../base/kube.ts";
import { shortList } from "../../base/text_list.ts";
import { speakerNodeOf } from "../../decision/config/node_label.ts";
import { decodePod } from "../../decision/config/pod_view.ts";
import type { WorldObjects } from "../../decision/control/explain_world.ts";
import type { KubeClient } from "../../edge/kube/client.ts";

export interface LiveWorld {
  readonly objects: WorldObjects;
  /** Nodes with a ready speaker pod, or a speaker outside of one; `undefined` when pods may not be read. */
  readonly speakers: ReadonlySet<string> | undefined;
  readonly configurationStates: readonly KubeObject[];
  readonly l2Statuses: readonly KubeObject[];
  /** What the programs were started with, as far as their pods tell. */
  readonly lbClass: string | undefined;
  readonly ignoreExcludeLb: boolean;
  readonly notes: readonly string[];
}

export type LiveResult = { readonly ok: true; readonly world: LiveWorld } | {
  readonly ok: false;
  readonly message: string;
  /** Nothing answers, so nothing else of the API can be read either. */
  readonly isAway: boolean;
};

/** Both label sets that pods of MetalLB and Herald carry (reference §9.6). */
export const SPEAKER_SELECTORS = [
  "app=metallb,component=speaker",
  "app.kubernetes.io/name=metallb,app.kubernetes.io/component=speaker",
] as const;
export const CONTROLLER_SELECTORS = [
  "app=metallb,component=controller",
  "app.kubernetes.io/name=metallb,app.kubernetes.io/component=controller",
] as const;

export async function readLiveWorld(client: KubeClient, options: { namespace: string }): Promise<LiveResult> {
  const { namespace } = options;
  const notes: string[] = [];
  const needed = await Promise.all([
    client.list(RESOURCES.services),
    client.list(RESOURCES.ipAddressPools, { namespace }),
  ]);
  for (const [index, result] of needed.entries()) {
    if (result.ok) continue;
    const what = index === 0 ? "Services" : "IPAddressPools";
    const hint = result.error.reason === "notFound" ? "; are the CRDs of metallb.io installed?" : "";
    const isAway = result.error.reason === "unreachable" || result.error.reason === "timeout";
    return { ok: false, message: `the ${what} cannot be read: ${result.error.message}${hint}`, isAway };
  }
  const optional = async (resource: Resource, where: { namespace?: string } = {}) => {
    const result = await client.list(resource, where);
    if (result.ok) return result.value.items;
    notes.push(`the ${resource.plural} cannot be read, so nothing is known of them: ${result.error.message}`);
    return undefined;
  };
  const [l2, bgp, peers, bfd, communities, nodes, namespaces, slices, states, statuses, speakers, controllers] =
    await Promise
      .all([
        optional(RESOURCES.l2Advertisements, { namespace }),
        optional(RESOURCES.bgpAdvertisements, { namespace }),
        optional(RESOURCES.bgpPeers, { namespace }),
        optional(RESOURCES.bfdProfiles, { namespace }),
        optional(RESOURCES.communities, { namespace }),
        optional(RESOURCES.nodes),
        optional(RESOURCES.namespaces),
        optional(RESOURCES.endpointSlices),
        optional(RESOURCES.configurationStates, { namespace }),
        optional(RESOURCES.serviceL2Statuses, { namespace }),
        podsOf(client, { namespace, selectors: SPEAKER_SELECTORS }),
        podsOf(client, { namespace, selectors: CONTROLLER_SELECTORS }),
      ]);
  if (speakers === undefined) notes.push("the pods cannot be read: every node counts as one with a living speaker");
  const outside = (states ?? []).flatMap(nodeOutsideOfPod).filter((node) =>
    !(speakers ?? []).flatMap(nodeOf).includes(node)
  );
  if (speakers !== undefined && outside.length > 0) {
    const who = shortList(outside, { max: 3 });
    notes.push(`the speaker of ${who} runs outside of a pod, so nothing says whether it lives: it counts as living`);
  }
  const living = speakers === undefined
    ? undefined
    : new Set([...speakers.filter(isReady).flatMap(nodeOf), ...outside]);
  if (living?.size === 0) notes.push(`no speaker pod is ready in namespace ${namespace}: nobody announces anything`);
  const [services, pools] = needed.map((result) => result.ok ? result.value.items : []);
  const given = (name: string) => argumentOf([...speakers ?? [], ...controllers ?? []], name);
  return {
    ok: true,
    world: {
      objects: {
        services: services!,
        ipAddressPools: pools!,
        ...known("l2Advertisements", l2),
        ...known("bgpAdvertisements", bgp),
        ...known("bgpPeers", peers),
        ...known("bfdProfiles", bfd),
        ...known("communities", communities),
        nodes: nodes ?? [],
        endpointSlices: slices ?? [],
        ...known("namespaces", namespaces),
      },
      speakers: living,
      configurationStates: states ?? [],
      l2Statuses: statuses ?? [],
      lbClass: given("lb-class"),
      ignoreExcludeLb: !["false", undefined].includes(given("ignore-exclude-lb")),
      notes,
    },
  };
}

/** A list that may not be read is left out: nothing is known of it, which is not the same as that it is empty. */
function known<Name extends string>(
  name: Name,
  list: readonly KubeObject[] | undefined,
): { readonly [Key in Name]?: readonly KubeObject[] } {
  return list === undefined ? {} : { [name]: list } as { readonly [Key in Name]?: readonly KubeObject[] };
}

/** Pods that any of the selectors selects, each once; `undefined` when they may not be read. */
export async function podsOf(
  client: KubeClient,
  options: { readonly namespace: string; readonly selectors: readonly string[] },
): Promise<KubeObject[] | undefined> {
  const { namespace } = options;
  const lists = await Promise.all(
    options.selectors.map((labelSelector) => client.list(RESOURCES.pods, { namespace, labelSelector })),
  );
  const byName = new Map<string, KubeObject>();
  for (const list of lists) {
    if (!list.ok) return undefined;
    for (const pod of list.value.items) byName.set(pod.metadata.name, pod);
  }
  return [...byName.values()];
}

/** Running, ready and not on its way out. */
export function isReady(pod: KubeObject): boolean {
  const status = isRecord(pod["status"]) ? pod["status"] : {};
  const conditions = Array.isArray(status["conditions"]) ? status["conditions"] : [];
  return pod.metadata.deletionTimestamp === undefined && status["phase"] === "Running" &&
    conditions.some((one) => isRecord(one) && one["type"] === "Ready" && one["status"] === "True");
}

function nodeOf(pod: KubeObject): string[] {
  const decoded = decodePod(pod);
  return decoded.ok && decoded.value.nodeName !== undefined ? [decoded.value.nodeName] : [];
}

/** A ConfigurationState that no Pod owns is kept by a speaker that runs in none: `herald up`, or from the repository. */
function nodeOutsideOfPod(state: KubeObject): string[] {
  const node = speakerNodeOf(state);
  return node === undefined || (state.metadata.ownerReferences ?? []).length > 0 ? [] : [node];
}

/** Value of a flag in the arguments of the pods' containers; `""` where it stands alone. */
function argumentOf(pods: readonly KubeObject[], name: string): string | undefined {
  for (const pod of pods) {
    const spec = isRecord(pod["spec"]) ? pod["spec"] : {};
    for (const container of Array.isArray(spec["containers"]) ? spec["containers"] : []) {
      if (!isRecord(container)) continue;
      const words = [container["command"], container["args"]].flatMap((list) => Array.isArray(list) ? list : []);
      for (const word of words) {
        const match = typeof word === "string" ? /^--?([a-z0-9-]+)(?:=(.*))?$/s.exec(word) : null;
        if (match?.[1] === name) return match[2] ?? "";
      }
    }
  }
  return undefined;
}
