import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { LAN_TIMING, WAN_TIMING } from "../../../lib/protocol/swim/timing.ts";
import { METALLB_VERSIONS } from "../../../lib/protocol/swim/swim.ts";
import { type SwimNode, SwimWorld } from "../../support/swim_world.ts";

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `node-${i + 1}`);
}

/** When `observer` first saw `subject` so, after `since`. */
function sawAt(observer: SwimNode, subject: SwimNode, { state, since }: { state: string; since: number }): number {
  const found = observer.changes.find(({ at, change }) =>
    at >= since && change.node === subject.name && change.member?.state === state
  );
  return (found?.at ?? Infinity) - since;
}

for (const [timing, preset] of [[LAN_TIMING, "LAN"], [WAN_TIMING, "WAN"]] as const) {
  for (const count of [2, 3, 4, 10]) {
    Deno.test(`SWIM with ${preset} times: of ${count} nodes one dies and everybody finds out in its time`, () => {
      for (let seed = 1; seed <= 5; seed++) {
        const world = new SwimWorld({ seed });
        const nodes = world.cluster(names(count), { timing, settleMs: 10_000 });
        assert(world.isWhole(nodes), `seed ${seed}: they did not meet`);
        const [victim, ...others] = nodes as [SwimNode, ...SwimNode[]];
        const since = world.now;
        world.kill(victim);
        world.run(30 * timing.suspicionMult * timing.probeIntervalMs);
        const suspicionMinMs = timing.suspicionMult * timing.probeIntervalMs;
        for (const other of others) {
          const suspected = sawAt(other, victim, { state: "suspect", since });
          const dead = sawAt(other, victim, { state: "dead", since });
          // Nobody may judge before its minimum, and gossip may shorten what it waits for itself.
          assert(dead >= suspicionMinMs && dead < Infinity, `seed ${seed}: ${other.name} found out after ${dead} ms`);
          assert(suspected < dead, `seed ${seed}: ${other.name} suspected after ${suspected} ms, dead after ${dead}`);
        }
        // Of three or fewer nobody waits for confirmations; of more the first confirmations come within a few rounds.
        const first = Math.min(...others.map((other) => sawAt(other, victim, { state: "dead", since })));
        const roundsMs = (count + 2) * timing.probeIntervalMs;
        assert(first <= suspicionMinMs * (count < 4 ? 1 : 3) + roundsMs, `seed ${seed}: the first after ${first} ms`);
      }
    });
  }
}

Deno.test("SWIM: whoever leaves is left, not dead, within half a second, and nobody suspects it", () => {
  const world = new SwimWorld({ seed: 1 });
  const nodes = world.cluster(names(5));
  const [leaver, ...others] = nodes as [SwimNode, ...SwimNode[]];
  const since = world.now;
  world.input(leaver, { kind: "leave" });
  world.run(500);
  assertEquals(leaver.hasLeft, true);
  for (const other of others) assertEquals(world.view(other, leaver), "left");
  world.kill(leaver);
  world.run(20_000);
  for (const other of others) assertEquals(sawAt(other, leaver, { state: "suspect", since }), Infinity);
});

Deno.test("SWIM: one that has left denies nothing, whatever comes back of its own farewell", () => {
  const world = new SwimWorld({ seed: 1 });
  const [leaver, other] = world.cluster(names(2)) as [SwimNode, SwimNode];
  world.input(leaver, { kind: "leave" });
  world.run(500);
  const from = { address: other.address, port: 7946 };
  const about = { node: leaver.name, incarnation: 1 };
  world.input(leaver, { kind: "datagram", from, messages: [{ kind: "dead", ...about, from: leaver.name }] });
  world.input(leaver, { kind: "datagram", from, messages: [{ kind: "dead", ...about, from: other.name }] });
  world.input(leaver, { kind: "datagram", from, messages: [{ kind: "suspect", ...about, from: other.name }] });
  world.run(3000);
  assertEquals(world.view(other, leaver), "left");
  assertEquals(leaver.logged.includes("ownDeathDenied"), false);
});

Deno.test("SWIM: a suspicion that began before a pause does not end by it", () => {
  const world = new SwimWorld({ seed: 1 });
  const [sleeper, other] = world.cluster(names(2)) as [SwimNode, SwimNode];
  world.reaches = () => false;
  for (let tries = 0; world.view(sleeper, other) !== "suspect" && tries < 100; tries++) world.run(100);
  const since = world.now;
  world.reaches = () => true;
  world.pause(sleeper, 10_000);
  world.run(13_000);
  assertEquals(sawAt(sleeper, other, { state: "dead", since }), Infinity);
  assertEquals(world.view(sleeper, other), "alive");
});

