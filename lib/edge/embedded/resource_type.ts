/**
 * What the server knows about one served kind: names, schema, behaviour of writes, columns. The request pipeline is the
 * same for all kinds; everything that differs is here or in the kind's strategy.
 */
import type { Rng } from "../../base/rng.ts";
import type { FieldError } from "./field_error.ts";
import type { JsonMap } from "./json_map.ts";
import type { Schema } from "./schema.ts";
import type { StoredObject } from "./stored_object.ts";

/** What a strategy may ask while a write is prepared. Nothing here changes state: a dry run goes the same way. */
export interface WriteContext {
  /** RFC 3339 with whole seconds. */
  readonly timestamp: string;
  readonly rng: Rng;
  readonly serviceIpv6: boolean;
  /** All objects of a kind, by `group/plural`. */
  objects(storage: string): Iterable<StoredObject>;
  /** True when a Service holds the cluster IP (`ip`) or node port (`port/protocol`). */
  isHeld(resource: string): boolean;
}

/**
 * The rules of one kind. Bodies hold everything but `apiVersion` and `kind`, and belong to the request until stored;
 * `previous` is stored and must not be changed.
 */
export interface Strategy {
  /** Fills in what decoding fills in, on every write. */
  defaults?(body: JsonMap): void;
  beforeCreate?(body: JsonMap, context: WriteContext): void;
  beforeUpdate?(body: JsonMap, change: { previous: JsonMap; context: WriteContext }): void;
  /** Rules of the `/status` subresource. */
  beforeStatus?(body: JsonMap, change: { previous: JsonMap; context: WriteContext }): void;
  validate?(body: JsonMap, change: { previous: JsonMap | undefined; context: WriteContext }): FieldError[];
}

export interface TableColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  readonly format?: string;
  readonly description?: string;
  /** 0 is always shown, above only with `-o wide`. */
  readonly priority?: number;
  /** The cell. A date is given as its RFC 3339 text and shown as an age. */
  cell(body: JsonMap): string | number | boolean | null;
}

export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  /** Key of the objects in the store: versions of one kind share it. */
  readonly storage: string;
  readonly schema: Schema;
  /** Defined by a CustomResourceDefinition: validated by schema only, no strategic patch, `/status` keeps metadata. */
  readonly custom: boolean;
  readonly hasStatus: boolean;
  /** A client may create the object with a status. */
  readonly keepsStatusOnCreate: boolean;
  readonly nameRule: "subdomain" | "label" | "serviceName";
  /** What counts a generation: every change but metadata's and status's, or nothing. */
  readonly countsGeneration: boolean;
  readonly createsOnUpdate: boolean;
  /** PUT without a resourceVersion is taken. */
  readonly updatesUnconditionally: boolean;
  /** DELETE answers with the object instead of a Status. */
  readonly returnsDeleted: boolean;
  readonly strategy: Strategy;
  /** Without the name, which is always the first column. */
  readonly columns: readonly TableColumn[];
  /** Field selectors besides metadata.name and metadata.namespace. */
  readonly fields: Readonly<Record<string, (body: JsonMap) => string>>;
  /** Between this version's shape and the stored one. */
  readonly conversion?: { toStorage(body: JsonMap): JsonMap; fromStorage(body: JsonMap): JsonMap };
  /** Sent as a Warning header with every answer. */
  readonly deprecationWarning?: string;
}

const ALL_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"] as const;

/** What a kind has to say for itself; the rest is ordinary. */
export type ResourceTypeInput =
  & Pick<ResourceType, "group" | "version" | "kind" | "plural" | "schema">
  & Partial<Omit<ResourceType, "group" | "version" | "kind" | "plural" | "schema">>;

export function resourceType(input: ResourceTypeInput): ResourceType {
  return {
    singular: input.kind.toLowerCase(),
    namespaced: true,
    shortNames: [],
    categories: [],
    verbs: ALL_VERBS,
    storage: `${input.group}/${input.plural}`,
    custom: false,
    hasStatus: false,
    keepsStatusOnCreate: false,
    nameRule: "subdomain",
    countsGeneration: false,
    createsOnUpdate: false,
    updatesUnconditionally: true,
    returnsDeleted: false,
    strategy: {},
    columns: [AGE_COLUMN],
    fields: {},
    ...input,
  };
}

export const AGE_COLUMN: TableColumn = {
  name: "Age",
  type: "date",
  description: "Time since the object was created.",
  cell: (body) => {
    const metadata = body.metadata;
    const created = typeof metadata === "object" && metadata !== null && !Array.isArray(metadata)
      ? metadata.creationTimestamp
      : null;
    return typeof created === "string" ? created : null;
  },
};

/** `v1` or `metallb.io/v1beta1`. */
export function groupVersionOf(type: { readonly group: string; readonly version: string }): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}
