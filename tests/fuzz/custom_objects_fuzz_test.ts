/**
 * Random damage to good objects (fixed seeds), through the embedded API's validation and through resolving: neither
 * ever throws, they agree on what the definitions refuse, and whoever admits or refuses says why.
 */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import type { JsonObject } from "../../lib/base/json.ts";
import { convertBgpPeer } from "../../lib/decision/config/bgp_peer_conversion.ts";
import type { Problem } from "../../lib/decision/config/problem.ts";
import { resolveConfig } from "../../lib/decision/config/resolve.ts";
import { CONFIG_LISTS, type Kind, PLURALS, wholeObject } from "../contract/bad_objects.ts";
import { Damage } from "../contract/damage.ts";
import { GOOD_OBJECTS } from "../contract/good_objects.ts";
import { type Answered, EmbeddedStage } from "../embedded/embedded_stage.ts";

const SEEDS = [20261124, 7, 4242];
const ROUNDS = 1_000;
const NAMESPACE = "default";

function resolve(kind: Kind, object: unknown): readonly Problem[] {
  const list = CONFIG_LISTS[kind];
  const objects = { ipAddressPools: [], communities: [], bfdProfiles: [], secrets: [] };
  return list === undefined ? [] : resolveConfig({ ...objects, [list]: [object] }).problems;
}

Deno.test("Fuzz: damaged objects get an answer from the embedded API and from resolving, and the answers agree", async () => {
  let admitted = 0;
  let refused = 0;
  for (const seed of SEEDS) {
    const stage = new EmbeddedStage({ seed });
    const damage = new Damage(seed);
    for (let round = 0; round < ROUNDS; round++) {
      const { kind, object } = damage.pick(GOOD_OBJECTS);
      const parts = damage.to({ spec: {}, ...object }) as JsonObject;
      const whole = wholeObject(kind, parts, { name: `x-${round}`, namespace: NAMESPACE });
      const where = `seed ${seed}, round ${round}: ${JSON.stringify(whole)}`;
      const path = `/apis/${whole["apiVersion"]}/namespaces/${NAMESPACE}/${PLURALS[kind]}`;
      const answer = await stage.post(path, whole);
      const problems = resolve(kind, whole);
      for (const { message, path: at, reason } of problems) {
        assert(message.length > 10 && message.length < 2_000, `${where}: ${message}`);
        assert(at !== "" || reason === "moreProblems", `${where}: ${message}`);
      }
      const hasError = errorsOf(problems).length > 0;
      if (answer.code === 201) {
        admitted++;
        assertEquals(errorsOf(resolve(kind, answer.body)), errorsOf(problems), `${where}: completed otherwise`);
        if (kind === "BGPPeer") assertRoundTrip(answer.body, where);
      } else {
        refused++;
        assertEquals(answer.code, 422, `${where}: ${JSON.stringify(answer.body)}`);
        const fields: string[] = answer.body.details.causes.map((cause: Answered) => cause.field);
        assert(fields.length > 0, where);
        if (CONFIG_LISTS[kind] !== undefined && fields.some((field) => field.startsWith("spec"))) {
          assert(hasError, `${where}: refused by the definition, and resolving sees no error`);
        }
      }
    }
  }
  assert(admitted > 500 && refused > 500, `${admitted} admitted, ${refused} refused`);
});

/** Warnings are about fields that the server has removed, too. */
function errorsOf(problems: readonly Problem[]): string[] {
  return problems.filter(({ severity }) => severity === "error").map(({ path, reason }) => `${reason} ${path}`);
}

/** There and back between the versions, as far as the two can differ: see bgp_peer_conversion.ts. */
function assertRoundTrip(object: Answered, where: string): void {
  const older = convertBgpPeer(object, "metallb.io/v1beta1");
  assert(older.ok, where);
  const back = convertBgpPeer((older as { object: unknown }).object, "metallb.io/v1beta2");
  assert(back.ok, where);
  const { spec } = (back as { object: Answered }).object;
  assertEquals(withoutDefaults(spec), withoutDefaults(object.spec), where);
}