Deno.test("SWIM: one that is alone leaves at once", () => {
  const world = new SwimWorld({ seed: 1 });
  const node = world.start("node-1");
  world.input(node, { kind: "leave" });
  assertEquals(node.hasLeft, true);
});

Deno.test("SWIM: a restarted node is back with a higher incarnation, whatever is remembered of its old life", () => {
  for (const farewell of [true, false]) {
    const world = new SwimWorld({ seed: 2 });
    const nodes = world.cluster(names(4));
    const [victim, ...others] = nodes as [SwimNode, ...SwimNode[]];
    if (farewell) world.input(victim, { kind: "leave" });
    world.run(500);
    world.kill(victim);
    world.run(1000);
    const again = world.start(victim.name);
    world.seed(again, nodes);
    world.run(3000);
    for (const other of others) assertEquals([farewell, world.view(other, again)], [farewell, "alive"]);
    assertEquals(world.isWhole([again, ...others]), true);
  }
});

Deno.test("SWIM: a node that stood still for seconds denies its death and is back within a second", () => {
  const world = new SwimWorld({ seed: 3 });
  const nodes = world.cluster(names(5));
  const [sleeper, ...others] = nodes as [SwimNode, ...SwimNode[]];
  const since = world.now;
  world.pause(sleeper, 20_000);
  world.run(20_000);
  for (const other of others) assertEquals(world.view(other, sleeper), "dead");
  world.run(1000);
  for (const other of others) assertEquals(world.view(other, sleeper), "alive");
  // It must not hold its own sleep against the others.
  for (const other of others) assertEquals(sawAt(sleeper, other, { state: "dead", since }), Infinity);
});

Deno.test("SWIM: datagrams to one node are lost, streams are not: it is not suspected, and somebody is told", () => {
  const world = new SwimWorld({ seed: 4 });
  const nodes = world.cluster(names(3));
  const [blocked, ...others] = nodes as [SwimNode, ...SwimNode[]];
  world.reaches = (_, to, by) => by === "stream" || to !== blocked;
  const since = world.now;
  world.run(20_000);
  for (const other of others) assertEquals(sawAt(other, blocked, { state: "dead", since }), Infinity);
  assert(others.some(({ logged }) => logged.includes("memberAnswersByStreamOnly")), "nobody was told");
});

Deno.test("SWIM: a node that one other cannot reach at all is kept alive by those who can", () => {
  const world = new SwimWorld({ seed: 5 });
  const nodes = world.cluster(names(4));
  const [a, b] = nodes as [SwimNode, SwimNode];
  world.reaches = (from, to) => !((from === a && to === b) || (from === b && to === a));
  const since = world.now;
  world.run(60_000);
  // Those between them answer in time, so it does not even come to a suspicion.
  for (const [observer, subject] of [[a, b], [b, a]] as const) {
    assertEquals(sawAt(observer, subject, { state: "suspect", since }), Infinity);
  }
});

Deno.test("SWIM: a partition that healed is found within the minute, by what the API says", () => {
  const world = new SwimWorld({ seed: 6 });
  const nodes = world.cluster(names(6));
  const side = (node: SwimNode) => Number(node.name.at(-1)) % 2;
  world.reaches = (from, to) => side(from) === side(to);
  world.run(120_000);
  assertEquals(world.isWhole(nodes), false);
  world.reaches = () => true;
  world.run(75_000);
  assertEquals(world.isWhole(nodes), true);
});

Deno.test("SWIM: 30 nodes meet although 20 % of the datagrams are lost, and nobody is declared dead", () => {
  for (const seed of [1, 2, 3]) {
    const world = new SwimWorld({ seed, loss: 0.2, delayMs: [0.1, 20] });
    const nodes = world.cluster(names(30), { settleMs: 15_000 });
    assert(world.isWhole(nodes), `seed ${seed}: they did not meet`);
    const since = world.now;
    world.run(120_000);
    const declared = nodes.flatMap((node) =>
      node.changes.filter(({ at, change }) => at > since && change.member?.state === "dead")
    );
    assertEquals([seed, declared.length], [seed, 0]);
    const victims = nodes.slice(0, 3);
    victims.forEach((victim) => world.kill(victim));
    world.run(60_000);
    for (const other of nodes.slice(3)) {
      for (const victim of victims) {
        const last = other.changes.findLast(({ change }) => change.node === victim.name);
        const isGone = last?.change.member === undefined || last.change.member.state === "dead";
        assert(isGone, `seed ${seed}: ${other.name} sees ${victim.name} as ${last?.change.member?.state}`);
      }
    }
  }
});

