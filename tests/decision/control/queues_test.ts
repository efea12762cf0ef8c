import { assertEquals } from "@std/assert/equals";
import { below, SeededRng } from "../../../lib/base/rng.ts";
import { PendingQueue } from "../../../lib/decision/control/pending_queue.ts";
import { WriteQueue } from "../../../lib/decision/control/write_queue.ts";

Deno.test("WriteQueue: no more in flight than allowed, in the order wanted, one per key", () => {
  const queue = new WriteQueue({ inFlightMax: 2 });
  for (const key of ["a", "b", "a", "c"]) queue.want(key, { newer: true });
  assertEquals([queue.take(), queue.take(), queue.take()], ["a", "b", undefined]);
  queue.succeeded("b");
  assertEquals([queue.take(), queue.take()], ["c", undefined]);
  assertEquals([queue.inFlight, queue.queued], [2, 0]);
});

Deno.test("WriteQueue: failures wait longer each time, up to a cap, and a success forgets them", () => {
  const table = [["conflict", 1000, 30_000], ["notFound", 1000, 30_000], ["retryable", 250, 30_000], [
    "rejected",
    5000,
    300_000,
  ]] as const;
  for (const [reason, firstMs, lastMs] of table) {
    const queue = new WriteQueue({ inFlightMax: 1 });
    let now = 0;
    let expectedMs: number = firstMs;
    queue.want("a", { newer: true });
    for (let attempt = 0; attempt < 30; attempt++) {
      assertEquals(queue.take(), "a");
      queue.failed("a", { reason, now });
      queue.want("a", { newer: false });
      assertEquals([queue.take(), queue.deadline()?.at], [undefined, now + expectedMs], `${reason} ${attempt}`);
      queue.wake(now + expectedMs - 1);
      assertEquals(queue.take(), undefined);
      now += expectedMs;
      queue.wake(now);
      expectedMs = Math.min(lastMs, expectedMs * 2);
    }
    assertEquals(queue.take(), "a");
    queue.succeeded("a");
    assertEquals(queue.deadline(), undefined);
  }
});

Deno.test("WriteQueue: a newer object ends the wait after a conflict, not after a server that was not there", () => {
  for (const [reason, expected] of [["conflict", "a"], ["rejected", "a"], ["retryable", undefined]] as const) {
    const queue = new WriteQueue({ inFlightMax: 1 });
    queue.want("a", { newer: true });
    queue.take();
    queue.failed("a", { reason, now: 0 });
    queue.want("a", { newer: true });
    assertEquals(queue.take(), expected, reason);
  }
});

Deno.test("WriteQueue: what is ready does not wait as well, or it would be written twice", () => {
  const queue = new WriteQueue({ inFlightMax: 1 });
  queue.want("a", { newer: true });
  queue.take();
  queue.failed("a", { reason: "conflict", now: 0 });
  queue.want("b", { newer: true });
  queue.take();
  queue.want("a", { newer: true });
  queue.want("a", { newer: false });
  queue.succeeded("b");
  assertEquals(queue.take(), "a");
  queue.wake(60_000);
  queue.succeeded("b");
  assertEquals([queue.queued, queue.take()], [0, undefined]);
});

Deno.test("WriteQueue: what was dropped while it waited is written again when wanted again", () => {
  const queue = new WriteQueue({ inFlightMax: 1 });
  queue.want("a", { newer: true });
  queue.take();
  queue.failed("a", { reason: "retryable", now: 0 });
  queue.want("a", { newer: false });
  queue.drop("a");
  queue.wake(250);
  assertEquals(queue.take(), undefined);
  queue.want("a", { newer: false });
  assertEquals(queue.take(), "a");
});

Deno.test("PendingQueue: the oldest first across groups; a refusal ends its group only", () => {
  const queue = new PendingQueue();
  const at = (second: number) => `2026-01-01T00:00:0${second}Z`;
  queue.add({ key: "a2", creationTimestamp: at(4) }, "A");
  queue.add({ key: "b1", creationTimestamp: at(3) }, "B");
  queue.add({ key: "a1", creationTimestamp: at(1) }, "A");
  queue.add({ key: "b0", creationTimestamp: at(3) }, "B");
  const offered: string[] = [];
  queue.offer((key) => {
    offered.push(key);
    return key === "b0" ? "refused" : "served";
  });
  assertEquals([offered, queue.size], [["a1", "b0", "a2"], 2]);
});

Deno.test("PendingQueue: over random histories it offers what a sorted list would", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const rng = new SeededRng(seed);
    const queue = new PendingQueue();
    const model = new Map<string, { group: string; age: string }>();
    for (let step = 0; step < 200; step++) {
      const key = `s${below(rng, 12)}`;
      const dice = below(rng, 10);
      if (dice < 6) {
        const [group, age] = [`g${below(rng, 3)}`, String(below(rng, 5))];
        queue.add({ key, creationTimestamp: age }, group);
        model.set(key, { group, age });
      } else if (dice < 8) {
        queue.remove(key);
        model.delete(key);
      } else {
        let room = below(rng, 4);
        const offered: string[] = [];
        const serve = (): "served" | "refused" => room-- > 0 ? "served" : "refused";
        const script = Array.from({ length: 20 }, serve);
        queue.offer((one) => {
          offered.push(one);
          return script[offered.length - 1]!;
        });
        const expected: string[] = [];
        const closed = new Set<string>();
        for (;;) {
          const sorted = [...model].filter(([, { group }]) => !closed.has(group))
            .sort(([a, x], [b, y]) => (x.age + a < y.age + b ? -1 : 1));
          const [next] = sorted;
          if (next === undefined) break;
          expected.push(next[0]);
          if (script[expected.length - 1] === "served") model.delete(next[0]);
          else closed.add(next[1].group);
        }
        assertEquals(offered, expected, `seed ${seed}, step ${step}`);
      }
      assertEquals(queue.size, model.size, `seed ${seed}, step ${step}`);
    }
  }
});
