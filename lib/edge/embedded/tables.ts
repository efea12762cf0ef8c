/** Lists and objects as the tables that `kubectl get` prints. */
import { ageText } from "./duration_text.ts";
import { type JsonMap, mapAt, textAt } from "./json_map.ts";
import { presentObject } from "./decoding.ts";
import type { ResourceType, TableColumn } from "./resource_type.ts";
import type { StoredObject } from "./stored_object.ts";

/** `?includeObject=`: what a row carries besides its cells. */
export type IncludeObject = "None" | "Metadata" | "Object";

export interface TableOptions {
  readonly version: string;
  readonly include: IncludeObject;
  readonly wallMs: number;
  /** Metadata of the list. */
  readonly metadata: JsonMap;
  /** Later tables of a watch come without column definitions. */
  readonly withColumns: boolean;
}

export function tableOf(type: ResourceType, objects: readonly StoredObject[], options: TableOptions): JsonMap {
  const { version, include, wallMs, metadata, withColumns } = options;
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    columnDefinitions: withColumns ? columnDefinitions(type) : [],
    rows: objects.map((object) => {
      const row: JsonMap = { cells: cellsOf(type, { object, wallMs }) };
      if (include === "Object") row.object = presentObject(type, object.body);
      else if (include === "Metadata") row.object = partialMetadata(object, version);
      return row;
    }),
  };
}

/** An object without spec and status. */
export function partialMetadata(object: StoredObject, version = "v1"): JsonMap {
  return {
    kind: "PartialObjectMetadata",
    apiVersion: `meta.k8s.io/${version}`,
    metadata: mapAt(object.body, "metadata"),
  };
}

function columnDefinitions(type: ResourceType): JsonMap[] {
  const name = { name: "Name", type: "string", format: "name", description: "Name of the object.", priority: 0 };
  const others = type.columns.map((column) => ({
    name: column.name,
    // The cell holds an age as text already.
    type: column.type === "date" ? "string" : column.type,
    format: column.format ?? "",
    description: column.description ?? "",
    priority: column.priority ?? 0,
  }));
  const events = type.storage === "/events";
  return events ? others : [name, ...others];
}

function cellsOf(type: ResourceType, { object, wallMs }: { object: StoredObject; wallMs: number }) {
  const cells = type.columns.map((column) => cellOf(column, { object, wallMs }));
  return type.storage === "/events" ? cells : [textAt(object.body.metadata, "name"), ...cells];
}

function cellOf(column: TableColumn, { object, wallMs }: { object: StoredObject; wallMs: number }) {
  const value = column.cell(object.body);
  if (column.type !== "date") return value;
  const at = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? "<unknown>" : ageText(wallMs - at);
}
