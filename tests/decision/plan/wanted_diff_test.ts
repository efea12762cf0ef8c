import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { DELTA_ENTRIES_MAX, type WantedAddress, type WantedDelta } from "../../../lib/base/wanted.ts";
import { WantedDiff } from "../../../lib/decision/plan/wanted_diff.ts";

function wanted(count: number, candidates: string[] = ["n1"]): Map<string, WantedAddress> {
  const map = new Map<string, WantedAddress>();
  for (let i = 0; i < count; i++) {
    const address = `10.0.${i >> 8}.${i & 255}`;
    map.set(address, { address, candidates, interfaces: "all", services: [`shop/s${i}`] });
  }
  return map;
}

const peer = (node: string, port = 7946) => ({ node, address: "10.1.0.1", port });

function entries({ upsertAddresses, removeAddresses, upsertPeers, removePeers }: WantedDelta): number {
  return upsertAddresses.length + removeAddresses.length + upsertPeers.length + removePeers.length;
}

Deno.test("WantedDiff: an empty snapshot is sent once, and complete", () => {
  const diff = new WantedDiff();
  const world = { addresses: wanted(0), peers: [] };
  assertEquals(diff.next(world), [
    { generation: 1, upsertAddresses: [], removeAddresses: [], upsertPeers: [], removePeers: [], complete: true },
  ]);
  assertEquals(diff.next(world), []);
});

Deno.test("WantedDiff: a long snapshot comes in parts, only the last is complete; nothing follows when nothing changed", () => {
  const diff = new WantedDiff();
  const world = { addresses: wanted(2 * DELTA_ENTRIES_MAX), peers: [peer("n2")] };
  const deltas = diff.next(world);
  assertEquals(deltas.map(entries), [DELTA_ENTRIES_MAX, DELTA_ENTRIES_MAX, 1]);
  assertEquals(deltas.map(({ complete }) => complete), [false, false, true]);
  assertEquals(deltas.map(({ generation }) => generation), [1, 2, 3]);
  assertEquals(diff.next({ addresses: wanted(2 * DELTA_ENTRIES_MAX), peers: [peer("n2")] }), []);
  assertEquals(diff.generation, 3);
});

Deno.test("WantedDiff: exactly what changed is told, and later parts are complete by themselves", () => {
  const diff = new WantedDiff();
  diff.next({ addresses: wanted(3), peers: [peer("n2"), peer("n3")] });
  const changed = wanted(2);
  changed.set("10.0.0.1", { ...changed.get("10.0.0.1")!, interfaces: ["eth0"] });
  const [delta, ...more] = diff.next({ addresses: changed, peers: [peer("n3", 1), peer("n4")] });
  assertEquals(more, []);
  assertEquals(delta, {
    generation: 2,
    upsertAddresses: [changed.get("10.0.0.1")!],
    removeAddresses: ["10.0.0.2"],
    upsertPeers: [peer("n3", 1), peer("n4")],
    removePeers: ["n2"],
    complete: true,
  });
  const all = diff.next({ addresses: wanted(600, ["n2", "n1"]), peers: [] });
  assert(all.every((part) => part.complete && entries(part) <= DELTA_ENTRIES_MAX && entries(part) > 0));
  assertEquals(all.reduce((sum, part) => sum + entries(part), 0), 602);
});

Deno.test("WantedDiff: with the changed addresses named, only those are compared", () => {
  const diff = new WantedDiff();
  diff.next({ addresses: wanted(4), peers: [] });
  const next = wanted(3, ["n9"]);
  const [delta] = diff.next({ addresses: next, peers: [] }, { changed: ["10.0.0.1", "10.0.0.3", "10.9.9.9"] });
  assertEquals(delta?.upsertAddresses.map(({ address }) => address), ["10.0.0.1"]);
  assertEquals(delta?.removeAddresses, ["10.0.0.3"]);
});

Deno.test("WantedDiff: other interfaces of another node, and another policy, are changes; the same written anew is none", () => {
  const diff = new WantedDiff();
  const world = (more: Partial<WantedAddress>) => ({
    addresses: new Map([...wanted(1)].map(([key, one]) => [key, { ...one, ...more }])),
    peers: [],
  });
  const policy = (afterMs: number) => ({ failback: { afterMs }, probe: "beside" as const, linkProbes: ["192.0.2.1"] });
  diff.next(world({}));
  const steps: [() => Partial<WantedAddress>, string][] = [
    [() => ({ interfacesByNode: { n2: ["eth1"] } }), "interfaces of another node"],
    [() => ({ interfacesByNode: { n3: ["eth1"] } }), "those of yet another"],
    [() => ({ interfacesByNode: { n3: "all" } }), "others of the same"],
    [() => ({ policy: policy(5) }), "a policy"],
    [() => ({ policy: policy(6) }), "another one"],
    [() => ({}), "none"],
  ];
  for (const [step, what] of steps) {
    assertEquals(diff.next(world(step())).map(entries), [1], what);
    assertEquals(diff.next(world(step())), [], what);
  }
});
