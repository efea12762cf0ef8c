/**
 * The embedded API and Herald's own decoding on the tables of wrong objects; kube-apiserver is in
 * tests/cluster/bad_objects_real_test.ts.
 */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import type { JsonObject } from "../../lib/base/json.ts";
import { decodeObject } from "../../lib/decision/config/decode.ts";
import type { Problem } from "../../lib/decision/config/problem.ts";
import { type ConfigObjects, resolveConfig } from "../../lib/decision/config/resolve.ts";
import { configurationStateSchema } from "../../lib/decision/config/schema/configuration_state.ts";
import { serviceBgpStatusSchema } from "../../lib/decision/config/schema/service_bgp_status.ts";
import { serviceL2StatusSchema } from "../../lib/decision/config/schema/service_l2_status.ts";
import { CONFIG_LISTS, type Kind, wholeObject } from "../contract/bad_objects.ts";
import { admissions, BAD_OBJECTS, refusals, type Send, typingErrors } from "../contract/bad_objects_suite.ts";
import { BAD_SEMANTICS } from "../contract/bad_semantics.ts";
import { GOOD_OBJECTS } from "../contract/good_objects.ts";
import { GUIDE_OBJECTS, GUIDE_TYPING_ERROR } from "../contract/guide_objects.ts";
import { TYPING_ERRORS } from "../contract/typing_errors.ts";
import { EmbeddedStage } from "./embedded_stage.ts";

const NAMESPACE = "metallb-system";

function sender(): Send {
  const stage = new EmbeddedStage();
  return (method, path, body) => stage.send(method, path, body === undefined ? {} : { body });
}

const STATUS_SCHEMAS = {
  ServiceL2Status: serviceL2StatusSchema,
  ServiceBGPStatus: serviceBgpStatusSchema,
  ConfigurationState: configurationStateSchema,
};

/** All that Herald has to say about an object of the name `x`, in a namespace where only the others are besides. */
function problemsOf(
  kind: Kind,
  object: JsonObject,
  beside: readonly (readonly [string, JsonObject])[] = [],
): Problem[] {
  const options = { name: "x", namespace: NAMESPACE };
  const whole = wholeObject(kind, object, options);
  if (kind === "ServiceL2Status" || kind === "ServiceBGPStatus" || kind === "ConfigurationState") {
    const decoded = decodeObject<unknown>(whole, { schema: STATUS_SCHEMAS[kind], kind });
    return decoded.ok ? [] : [...decoded.problems];
  }
  const objects: Record<string, unknown[]> = Object.fromEntries(Object.values(CONFIG_LISTS).map((list) => [list, []]));
  objects[CONFIG_LISTS[kind]!]!.push(whole);
  for (const [other, content] of beside) {
    objects[CONFIG_LISTS[other as keyof typeof CONFIG_LISTS]!]!.push(wholeObject(other as Kind, content, options));
  }
  const { problems } = resolveConfig(objects as unknown as ConfigObjects);
  return problems.filter((problem) => problem.kind === kind && problem.name === "x");
}

function errorPaths(problems: readonly Problem[]): string[] {
  const errors = problems.filter(({ severity }) => severity === "error");
  for (const { message } of errors) assert(message.length > 10, message);
  return [...new Set(errors.map(({ path }) => path))];
}

Deno.test("Bad objects: there are hundreds, and no rule is there twice", () => {
  const rules = [...BAD_OBJECTS, ...BAD_SEMANTICS].map(({ kind, rule }) => `${kind}: ${rule}`);
  assert(rules.length >= 300, `${rules.length}`);
  assertEquals(rules.filter((rule, index) => rules.indexOf(rule) !== index), []);
});

Deno.test("Bad objects: the embedded API refuses each at its path", async () => {
  assertEquals(await refusals(BAD_OBJECTS, sender()), []);
});

Deno.test("Bad objects: decoding refuses each at the same path", () => {
  const failures: string[] = [];
  for (const { kind, rule, object, path, isDecoded } of BAD_OBJECTS) {
    if (!isDecoded) continue;
    const paths = errorPaths(problemsOf(kind, object));
    if (paths.length !== 1 || paths[0] !== path) failures.push(`${kind}: ${rule}: ${path}, but ${paths}`);
  }
  assertEquals(failures, []);
});

Deno.test("Bad objects: what the definitions cannot see is admitted by the embedded API", async () => {
  assertEquals(await admissions(BAD_SEMANTICS, { send: sender(), prefix: "semantic" }), []);
});

Deno.test("Bad objects: what the definitions cannot see is refused by resolving, at its path", () => {
  const failures: string[] = [];
  for (const { kind, rule, object, path, beside } of BAD_SEMANTICS) {
    const paths = errorPaths(problemsOf(kind, object, beside));
    if (paths.length !== 1 || paths[0] !== path) failures.push(`${kind}: ${rule}: ${path}, but ${paths}`);
  }
  assertEquals(failures, []);
});

Deno.test("Bad objects: a typing error in a field's name is said to who asks for it", async () => {
  assertEquals(await typingErrors(TYPING_ERRORS, sender()), []);
});

Deno.test("Good objects: the embedded API admits each, and completes it", async () => {
  assertEquals(await admissions(GOOD_OBJECTS, { send: sender(), prefix: "good" }), []);
});

Deno.test("Good objects: resolving finds no error", () => {
  const failures: string[] = [];
  for (const { kind, rule, object, isUnusable } of GOOD_OBJECTS) {
    const paths = errorPaths(problemsOf(kind, object));
    if (isUnusable !== true && paths.length > 0) failures.push(`${kind}: ${rule}: ${paths}`);
    if (isUnusable === true) assert(paths.length > 0, rule);
  }
  assertEquals(failures, []);
});

Deno.test("Good objects: the embedded API admits those of the guides", async () => {
  assert(GUIDE_OBJECTS.length >= 35, `${GUIDE_OBJECTS.length}`);
  const refused = await admissions(GUIDE_OBJECTS, { send: sender(), prefix: "guide" });
  assertEquals(refused.filter((failure) => !failure.includes(GUIDE_TYPING_ERROR)), []);
  assertEquals(refused.length, 3);
});
