/** Empties a namespace that is being deleted, and takes it away when nothing is left in it. */
import type { ObjectStore } from "./object_store.ts";
import type { ObjectWriter } from "./object_writer.ts";
import type { Registry } from "./registry.ts";
import type { StoredObject } from "./stored_object.ts";

const NAMESPACES = "/namespaces";

export class NamespaceLifecycle {
  readonly #deps: { store: ObjectStore; writer: ObjectWriter; registry: Registry };

  constructor(deps: { store: ObjectStore; writer: ObjectWriter; registry: Registry }) {
    this.#deps = deps;
    deps.store.onChange(({ kind, object }) => {
      if (object.storage === NAMESPACES) {
        if (kind === "MODIFIED" && object.deleting) this.#empty(object.name);
      } else if (kind === "DELETED" && object.namespace !== "") {
        this.#finish(object.namespace);
      }
    });
  }

  #empty(namespace: string): void {
    const { registry, store, writer } = this.#deps;
    for (const storage of [...store.storages()]) {
      const type = registry.byStorage(storage);
      if (type === undefined || !type.namespaced) continue;
      for (const object of this.#contents(storage, namespace)) {
        // Slices go with their Service, possibly while we walk.
        if (store.get(storage, object.key) !== object) continue;
        writer.delete(type, { object, deletion: { gracePeriodSeconds: 0 }, dryRun: false });
      }
    }
    this.#finish(namespace);
  }

  #finish(name: string): void {
    const { store } = this.#deps;
    const namespace = store.get(NAMESPACES, name);
    if (namespace === undefined || !namespace.deleting) return;
    for (const storage of store.storages()) {
      if (storage !== NAMESPACES && this.#contents(storage, name).length > 0) return;
    }
    store.remove(namespace);
  }

  #contents(storage: string, namespace: string): StoredObject[] {
    return [...this.#deps.store.all(storage)].filter((object) => object.namespace === namespace);
  }
}
