/** Cluster IPs and node ports that Services hold, kept up to date from the changes of the store. */
import { isMap, type JsonMap, listAt, mapAt, textAt, textsAt } from "./json_map.ts";
import type { ObjectStore } from "./object_store.ts";

export class ServiceResources {
  readonly #held = new Map<string, number>();

  constructor(store: ObjectStore) {
    for (const object of store.all("/services")) this.#count(object.body, 1);
    store.onChange(({ kind, object, previous }) => {
      if (object.storage !== "/services") return;
      if (previous !== undefined) this.#count(previous.body, -1);
      if (kind !== "DELETED") this.#count(object.body, 1);
    });
  }

  /** A cluster IP in canonical text, or `30080/TCP`. */
  has(resource: string): boolean {
    return (this.#held.get(resource) ?? 0) > 0;
  }

  #count(body: JsonMap, by: 1 | -1): void {
    for (const resource of resourcesOf(body)) {
      const count = (this.#held.get(resource) ?? 0) + by;
      if (count > 0) this.#held.set(resource, count);
      else this.#held.delete(resource);
    }
  }
}

/** What a Service holds. A port number is the Service's own for both protocols, so it is counted once. */
function resourcesOf(body: JsonMap): Set<string> {
  const spec = mapAt(body, "spec");
  const held = new Set(textsAt(spec, "clusterIPs").filter((ip) => ip !== "None" && ip !== ""));
  for (const port of listAt(spec, "ports")) {
    if (!isMap(port) || typeof port.nodePort !== "number" || port.nodePort === 0) continue;
    held.add(`${port.nodePort}/${textAt(port, "protocol")}`);
  }
  if (typeof spec.healthCheckNodePort === "number" && spec.healthCheckNodePort !== 0) {
    held.add(`${spec.healthCheckNodePort}/TCP`);
  }
  return held;
}
