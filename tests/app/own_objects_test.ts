import { assertEquals } from "@std/assert/equals";
import { OwnObjects } from "../../lib/app/own_objects.ts";
import { FakeTime } from "../kube/fake_time.ts";

const LABELS = "app=metallb,component=speaker";

function bench(options: { node?: string; labels?: string | undefined } = {}) {
  const time = new FakeTime();
  const changes: number[] = [];
  const own = new OwnObjects(
    { node: options.node ?? "n1", namespace: "metallb-system", labels: "labels" in options ? options.labels : LABELS },
    { schedule: time.schedule, onChange: () => changes.push(time.clock.now()) },
  );
  const said = (...nodes: readonly string[]) =>
    own.problems(nodes).map(({ name, reason, message }) => [name, reason, message]);
  return { time, own, changes, said };
}

const UNKNOWN = (hint: string) => [
  ["N1", "unknownNode", `there is no Node "N1", so its speaker (--node-name) announces nothing${hint}`],
];
const NO_POD = [[
  "n1",
  "matchesNothing",
  `no pod in metallb-system on this node has the labels "${LABELS}" (--ml-labels): speakers that do not find each other ` +
  "announce the same addresses",
]];

Deno.test("OwnObjects: a Node that is not there is told after ten seconds, with the one that was perhaps meant", async () => {
  const { time, own, changes, said } = bench({ node: "N1" });
  own.begin();
  await time.advance(9_999);
  assertEquals([said("n1", "n2"), changes.length], [[], 0]);
  await time.advance(1);
  assertEquals([said("n1", "n2"), changes.length], [UNKNOWN('; did you mean "n1"?'), 1]);
  assertEquals(said("worker-east"), UNKNOWN(""));
  assertEquals(said("N1", "n2"), NO_POD.map(([, ...rest]) => ["N1", ...rest]));
});

Deno.test("OwnObjects: labels that select no pod of this node are told, until there is one", async () => {
  const { time, own, changes, said } = bench();
  own.begin();
  own.setPod("metallb-system/speaker-2", "n2");
  await time.advance(10_000);
  assertEquals(said("n1", "n2"), NO_POD);
  own.setPod("metallb-system/speaker-1", "n1");
  assertEquals([said("n1", "n2"), changes.length], [[], 2]);
  // Of two pods, as in a rolling update, one goes.
  own.setPod("metallb-system/speaker-3", "n1");
  own.setPod("metallb-system/speaker-1", undefined);
  assertEquals([said("n1", "n2"), changes.length], [[], 2]);
  own.setPod("metallb-system/speaker-3", undefined);
  assertEquals([said("n1", "n2"), changes.length], [NO_POD, 3]);
});

Deno.test("OwnObjects: a pod that is made within the time, or no labels, are no problem", async () => {
  for (const options of [{}, { labels: undefined }]) {
    const { time, own, said } = bench(options);
    own.begin();
    await time.advance(5_000);
    if ("labels" in options === false) own.setPod("metallb-system/speaker-1", "n1");
    await time.advance(5_000);
    assertEquals(said("n1"), []);
  }
});

Deno.test("OwnObjects: nothing is left of it when it has stopped", async () => {
  const { time, own, changes } = bench();
  own.begin();
  own.begin();
  assertEquals(time.pendingTimers, 1);
  own.stop();
  await time.advance(20_000);
  assertEquals([time.pendingTimers, changes.length], [0, 0]);
});
