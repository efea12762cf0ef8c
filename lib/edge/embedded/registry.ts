/** The kinds that a server serves, found by the parts of a path. */
import type { ResourceType } from "./resource_type.ts";

export interface GroupVersion {
  readonly group: string;
  readonly version: string;
  readonly types: readonly ResourceType[];
}

export class Registry {
  readonly types: readonly ResourceType[];
  readonly #byPath = new Map<string, ResourceType>();
  readonly #byStorage = new Map<string, ResourceType[]>();

  constructor(types: readonly ResourceType[]) {
    this.types = types;
    for (const type of types) {
      this.#byPath.set(`${type.group}/${type.version}/${type.plural}`, type);
      this.#byStorage.set(type.storage, [...this.#byStorage.get(type.storage) ?? [], type]);
    }
  }

  find(group: string, version: string, plural: string): ResourceType | undefined {
    return this.#byPath.get(`${group}/${version}/${plural}`);
  }

  /** Any version of the kind that is stored under this key. */
  byStorage(storage: string): ResourceType | undefined {
    return this.#byStorage.get(storage)?.[0];
  }

  /** Groups in the order of their first kind, the preferred version of each first. */
  groupVersions(): readonly GroupVersion[] {
    const found = new Map<string, { group: string; version: string; types: ResourceType[] }>();
    for (const type of this.types) {
      const id = `${type.group}/${type.version}`;
      const entry = found.get(id);
      if (entry === undefined) found.set(id, { group: type.group, version: type.version, types: [type] });
      else entry.types.push(type);
    }
    return [...found.values()];
  }
}
