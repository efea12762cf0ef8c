/** Sends the tables of objects to an API server and says where its answers are not those of the tables. */
import type { JsonObject } from "../../lib/base/json.ts";
import { type Kind, PLURALS, type SchemaRow, wholeObject } from "./bad_objects.ts";
import { BAD_BGP } from "./bad_objects_bgp.ts";
import { BAD_LAYER2 } from "./bad_objects_layer2.ts";
import { BAD_STATUS } from "./bad_objects_status.ts";
import type { SemanticRow } from "./bad_semantics.ts";
import type { GoodRow } from "./good_objects.ts";
import type { TypingError } from "./typing_errors.ts";

export const BAD_OBJECTS: readonly SchemaRow[] = [...BAD_LAYER2, ...BAD_BGP, ...BAD_STATUS];

// deno-lint-ignore no-explicit-any -- answers are read deeply
type Answered = any;

export type Send = (method: string, path: string, body?: unknown) => Promise<{ code: number; body: Answered }>;

/** Exists on every server. */
const NAMESPACE = "default";

/** What an API server says of the wrong field, beside what it says because it could not go on. */
const NOT_CHECKED = "<nil>";

export async function refusals(rows: readonly SchemaRow[], send: Send): Promise<string[]> {
  const failures: string[] = [];
  for (const [index, row] of rows.entries()) {
    const answer = await sendRow(row, { send, name: `bad-${index}` });
    const causes: { field: string }[] = answer.body.details?.causes ?? [];
    const paths = new Set(causes.map(({ field }) => field).filter((field) => field !== NOT_CHECKED));
    if (answer.code !== 422 || paths.size !== 1 || !paths.has(row.path)) {
      failures.push(`${row.kind}: ${row.rule}: ${row.path}, but ${answer.code} ${[...paths]} ${answer.body.message}`);
    }
  }
  return failures;
}

/** Admitted, whatever else is wrong with them; as the server completes them if the row says so. */
export async function admissions(
  rows: readonly (SemanticRow | GoodRow)[],
  { send, prefix }: { send: Send; prefix: string },
): Promise<string[]> {
  const failures: string[] = [];
  for (const [index, row] of rows.entries()) {
    const { object, kind } = row;
    const name = `${prefix}-${index}`;
    const made = await send("POST", `${collection(kind)}?fieldValidation=Strict`, whole(kind, { object, name }));
    if (made.code !== 201) failures.push(`${kind}: ${row.rule}: ${made.code} ${made.body.message}`);
    if ("becomes" in row && JSON.stringify(sorted(made.body.spec)) !== JSON.stringify(sorted(row.becomes))) {
      failures.push(`${kind}: ${row.rule}: became ${JSON.stringify(made.body.spec)}`);
    }
    if (object["status"] === undefined || made.code !== 201) continue;
    const kept = await send("PUT", `${collection(kind)}/${name}/status`, { ...made.body, status: object["status"] });
    if (kept.code !== 200) failures.push(`${kind}: ${row.rule}: ${kept.code} ${kept.body.message}`);
  }
  return failures;
}

/** Fields that do not exist: refused by a client that asks for it, as kubectl does. */
export async function typingErrors(rows: readonly TypingError[], send: Send): Promise<string[]> {
  const failures: string[] = [];
  for (const [kind, object, path] of rows) {
    const body = whole(kind, { object, name: "typing-error" });
    const strict = await send("POST", `${collection(kind)}?fieldValidation=Strict&dryRun=All`, body);
    if (strict.code !== 400 || !strict.body.message.includes(`unknown field "${path}"`)) {
      failures.push(`${kind}: ${path}: ${strict.code} ${strict.body.message}`);
    }
  }
  return failures;
}

async function sendRow(row: SchemaRow, { send, name }: { send: Send; name: string }) {
  const { kind, object, before, version } = row;
  const path = collection(kind, version);
  if (before === undefined) return await send("POST", path, whole(kind, { object, name, version }));
  const { status: earlier, ...rest } = before;
  let made = await send("POST", path, whole(kind, { object: rest, name }));
  if (made.code !== 201) throw new Error(`${row.rule}: the object before is not admitted: ${made.body.message}`);
  if (earlier !== undefined) made = await send("PUT", `${path}/${name}/status`, { ...made.body, status: earlier });
  if (made.code >= 300) throw new Error(`${row.rule}: the status before is not admitted: ${made.body.message}`);
  const { status, spec } = object;
  return status === undefined
    ? await send("PUT", `${path}/${name}`, { ...made.body, spec })
    : await send("PUT", `${path}/${name}/status`, { ...made.body, status });
}

function collection(kind: Kind, version?: "v1beta1"): string {
  const { apiVersion } = whole(kind, { object: {}, name: "", version });
  return `/apis/${apiVersion}/namespaces/${NAMESPACE}/${PLURALS[kind]}`;
}

function whole(
  kind: Kind,
  { object, name, version }: { object: JsonObject; name: string; version?: "v1beta1" | undefined },
): JsonObject {
  return wholeObject(kind, object, { name, namespace: NAMESPACE, version });
}

function sorted(value: Answered): Answered {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort().map(([key, member]) => [key, sorted(member)]));
}