Deno.test("SWIM: what a node says of itself reaches all others, each time it changes", () => {
  const world = new SwimWorld({ seed: 7 });
  const nodes = world.cluster(names(12));
  for (const text of ["one", "two"]) {
    world.input(nodes[0]!, { kind: "meta", meta: new TextEncoder().encode(text) });
    world.run(2000);
    for (const other of nodes.slice(1)) {
      const state = other.swim.inspect() as { members: { node: string; incarnation: number }[] };
      const incarnation = state.members.find(({ node }) => node === "node-1")!.incarnation;
      assertEquals(incarnation >= (text === "one" ? 2 : 3), true);
    }
  }
});

Deno.test("SWIM: messages of other users of the cluster are passed over, and their stream is closed", () => {
  const { swim } = new SwimWorld({ seed: 14 }).start("node-1");
  const message = { kind: "user" as const, bytes: new Uint8Array([0x48, 1, 0xc1]) };
  swim.handle({ kind: "datagram", messages: [message], from: { address: "10.0.0.2", port: 7946 } }, 1);
  assertEquals(swim.poll(), undefined);
  swim.handle({ kind: "streamRequest", id: 7, message }, 2);
  assertEquals([swim.poll(), swim.poll()], [{ kind: "closeStream", id: 7 }, undefined]);
});

Deno.test("SWIM: a second node of a name that lives is a conflict and is not taken", () => {
  const world = new SwimWorld({ seed: 9 });
  const nodes = world.cluster(names(3));
  const twin = world.start("node-1", { address: "10.9.9.9" });
  world.seed(twin, nodes);
  world.run(2000);
  const witness = nodes[1]!;
  assert(witness.logged.includes("memberNameConflict"), "nobody was told");
  assertEquals(witness.changes.findLast(({ change }) => change.node === "node-1")?.change.member?.address, "10.0.0.1");
});

Deno.test("SWIM: states of nodes with other delegate versions are not merged", () => {
  const world = new SwimWorld({ seed: 10 });
  const serf = { ...METALLB_VERSIONS, delegateMin: 2, delegateMax: 5, delegateCurrent: 4 };
  const a = world.start("a");
  const b = world.start("b", { versions: serf });
  world.seed(a, [b]);
  world.run(5000);
  assert(a.logged.includes("memberlistIncompatible"), "nobody was told");
  assertEquals(world.view(a, b), undefined);
});

Deno.test("SWIM: the dead and the left are forgotten after a while", () => {
  const world = new SwimWorld({ seed: 11 });
  const nodes = world.cluster(names(3));
  world.kill(nodes[0]!);
  world.run(60_000);
  const last = nodes[1]!.changes.findLast(({ change }) => change.node === "node-1");
  assertEquals(last?.change.member, undefined);
});

Deno.test("SWIM: no datagram is larger than its budget, and an idle cluster sends two a second per node", () => {
  const world = new SwimWorld({ seed: 12 });
  const nodes = world.cluster(names(60).map((name) => `${name}.a-rather-long-name.example`), { settleMs: 30_000 });
  const before = nodes.map(({ datagrams }) => datagrams);
  world.run(60_000);
  const perSecond = nodes.map(({ datagrams }, i) => (datagrams - before[i]!) / 60);
  const mean = perSecond.reduce((sum, each) => sum + each, 0) / nodes.length;
  assert(mean > 1.9 && mean < 2.2, `${mean} datagrams a second`);
});

Deno.test("SWIM: a speaker that the API names and nobody reaches is told once, within two minutes, until it is a member", () => {
  const world = new SwimWorld({ seed: 15 });
  const [node, other] = ["node-1", "node-2"].map((name) => world.start(name)) as [SwimNode, SwimNode];
  const unjoined = () => (node.swim.inspect() as { unjoined: string[] }).unjoined;
  const told = () => node.logged.filter((event) => event === "speakerNotJoined").length;
  // As when it listens at another port.
  world.kill(other);
  world.seed(node, [other]);
  world.run(50_000);
  assertEquals([told(), unjoined()], [0, []]);
  world.run(70_000 + 3_600_000);
  assertEquals([told(), unjoined()], [1, [`${other.address} 7946`]]);
  world.start("node-2");
  // It is tried once a minute, and looked at once more when it is a member.
  world.run(180_000);
  assertEquals([world.view(node, other), told(), unjoined()], ["alive", 1, []]);
});

Deno.test("SWIM: it has joined as soon as one told it of the others, when none could, and when there are none", () => {
  const world = new SwimWorld({ seed: 13 });
  const alone = world.start("alone");
  world.seed(alone, []);
  assertEquals(alone.joinedAt, 0);
  const nodes = world.cluster(names(4));
  assert(nodes.every(({ joinedAt }) => joinedAt! < 100), "the first answer comes within milliseconds");
  world.kill(nodes[0]!);
  const late = world.start("late");
  const since = world.now;
  world.seed(late, [nodes[0]!]);
  world.run(1000);
  assert(late.joinedAt! - since < 100, "a refused call is over at once");
});
