// needs: kube-apiserver etcd kubectl
// permissions: --allow-all
/**
 * Our definitions on a real kube-apiserver: it refuses and admits what the tables of tests/contract say, and kubectl
 * shows what a user asks for. The embedded API runs the same tables (tests/embedded/bad_objects_test.ts).
 *
 * Starting the server takes seconds, so all tests share one.
 */
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string_includes";
import type { JsonObject } from "../../lib/base/json.ts";
import { type Kind, PLURALS, wholeObject } from "../contract/bad_objects.ts";
import { admissions, BAD_OBJECTS, refusals, type Send, typingErrors } from "../contract/bad_objects_suite.ts";
import { BAD_SEMANTICS } from "../contract/bad_semantics.ts";
import { Damage } from "../contract/damage.ts";
import { GOOD_OBJECTS } from "../contract/good_objects.ts";
import { GUIDE_OBJECTS, GUIDE_TYPING_ERROR } from "../contract/guide_objects.ts";
import { TYPING_ERRORS } from "../contract/typing_errors.ts";
import { CRDS, EmbeddedStage } from "../embedded/embedded_stage.ts";
import { findTool } from "../support/kube_tools.ts";
import { RealApiServer } from "../support/real_api_server.ts";

const DEFINITIONS = new URL("../../manifests/crds", import.meta.url).pathname;
const SEED = 20261125;
const DAMAGED = 400;
const SERVED_LIMIT_MS = 120_000;
const PEERS = "/apis/metallb.io/v1beta2/namespaces/default/bgppeers";

interface Stage {
  readonly server: RealApiServer;
  readonly home: string;
}

const started: Stage[] = [];

Deno.test.beforeAll(async () => {
  const server = await RealApiServer.start();
  const home = await Deno.makeTempDir({ prefix: "herald-kubectl-" });
  started.push({ server, home });
  await Deno.writeTextFile(`${home}/kubeconfig`, server.kubeconfig({ server: server.url, credentials: "good" }));
  const { stdout, stderr } = await kubectl("apply", "-f", DEFINITIONS);
  assertEquals(stderr, "", "definitions are accepted without a warning");
  assertEquals(stdout.trim().split("\n").length, CRDS.length);
  await untilServed();
});

Deno.test.afterAll(async () => {
  for (const { server, home } of started) {
    await server.stop();
    await Deno.remove(home, { recursive: true });
  }
});

