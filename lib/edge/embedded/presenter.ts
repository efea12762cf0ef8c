/** Stored objects in the form a client asked for: whole, as a table, or metadata only; one, a list, or watch events. */
import { type JsonMap, mapAt } from "./json_map.ts";
import type { AcceptedMedia } from "./media_types.ts";
import { groupVersionOf, type ResourceType } from "./resource_type.ts";
import { type IncludeObject, partialMetadata, tableOf } from "./tables.ts";
import { presentObject } from "./decoding.ts";
import type { StoredObject } from "./stored_object.ts";

export interface PresenterOptions {
  readonly media: AcceptedMedia;
  readonly include: IncludeObject;
  /** For ages. */
  readonly wallMs: () => number;
}

export class Presenter {
  readonly #type: ResourceType;
  readonly #options: PresenterOptions;
  readonly #typePrefix: string;
  #columnsSent = false;

  constructor(type: ResourceType, options: PresenterOptions) {
    this.#type = type;
    this.#options = options;
    this.#typePrefix = `{"kind":${JSON.stringify(type.kind)},"apiVersion":${JSON.stringify(groupVersionOf(type))},`;
  }

  /** JSON of one object, as the answer to a GET or a write. */
  one(object: StoredObject): string {
    switch (this.#options.media.shape) {
      case "table":
        return JSON.stringify(this.#table([object], { resourceVersion: String(object.resourceVersion) }));
      case "metadata":
      case "metadataList":
        return JSON.stringify(partialMetadata(object));
      default:
        return this.#whole(object);
    }
  }

  list(objects: readonly StoredObject[], metadata: JsonMap): string {
    switch (this.#options.media.shape) {
      case "table":
        return JSON.stringify(this.#table(objects, metadata));
      case "metadata":
      case "metadataList":
        return JSON.stringify({
          kind: "PartialObjectMetadataList",
          apiVersion: "meta.k8s.io/v1",
          metadata,
          items: objects.map((object) => partialMetadata(object)),
        });
      default: {
        // Items of built-in lists carry no kind of their own; custom ones do, as on a real server.
        const items = objects.map((object) => this.#type.custom ? this.#whole(object) : this.#bare(object));
        const head = JSON.stringify({
          kind: `${this.#type.kind}List`,
          apiVersion: groupVersionOf(this.#type),
          metadata,
        });
        return `${head.slice(0, -1)},"items":[${items.join(",")}]}`;
      }
    }
  }

  /** One line of a watch. Only the first table of a watch names its columns. */
  watchEvent(kind: "ADDED" | "MODIFIED" | "DELETED", object: StoredObject): string {
    const { shape } = this.#options.media;
    const text = shape === "object" ? this.#whole(object) : this.one(object);
    this.#columnsSent = true;
    return `{"type":"${kind}","object":${text}}\n`;
  }

  bookmark(resourceVersion: number): string {
    const metadata = { resourceVersion: String(resourceVersion), creationTimestamp: null };
    const { shape, version } = this.#options.media;
    const object: JsonMap = shape === "table"
      ? { kind: "Table", apiVersion: `meta.k8s.io/${version}`, metadata, columnDefinitions: [], rows: [] }
      : shape === "object"
      ? { kind: this.#type.kind, apiVersion: groupVersionOf(this.#type), metadata }
      : { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
    return `${JSON.stringify({ type: "BOOKMARK", object })}\n`;
  }

  #table(objects: readonly StoredObject[], metadata: JsonMap): JsonMap {
    const { media, include, wallMs } = this.#options;
    return tableOf(this.#type, objects, {
      version: media.version,
      include,
      wallMs: wallMs(),
      metadata,
      withColumns: !this.#columnsSent,
    });
  }

  #whole(object: StoredObject): string {
    if (this.#type.conversion !== undefined) return JSON.stringify(presentObject(this.#type, object.body));
    return this.#typePrefix + object.text.slice(1);
  }

  #bare(object: StoredObject): string {
    if (this.#type.conversion === undefined) return object.text;
    return JSON.stringify({
      metadata: mapAt(object.body, "metadata"),
      ...this.#type.conversion.fromStorage(object.body),
    });
  }
}