function withoutDefaults(spec: Answered): unknown {
  return JSON.parse(
    JSON.stringify(spec, (key, value) => {
      if (value === false && (key === "disableMP" || key === "dualStackAddressFamily")) return undefined;
      return key === "values" && Array.isArray(value) && value.length === 0 ? undefined : value;
    }) ?? "null",
  );
}

Deno.test("Fuzz: damaged BGPPeers of either version are converted or handed on, never a failure", () => {
  for (const seed of SEEDS) {
    const damage = new Damage(seed);
    const peers = GOOD_OBJECTS.filter(({ kind }) => kind === "BGPPeer");
    for (let round = 0; round < ROUNDS; round++) {
      const { object } = damage.pick(peers);
      const version = damage.pick(["v1beta1", undefined] as const);
      const options = { name: "x", namespace: NAMESPACE, version };
      const annotations = { "herald.dev/v1beta2-fields": damage.pick(["{}", "[", JSON.stringify(object["spec"])]) };
      const parts = { ...object, metadata: { annotations } } as JsonObject;
      const whole = { ...wholeObject("BGPPeer", parts, options), ...damage.to(parts) as object };
      const target = version === undefined ? "metallb.io/v1beta1" : "metallb.io/v1beta2";
      assert(convertBgpPeer(whole, target).ok, `seed ${seed}, round ${round}: ${JSON.stringify(whole)}`);
    }
  }
});

Deno.test("Hostile objects: deep nesting, long names and huge lists are refused or taken, and the server goes on", async () => {
  const stage = new EmbeddedStage();
  const path = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/ipaddresspools`;
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  const pool = (addresses: string, metadata = '{"name":"x"}') =>
    `{"metadata":${metadata},"spec":{"addresses":${addresses}}}`;
  const lines = Array.from(
    { length: 100_000 },
    (_, index) => `10.${index >> 16}.${index >> 8 & 255}.${index & 255}/32`,
  );
  const rows: [what: string, body: string, code: number][] = [
    ["nesting within the limit", pool(nested(100)), 422],
    ["nesting beyond the limit", pool(nested(1_000)), 400],
    ["nesting that no stack holds", pool(nested(1_000_000)), 400],
    ["cut off", pool(nested(50)).slice(0, 70), 400],
    ["a name of a megabyte", pool("[]", JSON.stringify({ name: "n".repeat(1_000_000) })), 422],
    ["a name that every object has", pool("[]", '{"name":"__proto__"}'), 422],
    ["a member that every object has", pool("[]").replace("{", '{"__proto__":{"spec":1},"constructor":{"a":1},'), 201],
    ["a million labels of one name", pool("[]", `{"name":"y","labels":{${'"a":"b",'.repeat(100_000)}"a":"b"}}`), 201],
    ["a hundred thousand lines", pool(JSON.stringify(lines), '{"name":"huge"}'), 201],
    ["a hundred thousand wrong lines", pool(JSON.stringify(lines.map(() => 7))), 422],
    ["more than a request may hold", pool(JSON.stringify([...lines, ...lines])), 413],
  ];
  for (const [what, body, code] of rows) {
    const answer = await stage.send("POST", path, { body });
    assertEquals(answer.code, code, `${what}: ${JSON.stringify(answer.body).slice(0, 300)}`);
    const causes: unknown[] = answer.body.details?.causes ?? [];
    assert(causes.length <= 101, `${what}: ${causes.length} causes`);
  }
  assertEquals((await stage.get(`${path}/huge`)).body.spec.addresses.length, 100_000);

  let deep: unknown = "192.0.2.0/24";
  for (let level = 0; level < 100_000; level++) deep = [deep];
  const peer = {
    apiVersion: "metallb.io/v1beta2",
    kind: "BGPPeer",
    metadata: { name: "x" },
    spec: { nodeSelectors: deep },
  };
  assertEquals(
    resolve("IPAddressPool", { metadata: { name: "x" }, spec: { addresses: deep } }).map(({ path: at }) => at),
    [
      "spec.addresses[0]",
    ],
  );
  assert(resolve("BGPPeer", peer).length > 0);
  assert(convertBgpPeer(peer, "metallb.io/v1beta1").ok);
});
