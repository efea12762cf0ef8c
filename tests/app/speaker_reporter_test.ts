/** Time is the test's. */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { SpeakerReporter } from "../../lib/app/speaker_reporter.ts";
import type { MemberState } from "../../lib/base/member.ts";
import { SeededRng } from "../../lib/base/rng.ts";
import { FakeTime } from "../kube/fake_time.ts";

function stage() {
  const time = new FakeTime();
  const told: Record<string, string>[] = [];
  const reporter = new SpeakerReporter({ version: "0.1.0" }, {
    clock: time.clock,
    rng: new SeededRng(1),
    schedule: time.schedule,
    annotate: (annotations) => told.push({ ...annotations }),
  });
  return { time, told, reporter };
}

const report = (usable: string[]) => ({ usable, ipv4Only: usable.filter((name) => name === "eth4"), refused: [] });

Deno.test("SpeakerReporter: the first news at once, a link that flaps every few seconds, the same never again", async () => {
  const { time, told, reporter } = stage();
  reporter.takeNetworks([{ interfaceName: "eth0", prefix: "192.0.2.0/24" }]);
  reporter.takeInterfaces(report(["eth0"]));
  await time.advance(0);
  assertEquals(told, [{
    "herald.dev/networks": "eth0=192.0.2.0/24",
    "herald.dev/interfaces": "eth0=usable",
    "herald.dev/ipv4-only-interfaces": "",
  }]);
  for (let flap = 0; flap < 300; flap++) {
    reporter.takeInterfaces(report(flap % 2 === 0 ? [] : ["eth0"]));
    await time.advance(100);
  }
  assert(told.length <= 12, `${told.length} times in 30 seconds`);
  await time.advance(10_000);
  assertEquals(told.at(-1)?.["herald.dev/interfaces"], "eth0=usable");
  const before = told.length;
  reporter.takeInterfaces(report(["eth0"]));
  reporter.takeServing({ usableInterfaces: ["eth0"], failedLinkProbes: ["192.0.2.1"] });
  await time.advance(10_000);
  assertEquals(told.length, before + 1);
  assertEquals(told.at(-1)?.["herald.dev/failed-link-probes"], "192.0.2.1");
  reporter.takeInterfaces(report(["eth0", "eth4"]));
  await time.advance(10_000);
  assertEquals(told.at(-1)?.["herald.dev/ipv4-only-interfaces"], "eth4");
});

Deno.test("SpeakerReporter: a change of membership is told later the more members there are; stop ends it", async () => {
  const { time, told, reporter } = stage();
  const member = (index: number) => ({
    node: `n${index}`,
    address: "192.0.2.1",
    port: 7946,
    state: "alive" as const,
    facts: undefined,
  });
  for (let index = 0; index < 1000; index++) reporter.takeMember({ node: `n${index}`, member: member(index) });
  await time.advance(100_000);
  assert(told.length >= 1 && told.length <= 2, `${told.length} times`);
  assertEquals((JSON.parse(told.at(-1)!["herald.dev/members"]!) as { count: number }).count, 1001);
  reporter.takeMember({ node: "n0", member: undefined });
  reporter.stop();
  reporter.takeInterfaces(report(["eth0"]));
  assertEquals(time.pendingTimers, 0);
  await time.advance(200_000);
  assert(told.length <= 2);
});

Deno.test("SpeakerReporter: who the watch finds dead is told as dead, until it is heard again", async () => {
  const { time, told, reporter } = stage();
  const listed = async () => {
    await time.advance(5000);
    const { alive, listed } = JSON.parse(told.at(-1)!["herald.dev/members"]!) as {
      alive: number;
      listed: { node: string; state: string }[];
    };
    return [alive, ...listed.map(({ node, state }) => `${node} ${state}`)];
  };
  reporter.takePeer("n2", "alive");
  reporter.takeMember({
    node: "n2",
    member: { node: "n2", address: "192.0.2.2", port: 7946, state: "alive", facts: undefined },
  });
  assertEquals(await listed(), [2, "n2 alive"]);
  reporter.takePeer("n2", "dead");
  reporter.takePeer("n3", "dead");
  assertEquals(await listed(), [1, "n2 dead"], "of who is no member nothing is said");
  reporter.takePeer("n2", "alive");
  assertEquals(await listed(), [2, "n2 alive"]);
});

Deno.test("SpeakerReporter: members are counted by what the gossip says of each last", () => {
  const { reporter } = stage();
  const take = (node: string, state: MemberState | undefined) => {
    const member = { node, address: "192.0.2.1", port: 7946, facts: undefined };
    reporter.takeMember({ node, member: state === undefined ? undefined : { ...member, state } });
  };
  assertEquals(reporter.memberStates(), { alive: 0, suspect: 0, dead: 0, left: 0 });
  for (const node of ["n2", "n3", "n4", "n5", "n6"]) take(node, "alive");
  take("n3", "suspect");
  take("n4", "dead");
  take("n5", "left");
  // The watch sees it dead; this is about the gossip.
  reporter.takePeer("n2", "dead");
  assertEquals(reporter.memberStates(), { alive: 2, suspect: 1, dead: 1, left: 1 });
  take("n4", undefined);
  take("n3", "alive");
  assertEquals(reporter.memberStates(), { alive: 3, suspect: 0, dead: 0, left: 1 });
  reporter.stop();
});
