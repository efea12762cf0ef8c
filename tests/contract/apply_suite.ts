/**
 * The recorded requests of apply_requests.ts on one server, compared with what a real kube-apiserver v1.34.2 answered.
 *
 * The cluster tier runs them on a real one, so the recording cannot become wrong unnoticed. To record anew:
 *     HERALD_RECORD=1 deno test -A tests/cluster/apply_suite_real_test.ts
 */
import { assertEquals } from "@std/assert/equals";
import { APPLY_SECTIONS, type ApplyRow } from "./apply_requests.ts";
import type { ServerUnderTest } from "./embedded_suite.ts";
import recorded from "../golden/server_side_apply.json" with { type: "json" };

// deno-lint-ignore no-explicit-any -- answers of any shape
type Answered = any;

export interface Answer {
  readonly code: number;
  /** Whether the answer shows the version that the row before showed of the same object. */
  readonly version?: "same" | "new";
  readonly body: Answered;
}

/** What admission plug-ins of kube-apiserver put into Pods and Nodes, and zero values that only Go writes. */
const ADMISSION: Readonly<Record<string, readonly string[]>> = {
  Pod: ["priority", "preemptionPolicy", "tolerations"],
  Node: ["spec", "nodeInfo", "daemonEndpoints"],
};

const RECORDING = new URL("../golden/server_side_apply.json", import.meta.url);

/** Runs every section on one server; its objects have names of their own. */
export function applyContract(
  name: string,
  start: () => Promise<ServerUnderTest>,
  options: { readonly record?: boolean } = {},
): void {
  Deno.test(`${name}: applies and knows the owners of fields as kube-apiserver does`, async (test) => {
    const server = await start();
    const versions = new Map<string, string>();
    const answers: Record<string, Record<string, Answer>> = {};
    try {
      for (const [section, rows] of Object.entries(APPLY_SECTIONS)) {
        for (const row of rows) {
          const answer = await ask(server, { row, versions });
          (answers[section] ??= {})[row.name] = answer;
          if (options.record === true) continue;
          await test.step(`${section}: ${row.name}`, () => check(row, { answer, expected: expectedOf(section, row) }));
        }
      }
      if (options.record === true) await Deno.writeTextFile(RECORDING, JSON.stringify(answers, undefined, 1) + "\n");
    } finally {
      await server.stop();
    }
  });
}

function expectedOf(section: string, row: ApplyRow): Answer {
  const answers = recorded as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  return answers[section]?.[row.name] as Answer;
}

function check(row: ApplyRow, { answer, expected }: { answer: Answer; expected: Answer }): void {
  if (expected.code < 400 || row.words === true) return assertEquals(answer, expected);
  const { message: _, ...body } = answer.body;
  const { message: __, ...rest } = expected.body;
  assertEquals({ ...answer, body }, { ...expected, body: rest });
}

/** Sends one row and takes out of the answer what differs by nature. */
export async function ask(
  server: ServerUnderTest,
  { row, versions }: { row: ApplyRow; versions: Map<string, string> },
): Promise<Answer> {
  const { method, path, body, type = "application/json", userAgent = "herald-test/1" } = row;
  const response = await server.fetch(path, {
    method,
    headers: { "user-agent": userAgent, ...(body === undefined ? {} : { "content-type": type }) },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const json: Answered = await response.json();
  if (response.status >= 400) return JSON.parse(JSON.stringify({ code: response.status, body: refusal(json) }));
  const { uid, resourceVersion } = json.metadata;
  const version = versions.get(uid) === resourceVersion ? "same" : "new";
  if (!path.includes("dryRun")) versions.set(uid, resourceVersion);
  return JSON.parse(JSON.stringify({ code: response.status, version, body: tidy(json) }));
}

function refusal({ reason, message, details }: Answered): Answered {
  const causes = (details?.causes ?? []).map((cause: Answered) =>
    `${cause.reason} ${cause.field}: ${withoutTimes(cause.message)}`
  );
  return { reason, message: withoutTimes(message), ...(reason === "Conflict" ? { causes: causes.sort() } : {}) };
}

/** Without what differs by nature: names that the server gives, times, addresses and ports that it picks. */
function tidy(object: Answered): Answered {
  const { uid: _uid, resourceVersion: _version, creationTimestamp: _created, ...metadata } = object.metadata;
  const managers = (metadata.managedFields ?? []).map((entry: Answered) => ({
    ...entry,
    time: entry.time === undefined ? "none" : "some",
  }));
  const name = ({ manager, operation, apiVersion, subresource }: Answered) =>
    [manager, operation, apiVersion, subresource].join();
  managers.sort((a: Answered, b: Answered) => name(a) < name(b) ? -1 : 1);
  const result = { ...object, metadata: { ...metadata, managedFields: managers } };
  const shown = JSON.parse(JSON.stringify(result, (key, value) => {
    if (ADMISSION[object.kind]?.includes(key) === true) return undefined;
    if (key === "clusterIP") return "an address";
    if (key === "clusterIPs") return ["an address"];
    if (key === "nodePort") return "a port";
    return value;
  }));
  if (Object.keys(shown.status ?? {}).length === 0) delete shown.status;
  return shown;
}

function withoutTimes(message: string): string {
  return message.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME");
}
