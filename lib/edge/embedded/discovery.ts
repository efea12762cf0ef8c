/** What the server serves, in the documents that clients read first: /api, /apis and their aggregated form. */
import type { JsonMap } from "./json_map.ts";
import type { Registry } from "./registry.ts";
import { groupVersionOf, type ResourceType } from "./resource_type.ts";

/** Review kinds: they can be created and are not kept. */
export interface VirtualType {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
}

export const SERVER_VERSION: JsonMap = {
  major: "1",
  minor: "34",
  gitVersion: "v1.34.2+herald",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "none",
  compiler: "deno",
  platform: "linux/amd64",
};

const SUBRESOURCE_VERBS = ["get", "patch", "update"];

export class Discovery {
  readonly #registry: Registry;
  readonly #virtual: readonly VirtualType[];

  constructor(deps: { registry: Registry; virtual: readonly VirtualType[] }) {
    this.#registry = deps.registry;
    this.#virtual = deps.virtual;
  }

  coreVersions(): JsonMap {
    return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] };
  }

  groupList(): JsonMap {
    return { kind: "APIGroupList", apiVersion: "v1", groups: this.#groups().map((group) => this.#group(group)) };
  }

  group(name: string): JsonMap | undefined {
    if (!this.#groups().includes(name)) return undefined;
    return { kind: "APIGroup", apiVersion: "v1", ...this.#group(name) };
  }

  resourceList(group: string, version: string): JsonMap | undefined {
    const types = this.#registry.types.filter((type) => type.group === group && type.version === version);
    const virtual = this.#virtual.filter((type) => type.group === group && type.version === version);
    if (types.length + virtual.length === 0) return undefined;
    return {
      kind: "APIResourceList",
      apiVersion: "v1",
      groupVersion: groupVersionOf({ group, version }),
      resources: [...types.flatMap(resourceEntries), ...virtual.map(virtualEntry)],
    };
  }

  /** All of it in one document, for the core group or for the named ones. */
  aggregated(core: boolean, version: string): JsonMap {
    const groups = core ? [""] : this.#groups();
    return {
      kind: "APIGroupDiscoveryList",
      apiVersion: `apidiscovery.k8s.io/${version}`,
      metadata: {},
      items: groups.map((group) => ({
        metadata: group === "" ? { creationTimestamp: null } : { name: group, creationTimestamp: null },
        versions: this.#versions(group).map((each) => ({
          version: each,
          freshness: "Current",
          resources: [
            ...this.#registry.types.filter((type) => type.group === group && type.version === each).map(
              aggregatedEntry,
            ),
            ...this.#virtual.filter((type) => type.group === group && type.version === each).map(aggregatedVirtual),
          ],
        })),
      })),
    };
  }

  #groups(): string[] {
    const all = [...this.#registry.types, ...this.#virtual].map((type) => type.group);
    return [...new Set(all)].filter((group) => group !== "");
  }

  #versions(group: string): string[] {
    const all = [...this.#registry.types, ...this.#virtual].filter((type) => type.group === group);
    return [...new Set(all.map((type) => type.version))];
  }

  #group(name: string): JsonMap {
    const versions = this.#versions(name).map((version) => ({ groupVersion: `${name}/${version}`, version }));
    return { name, versions, preferredVersion: versions[0]! };
  }
}

/** What can follow the name of an object in a path. */
export function subresourcesOf(type: ResourceType): string[] {
  const found = type.hasStatus ? ["status"] : [];
  if (type.storage === "/pods") found.push("binding");
  return found;
}

function resourceEntries(type: ResourceType): JsonMap[] {
  const main: JsonMap = {
    name: type.plural,
    singularName: type.singular,
    namespaced: type.namespaced,
    kind: type.kind,
    verbs: [...type.verbs],
  };
  if (type.shortNames.length > 0) main.shortNames = [...type.shortNames];
  if (type.categories.length > 0) main.categories = [...type.categories];
  const under = subresourcesOf(type).map((name): JsonMap => ({
    name: `${type.plural}/${name}`,
    singularName: "",
    namespaced: type.namespaced,
    kind: name === "binding" ? "Binding" : type.kind,
    verbs: name === "binding" ? ["create"] : SUBRESOURCE_VERBS,
  }));
  return [main, ...under];
}

function virtualEntry(type: VirtualType): JsonMap {
  return {
    name: type.plural,
    singularName: type.kind.toLowerCase(),
    namespaced: false,
    kind: type.kind,
    verbs: ["create"],
  };
}

function aggregatedEntry(type: ResourceType): JsonMap {
  const entry: JsonMap = {
    resource: type.plural,
    responseKind: { group: type.group, version: type.version, kind: type.kind },
    scope: type.namespaced ? "Namespaced" : "Cluster",
    singularResource: type.singular,
    verbs: [...type.verbs],
  };
  if (type.shortNames.length > 0) entry.shortNames = [...type.shortNames];
  if (type.categories.length > 0) entry.categories = [...type.categories];
  const under = subresourcesOf(type);
  if (under.length > 0) {
    entry.subresources = under.map((name) => ({
      subresource: name,
      responseKind: { group: type.group, version: type.version, kind: name === "binding" ? "Binding" : type.kind },
      verbs: name === "binding" ? ["create"] : SUBRESOURCE_VERBS,
    }));
  }
  return entry;
}

function aggregatedVirtual(type: VirtualType): JsonMap {
  return {
    resource: type.plural,
    responseKind: { group: type.group, version: type.version, kind: type.kind },
    scope: "Cluster",
    singularResource: type.kind.toLowerCase(),
    verbs: ["create"],
  };
}
