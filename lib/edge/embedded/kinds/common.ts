/** What several built-in kinds share: conditions, references, readers of labels. */
import { isMap, type JsonMap, mapAt, textAt } from "../json_map.ts";
import { atomic, listBy, record, type Schema, text, whole } from "../schema.ts";

const CONDITION: Schema = record({
  type: text,
  status: text,
  reason: text,
  message: text,
  observedGeneration: whole,
  lastTransitionTime: text,
  lastProbeTime: text,
  lastHeartbeatTime: text,
  lastUpdateTime: text,
});

export const CONDITIONS: Schema = listBy("type", CONDITION);

export const OBJECT_REFERENCE: Schema = atomic(record({
  kind: text,
  namespace: text,
  name: text,
  uid: text,
  apiVersion: text,
  resourceVersion: text,
  fieldPath: text,
}));

/** The status of a condition, or "Unknown". */
export function conditionStatus(body: JsonMap, type: string): string {
  const conditions = mapAt(body, "status").conditions;
  if (!Array.isArray(conditions)) return "Unknown";
  const condition = conditions.find((item) => isMap(item) && item.type === type);
  return textAt(condition, "status") || "Unknown";
}

/** `app=web,tier=front`, or `<none>`. */
export function labelText(labels: JsonMap): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`).sort();
  return pairs.length === 0 ? "<none>" : pairs.join(",");
}
