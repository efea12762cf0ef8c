/** From CustomResourceDefinitions to kinds: one per served version, columns from the printer columns. */
import { requireKnownRules } from "./cel_check.ts";
import { conversionOf } from "./custom_conversion.ts";
import { isMap, type JsonMap, type JsonValue, listAt, mapAt, textAt, textsAt } from "./json_map.ts";
import { AGE_COLUMN, type ResourceType, resourceType, type TableColumn } from "./resource_type.ts";
import { opaque, schemaFromJson } from "./schema.ts";

/** The kind that the definitions themselves are; they are given at start and cannot be changed. */
export const CUSTOM_RESOURCE_DEFINITIONS = resourceType({
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
  shortNames: ["crd", "crds"],
  verbs: ["get", "list", "watch"],
  schema: { type: "object", properties: { spec: opaque, status: opaque } },
  columns: [{
    name: "Created At",
    type: "string",
    cell: (body) => textAt(body.metadata, "creationTimestamp"),
  }],
});

/**
 * The most mature and newest version of a group first, as discovery prefers it. Throws for a definition that asks for
 * more than this server can do: it would serve the kind wrongly.
 */
export function customResourceTypes(definitions: readonly JsonMap[]): ResourceType[] {
  const types = definitions.flatMap((definition) => {
    const versions = listAt(mapAt(definition, "spec"), "versions").filter(isMap).filter((each) => each.served === true);
    return versions.map((version) => customResourceType(definition, version));
  });
  return types.sort((a, b) => byPriority(a.version, b.version));
}

/** v2, v1, v1beta2, v1beta1, v1alpha1. */
function byPriority(a: string, b: string): number {
  const rank = (version: string): number[] => {
    const [, major = "0", stage = "", minor = "0"] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version) ?? [];
    return [["alpha", "beta", ""].indexOf(stage), Number(major), Number(minor)];
  };
  const [left, right] = [rank(a), rank(b)];
  return left.map((part, index) => right[index]! - part).find((difference) => difference !== 0) ?? 0;
}

function customResourceType(definition: JsonMap, version: JsonMap): ResourceType {
  const spec = mapAt(definition, "spec");
  const names = mapAt(spec, "names");
  const kind = textAt(names, "kind");
  const group = textAt(spec, "group");
  const deprecated = version.deprecated === true;
  const columns = listAt(version, "additionalPrinterColumns").filter(isMap).map(printerColumn);
  const schema = schemaFromJson(mapAt(version, "schema", "openAPIV3Schema"));
  requireKnownRules(schema, kind);
  const conversion = conversionOf(definition, version);
  return resourceType({
    group,
    version: textAt(version, "name"),
    kind,
    plural: textAt(names, "plural"),
    singular: textAt(names, "singular") || kind.toLowerCase(),
    namespaced: spec.scope !== "Cluster",
    shortNames: textsAt(names, "shortNames"),
    categories: textsAt(names, "categories"),
    schema,
    custom: true,
    hasStatus: isMap(mapAt(version, "subresources").status),
    countsGeneration: true,
    updatesUnconditionally: false,
    columns: columns.length === 0 ? [AGE_COLUMN] : columns,
    ...(conversion === undefined ? {} : { conversion }),
    ...(deprecated
      ? {
        deprecationWarning: textAt(version, "deprecationWarning") ||
          `${group}/${textAt(version, "name")} ${kind} is deprecated`,
      }
      : {}),
  });
}

/** What the server keeps about a definition that was given: established from the start. */
export function establishedDefinition(definition: JsonMap, options: { uid: string; timestamp: string }): JsonMap {
  const { apiVersion: _apiVersion, kind: _kind, ...body } = definition;
  const condition = { status: "True", lastTransitionTime: options.timestamp };
  return {
    ...body,
    metadata: {
      ...mapAt(definition, "metadata"),
      uid: options.uid,
      creationTimestamp: options.timestamp,
      generation: 1,
    },
    status: {
      acceptedNames: mapAt(definition, "spec", "names"),
      storedVersions: listAt(mapAt(definition, "spec"), "versions").filter(isMap)
        .filter((version) => version.storage === true).map((version) => textAt(version, "name")),
      conditions: [
        { type: "NamesAccepted", reason: "NoConflicts", message: "no conflicts found", ...condition },
        {
          type: "Established",
          reason: "InitialNamesAccepted",
          message: "the initial names have been accepted",
          ...condition,
        },
      ],
    },
  };
}

function printerColumn(column: JsonMap): TableColumn {
  const path = textAt(column, "jsonPath");
  const type = textAt(column, "type") as TableColumn["type"];
  return {
    name: textAt(column, "name"),
    type,
    ...(textAt(column, "description") === "" ? {} : { description: textAt(column, "description") }),
    ...(typeof column.priority === "number" ? { priority: column.priority } : {}),
    cell: (body) => cellText(readJsonPath(body, path), type),
  };
}

function cellText(value: JsonValue | undefined, type: TableColumn["type"]): string | number | boolean | null {
  if (value === undefined || value === null) return type === "date" ? "" : null;
  if (typeof value === "object") return JSON.stringify(value);
  return type === "string" || type === "date" ? String(value) : value;
}

/** The part of JSONPath that printer columns use: members, indexes and one kind of filter. */
function readJsonPath(body: JsonMap, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = body;
  for (
    const step of path.matchAll(/\.([A-Za-z0-9_-]+)|\[(\d+)\]|\[\?\(@\.([A-Za-z0-9_-]+)\s*==\s*["']([^"']*)["']\)\]/g)
  ) {
    const [, member, index, filterMember, filterValue] = step;
    if (member !== undefined) value = isMap(value) ? value[member] : undefined;
    else if (index !== undefined) value = Array.isArray(value) ? value[Number(index)] : undefined;
    else {value = Array.isArray(value)
        ? value.find((item) => isMap(item) && item[filterMember!] === filterValue)
        : undefined;}
  }
  return value;
}
