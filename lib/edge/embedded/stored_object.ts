/**
 * One version of one object, as it lies in the store: never changed, shared by the event log and every watch.
 *
 * The text is made once and kept, because a list of ten thousand Services and a watch by a hundred clients would
 * otherwise serialise the same object again and again.
 */
import { isMap, type JsonMap, mapAt, textAt } from "./json_map.ts";

export class StoredObject {
  /** `group/plural`. */
  readonly storage: string;
  /** `namespace/name`, or the name alone. */
  readonly key: string;
  readonly name: string;
  readonly namespace: string;
  readonly resourceVersion: number;
  /** Everything but `apiVersion` and `kind`; frozen by agreement. */
  readonly body: JsonMap;
  #text: string | undefined;

  constructor(body: JsonMap, options: { storage: string; resourceVersion: number }) {
    const metadata = mapAt(body, "metadata");
    this.storage = options.storage;
    this.name = textAt(metadata, "name");
    this.namespace = textAt(metadata, "namespace");
    this.key = keyOf(this.namespace, this.name);
    this.resourceVersion = options.resourceVersion;
    this.body = body;
  }

  /** JSON of the body. */
  get text(): string {
    this.#text ??= JSON.stringify(this.body);
    return this.#text;
  }

  get uid(): string {
    return textAt(this.body.metadata, "uid");
  }

  get labels(): JsonMap {
    return mapAt(this.body, "metadata", "labels");
  }

  get deleting(): boolean {
    return isMap(this.body.metadata) && this.body.metadata.deletionTimestamp !== undefined;
  }
}

export function keyOf(namespace: string, name: string): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}
