/**
 * The objects that an admission is judged against: read live, because `kubectl apply -f` of two pools asks about the
 * second one before a watch has told of the first. Where reading fails, what the caches last saw must do.
 */
import { type Resource, RESOURCES } from "../base/kube.ts";
import {
  type AdmissionKind,
  type AdmissionList,
  type AdmissionRequest,
  readsOf,
} from "../decision/config/admission.ts";
import type { ConfigObjects } from "../decision/config/resolve.ts";
import type { KubeClient } from "../edge/kube/client.ts";

export interface WebhookObjectsOptions {
  readonly kind: AdmissionKind;
  readonly request: AdmissionRequest;
  readonly namespace: string;
}

export interface WebhookObjectsDeps {
  readonly client: KubeClient;
  /** What a cache last saw, as far as there is one. */
  readonly cached?: () => Partial<ConfigObjects>;
}

const RESOURCE_OF: Readonly<Record<AdmissionList, Resource>> = {
  ipAddressPools: RESOURCES.ipAddressPools,
  l2Advertisements: RESOURCES.l2Advertisements,
  bgpAdvertisements: RESOURCES.bgpAdvertisements,
  bgpPeers: RESOURCES.bgpPeers,
  bfdProfiles: RESOURCES.bfdProfiles,
  communities: RESOURCES.communities,
  nodes: RESOURCES.nodes,
};

/** Less than half of what the API server waits for an answer. */
const READ_LIMIT_MS = 4_000;

/** Rejects when something can neither be read nor is cached. */
export async function webhookObjects(options: WebhookObjectsOptions, deps: WebhookObjectsDeps): Promise<ConfigObjects> {
  const signal = AbortSignal.timeout(READ_LIMIT_MS);
  const { always, withBgp } = readsOf(options.kind);
  const read = async (member: AdmissionList): Promise<[AdmissionList, readonly unknown[] | undefined]> => {
    const resource = RESOURCE_OF[member];
    const namespace = resource.namespaced ? options.namespace : undefined;
    const result = await deps.client.list(resource, { namespace, signal });
    if (result.ok) return [member, result.value.items];
    // Without its CRD there can be none; an older set of CRDs must not block the kinds that it has.
    if (result.error.reason === "notFound") return [member, []];
    const cached = deps.cached?.()[member];
    if (cached !== undefined) return [member, cached];
    // Without nodes only what certainly meets on one is held against each other: milder, but an answer.
    if (member === "nodes") return [member, undefined];
    throw new Error(`the ${resource.plural} that it must fit cannot be read: ${result.error.message}`);
  };
  const readAll = (members: readonly AdmissionList[]) =>
    Promise.all(members.filter((member) => member !== "nodes").map(read));
  const lists = await readAll(always);
  const hasBgp = lists.some(([member, list]) => member === "bgpAdvertisements" && list?.length !== 0);
  if (hasBgp) lists.push(...await readAll(withBgp));
  // Nodes are many and large, and matter only where something selects among them.
  const wantsNodes = always.includes("nodes") || (hasBgp && withBgp.includes("nodes"));
  if (wantsNodes && selectsNodes([options.request.object, ...lists.flatMap(([, list]) => list ?? [])])) {
    // They change seldom, so what is known of them is as good as new.
    const known = deps.cached?.().nodes;
    lists.push(known === undefined ? await read("nodes") : ["nodes", known]);
  }
  const present = lists.filter(([, list]) => list !== undefined);
  return { ipAddressPools: [], ...Object.fromEntries(present) };
}

function selectsNodes(objects: readonly unknown[]): boolean {
  return objects.some((object) => {
    const { spec } = (object ?? {}) as { spec?: { nodeSelectors?: unknown } };
    return Array.isArray(spec?.nodeSelectors) && spec.nodeSelectors.length > 0;
  });
}