async function kubectl(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { home } = started[0]!;
  const { code, stdout, stderr } = await new Deno.Command(findTool("kubectl")!, {
    args,
    clearEnv: true,
    env: { HOME: home, KUBECONFIG: `${home}/kubeconfig` },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A definition is stored before it is served. */
async function untilServed(): Promise<void> {
  const until = Date.now() + SERVED_LIMIT_MS;
  for (const crd of CRDS) {
    const { names, versions } = crd.spec as unknown as { names: { plural: string }; versions: { name: string }[] };
    for (const { name } of versions) {
      while ((await send("GET", `/apis/metallb.io/${name}/${names.plural}`)).code !== 200) {
        if (Date.now() > until) throw new Error(`${names.plural} of ${name} are not served`);
        await new Promise((done) => setTimeout(done, 50));
      }
    }
  }
}

const send: Send = async (method, path, body) => {
  const answer = await started[0]!.server.fetch(path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  return { code: answer.status, body: await answer.json() };
};

Deno.test("Definitions: kube-apiserver refuses each bad object at its path", async () => {
  assertEquals(await refusals(BAD_OBJECTS, send), []);
});

Deno.test("Definitions: kube-apiserver admits what only Herald can see", async () => {
  assertEquals(await admissions(BAD_SEMANTICS, { send, prefix: "semantic" }), []);
});

Deno.test("Definitions: kube-apiserver admits each good object, and completes it", async () => {
  assertEquals(await admissions(GOOD_OBJECTS, { send, prefix: "good" }), []);
});

Deno.test("Definitions: kube-apiserver admits the objects of the guides", async () => {
  const refused = await admissions(GUIDE_OBJECTS, { send, prefix: "guide" });
  assertEquals(refused.filter((failure) => !failure.includes(GUIDE_TYPING_ERROR)), []);
  assertEquals(refused.length, 3);
});

Deno.test("Definitions: kube-apiserver says typing errors to who asks for it", async () => {
  assertEquals(await typingErrors(TYPING_ERRORS, send), []);
});

Deno.test("Definitions: the embedded API says the same in the same words, of damaged objects too", async () => {
  const embedded = new EmbeddedStage();
  const damage = new Damage(SEED);
  const rows = BAD_OBJECTS.filter(({ path, before, version }) =>
    // The words about metadata are the embedded API's own.
    !path.startsWith("metadata") && before === undefined && version === undefined
  ).map(({ kind, object }): { kind: Kind; object: JsonObject } => ({ kind, object }));
  for (let round = 0; round < DAMAGED; round++) {
    const { kind, object } = damage.pick(GOOD_OBJECTS);
    rows.push({ kind, object: damage.to({ spec: {}, ...object }) as JsonObject });
  }
  const failures: string[] = [];
  for (const { kind, object } of rows) {
    // Go writes such a number in another way, and does not cut long words.
    if (/1e\+300|a{300}/.test(JSON.stringify(object))) continue;
    const whole = wholeObject(kind, object, { name: "compared", namespace: "default" });
    const path = `/apis/${whole["apiVersion"]}/namespaces/default/${PLURALS[kind]}?dryRun=All`;
    const real = outcomeOf(await send("POST", path, whole));
    const ours = outcomeOf(await embedded.send("POST", path, { body: whole }));
    if (real !== ours) failures.push(`seed ${SEED}: ${JSON.stringify(whole)}\n  real: ${real}\n  ours: ${ours}`);
  }
  assertEquals(failures.slice(0, 5), []);
});

/** What was wrong, in any order, or what became of the spec. */
function outcomeOf({ code, body }: Awaited<ReturnType<Send>>): string {
  const causes: { field: string; reason: string; message: string }[] = body.details?.causes ?? [];
  const lines = causes.map(({ field, reason, message }) => `${reason} ${field}: ${message}`).sort();
  return [code, ...lines, code === 201 ? JSON.stringify(inOrder(body.spec)) : ""].join("\n");
}

function inOrder(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort().map(([key, member]) => [key, inOrder(member)]));
}

Deno.test("Definitions: a list that is too long is refused by size, and the server goes on", async () => {
  const addresses = Array.from(
    { length: 100_000 },
    (_, index) => `10.${index >> 16}.${index >> 8 & 255}.${index & 255}/32`,
  );
  const pool = {
    apiVersion: "metallb.io/v1beta1",
    kind: "IPAddressPool",
    metadata: { name: "huge" },
    spec: { addresses },
  };
  const answer = await send("POST", "/apis/metallb.io/v1beta1/namespaces/default/ipaddresspools", pool);
  assertEquals(answer.code >= 400, true, `${answer.code}`);
  assertEquals((await send("GET", PEERS)).code, 200);
});

Deno.test("kubectl get metallb shows every kind", async () => {
  // kubectl remembers for hours which kinds there are, and a category it does not know is no reason for it to look again.
  await kubectl("api-resources");
  const { code, stdout, stderr } = await kubectl("get", "metallb", "-A");
  assertEquals([code, stderr], [0, ""]);
  for (const crd of CRDS) {
    const { singular } = (crd.spec as unknown as { names: { singular: string } }).names;
    assertStringIncludes(stdout, `${singular}.metallb.io/`);
  }
  assertMatch(stdout, /NAME +AUTO ASSIGN +AVOID BUGGY IPS +ADDRESSES/);
  assertMatch(stdout, /NAME +ADDRESS +ASN +BFD PROFILE +MULTI HOPS/);
});

Deno.test("kubectl explains fields in our words", async () => {
  const rows: [field: string, version: string, text: string][] = [
    ["ipaddresspool.spec", "v1beta1", "Prefixes (192.0.2.0/24) and ranges"],
    ["l2advertisement.spec.preferredNodeSelectors.weight", "v1beta1", "From 1 to 100."],
    ["bgppeer.spec.connectTime", "v1beta2", "in whole seconds"],
    ["bgppeer.spec.nodeSelectors.matchExpressions.operator", "v1beta1", "In or NotIn."],
  ];
  for (const [field, version, text] of rows) {
    const { stdout, stderr } = await kubectl("explain", field, "--api-version", `metallb.io/${version}`);
    assertEquals(stderr, "", field);
    assertStringIncludes(stdout, text);
  }
});

Deno.test("without its webhook, BGPPeer v1beta2 works and v1beta1 says what is missing", async () => {
  const { code, stdout } = await kubectl("get", "bgppeers", "-n", "default");
  assertEquals(code, 0);
  assertStringIncludes(stdout, "192.0.2.254");
  const old = await kubectl("get", "bgppeers.v1beta1.metallb.io", "-n", "default");
  assertEquals(old.code, 1);
  assertStringIncludes(old.stderr, "metallb.io/v1beta1 BGPPeer is deprecated, use metallb.io/v1beta2");
  assertStringIncludes(old.stderr, 'service "metallb-webhook-service" not found');
});
