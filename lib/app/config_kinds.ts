/**
 * Kinds of configuration that are followed, but never waited for: what they hold makes problems known and BGP work, and
 * layer 2 goes on without them. So a cluster that lacks one of these kinds, or the right to read it, loses nothing else.
 */
import { type KubeObject, type Resource, RESOURCES } from "../base/kube.ts";
import type { Json } from "../base/json.ts";
import type { ConfigObjects } from "../decision/config/resolve.ts";
import type { Reflector } from "../edge/kube/reflector.ts";
import { Caches, type CachesDeps } from "./caches.ts";

/** Of these kinds a namespace is read; nodes and namespaces have none. */
const KINDS = {
  l2Advertisements: RESOURCES.l2Advertisements,
  bgpAdvertisements: RESOURCES.bgpAdvertisements,
  bgpPeers: RESOURCES.bgpPeers,
  bfdProfiles: RESOURCES.bfdProfiles,
  communities: RESOURCES.communities,
  secrets: RESOURCES.secrets,
  nodes: RESOURCES.nodes,
  configurationStates: RESOURCES.configurationStates,
} as const satisfies Record<string, Resource>;

export type ConfigKind = keyof typeof KINDS;

export interface ConfigKindsOptions {
  readonly namespace: string;
  readonly kinds: readonly ConfigKind[];
}

export interface ConfigKindsDeps extends Omit<CachesDeps, "onSynced"> {
  /** A kind was read for the first time, or something that matters for the configuration changed. */
  readonly onChange: (kind: ConfigKind) => void;
}

export class ConfigKinds {
  readonly #kinds = new Map<ConfigKind, { readonly caches: Caches; readonly reflector: Reflector }>();

  constructor(options: ConfigKindsOptions, deps: ConfigKindsDeps) {
    for (const kind of options.kinds) {
      const resource: Resource = KINDS[kind];
      const changed = () => deps.onChange(kind);
      const caches = new Caches({ ...deps, onSynced: changed });
      const where = resource.namespaced ? { resource, namespace: options.namespace } : { resource };
      const reflector = caches.add(where, (change) => {
        const previous = change.kind === "upsert" ? change.previous : undefined;
        const isIrrelevant = change.kind === "upsert" && previous !== undefined &&
          sameForConfiguration(kind, { object: change.object, previous });
        if (caches.synced && !isIrrelevant) changed();
      });
      this.#kinds.set(kind, { caches, reflector });
    }
  }

  start(): void {
    for (const { caches } of this.#kinds.values()) caches.start();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#kinds.values()].map(({ caches }) => caches.stop()));
  }

  /** `undefined` while the kind was not read yet: nothing is known then. */
  list(kind: ConfigKind): readonly KubeObject[] | undefined {
    const reflector = this.#kinds.get(kind)?.reflector;
    return reflector?.synced === true ? [...reflector.store.values()] : undefined;
  }

  find(kind: ConfigKind, key: string): KubeObject | undefined {
    return this.#kinds.get(kind)?.reflector.store.get(key);
  }

  /** The lists that are known, as `resolveConfig` takes them. */
  objects(): Omit<ConfigObjects, "ipAddressPools"> {
    const lists: Partial<Record<ConfigKind, readonly KubeObject[]>> = {};
    for (const kind of this.#kinds.keys()) {
      const list = kind === "configurationStates" ? undefined : this.list(kind);
      if (list !== undefined) lists[kind] = list;
    }
    return lists;
  }

  inspect(): readonly Json[] {
    return [...this.#kinds.values()].flatMap(({ caches }) => caches.inspect() as readonly Json[]);
  }
}

/**
 * The API server counts `generation` up when the specification changes, and with nothing else: a pool's status changes
 * with every address, which is no change of configuration. What Herald adds to the API is said in annotations.
 */
export function sameConfiguration(object: KubeObject, previous: KubeObject | undefined): boolean {
  const { uid, generation, labels } = object.metadata;
  const before = previous?.metadata;
  return generation !== undefined && generation === before?.generation && uid === before.uid &&
    sameJson(labels, before.labels) && sameJson(ownAnnotations(object), ownAnnotations(previous!));
}

function ownAnnotations({ metadata }: KubeObject): unknown {
  return Object.entries(metadata.annotations ?? {}).filter(([key]) => key.startsWith("herald.dev/"));
}

function sameForConfiguration(
  kind: ConfigKind,
  { object, previous }: { readonly object: KubeObject; readonly previous: KubeObject },
): boolean {
  switch (kind) {
    case "nodes":
      // The kubelet rewrites a node's status all the time.
      return sameJson(object.metadata.labels, previous.metadata.labels);
    case "configurationStates":
      return sameJson(object.metadata.annotations, previous.metadata.annotations) &&
        sameJson(object.metadata.labels, previous.metadata.labels);
    case "secrets":
      return sameJson(object["data"], previous["data"]) && object["type"] === previous["type"];
    default:
      return sameConfiguration(object, previous);
  }
}

export function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a ?? {}) === JSON.stringify(b ?? {});
}
