/** Events in both of their forms: one store, two shapes of the same facts. */
import { type FieldError, invalid, required } from "../field_error.ts";
import { isMap, type JsonMap, mapAt, textAt } from "../json_map.ts";
import { resourceType, type TableColumn } from "../resource_type.ts";
import { always, record, type Schema, text, whole } from "../schema.ts";
import { OBJECT_REFERENCE } from "./common.ts";

const SERIES: Schema = record({ count: whole, lastObservedTime: text });
const SOURCE: Schema = record({ component: text, host: text });

/** Members that are named differently: core, events.k8s.io. */
const RENAMED: readonly (readonly [string, string])[] = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["reportingComponent", "reportingController"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
];

const COMMON = {
  eventTime: text,
  series: SERIES,
  action: text,
  reason: text,
  related: OBJECT_REFERENCE,
  reportingInstance: text,
  type: text,
};

const CORE_SCHEMA: Schema = record({
  ...COMMON,
  involvedObject: always(OBJECT_REFERENCE),
  message: text,
  reportingComponent: text,
  source: always(SOURCE),
  firstTimestamp: text,
  lastTimestamp: text,
  count: whole,
});

const EVENTS_SCHEMA: Schema = record({
  ...COMMON,
  regarding: always(OBJECT_REFERENCE),
  note: text,
  reportingController: text,
  deprecatedSource: always(SOURCE),
  deprecatedFirstTimestamp: text,
  deprecatedLastTimestamp: text,
  deprecatedCount: whole,
});

const COLUMNS: readonly TableColumn[] = [
  { name: "Last Seen", type: "date", cell: lastSeen },
  { name: "Type", type: "string", cell: (body) => textAt(body, "type") },
  { name: "Reason", type: "string", cell: (body) => textAt(body, "reason") },
  { name: "Object", type: "string", cell: objectCell },
  {
    name: "Subobject",
    type: "string",
    priority: 1,
    cell: (body) => textAt(mapAt(body, "involvedObject"), "fieldPath"),
  },
  { name: "Source", type: "string", priority: 1, cell: sourceOf },
  { name: "Message", type: "string", cell: (body) => textAt(body, "message").trim() },
  { name: "First Seen", type: "date", priority: 1, cell: firstSeen },
  { name: "Count", type: "integer", priority: 1, cell: (body) => typeof body.count === "number" ? body.count : 1 },
  { name: "Name", type: "string", priority: 1, cell: (body) => textAt(body.metadata, "name") },
];

const SHARED = {
  kind: "Event",
  plural: "events",
  storage: "/events",
  createsOnUpdate: true,
  columns: COLUMNS,
  fields: {
    "involvedObject.kind": reference("kind"),
    "involvedObject.namespace": reference("namespace"),
    "involvedObject.name": reference("name"),
    "involvedObject.uid": reference("uid"),
    "involvedObject.apiVersion": reference("apiVersion"),
    "involvedObject.resourceVersion": reference("resourceVersion"),
    "involvedObject.fieldPath": reference("fieldPath"),
    reason: (body: JsonMap) => textAt(body, "reason"),
    reportingComponent: (body: JsonMap) => textAt(body, "reportingComponent"),
    source: sourceOf,
    type: (body: JsonMap) => textAt(body, "type"),
  },
} as const;

export const EVENTS = resourceType({
  ...SHARED,
  group: "",
  version: "v1",
  shortNames: ["ev"],
  schema: CORE_SCHEMA,
  strategy: { validate: validateEvent },
});

export const EVENTS_K8S_IO = resourceType({
  ...SHARED,
  group: "events.k8s.io",
  version: "v1",
  shortNames: ["ev"],
  schema: EVENTS_SCHEMA,
  fields: {
    ...SHARED.fields,
    "regarding.kind": reference("kind"),
    "regarding.namespace": reference("namespace"),
    "regarding.name": reference("name"),
    "regarding.uid": reference("uid"),
    reportingController: (body: JsonMap) => textAt(body, "reportingComponent"),
  },
  strategy: {
    validate: (body, change) => {
      const errors = validateEvent(body);
      if (change.previous === undefined && textAt(body, "eventTime") === "") errors.push(required("eventTime"));
      return errors;
    },
  },
  conversion: {
    toStorage: (body) => rename(body, RENAMED.map(([core, other]) => [other, core])),
    fromStorage: (body) => rename(body, RENAMED),
  },
});

function rename(body: JsonMap, names: readonly (readonly [string, string])[]): JsonMap {
  const map = new Map(names);
  return Object.fromEntries(Object.entries(body).map(([key, value]) => [map.get(key) ?? key, value]));
}

function validateEvent(body: JsonMap): FieldError[] {
  const metadata = mapAt(body, "metadata");
  const involved = textAt(mapAt(body, "involvedObject"), "namespace");
  // Events about cluster-scoped objects live in "default".
  const expected = involved === "" ? textAt(metadata, "namespace") : involved;
  if (textAt(metadata, "namespace") !== expected) {
    return [invalid("involvedObject.namespace", involved, "does not match event.namespace")];
  }
  const type = body.type;
  if (type !== undefined && type !== "" && type !== "Normal" && type !== "Warning") {
    return [invalid("type", type, 'has invalid value: "Normal" and "Warning" are known')];
  }
  return [];
}

function reference(member: string): (body: JsonMap) => string {
  return (body) => textAt(mapAt(body, "involvedObject"), member);
}

function sourceOf(body: JsonMap): string {
  return textAt(mapAt(body, "source"), "component") || textAt(body, "reportingComponent");
}

function firstSeen(body: JsonMap): string {
  return textAt(body, "firstTimestamp") || textAt(body, "eventTime");
}

function lastSeen(body: JsonMap): string {
  const series = isMap(body.series) ? textAt(body.series, "lastObservedTime") : "";
  return series || textAt(body, "lastTimestamp") || firstSeen(body);
}

function objectCell(body: JsonMap): string {
  const involved = mapAt(body, "involvedObject");
  return `${textAt(involved, "kind").toLowerCase()}/${textAt(involved, "name")}`;
}
