/** When the configuration counts as another: each time costs a look at all Services. */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import type { KubeObject } from "../../../lib/base/kube.ts";
import { PoolConfig } from "../../../lib/decision/control/pool_config.ts";
import { poolObject } from "../objects.ts";

const plain = poolObject("p", ["192.0.2.0/24"]);
const pinned = poolObject("q", ["198.51.100.0/24"], {
  serviceAllocation: { namespaces: ["named"], namespaceSelectors: [{ matchLabels: { team: "a" } }] },
});

function namespace(name: string, labels: Record<string, string> = {}): KubeObject {
  return { kind: "Namespace", metadata: { name, labels } };
}

/** Of each step, whether the configuration is another than before. */
function changes(pools: readonly KubeObject[], steps: readonly (readonly KubeObject[])[]): boolean[] {
  const poolConfig = new PoolConfig();
  return steps.map((namespaces) => {
    poolConfig.pools = structuredClone(pools);
    poolConfig.namespaces = namespaces;
    return poolConfig.resolve() !== undefined;
  });
}

Deno.test("PoolConfig: namespaces that no pool asks for come and go without a change", () => {
  const one = [namespace("one")];
  const two = [namespace("one", { team: "a" }), namespace("two")];
  assertEquals(changes([plain], [one, two, []]), [true, false, false]);
});

Deno.test("PoolConfig: where pools select namespaces, those count that are selected", () => {
  const one = [namespace("one")];
  const two = [namespace("one", { other: "b" }), namespace("two")];
  const selected = [...two, namespace("three", { team: "a" })];
  assertEquals(changes([plain, pinned], [one, two, selected, selected, one]), [true, false, true, false, true]);
});

Deno.test("PoolConfig: what is wrong with a pool follows the namespaces, whether it changes anything or not", () => {
  const poolConfig = new PoolConfig();
  poolConfig.pools = [pinned];
  poolConfig.namespaces = [namespace("three", { team: "a" })];
  assert(poolConfig.resolve() !== undefined);
  assertEquals(poolConfig.problems.map(({ reason }) => reason), ["unknownNamespace"]);
  poolConfig.namespaces = [namespace("three", { team: "a" }), namespace("named")];
  poolConfig.resolve();
  assertEquals(poolConfig.problems, []);
});

Deno.test("PoolConfig: a change of a pool is one, its status and its labels are none", () => {
  const poolConfig = new PoolConfig();
  const resolved = (pool: KubeObject) => {
    poolConfig.pools = [pool];
    return poolConfig.resolve() !== undefined;
  };
  assertEquals(resolved(plain), true);
  assertEquals(resolved({ ...plain, status: { assignedIPv4: 1 } }), false);
  assertEquals(resolved(poolObject("p", ["192.0.2.0/25"])), true);
  const annotations = { "herald.dev/reuse-after": "5m" };
  const object = poolObject("p", ["192.0.2.0/25"]);
  assertEquals(resolved({ ...object, metadata: { ...object.metadata, annotations } }), true);
});
