import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { InvariantError } from "../../lib/base/assert.ts";
import { Queue } from "../../lib/base/queue.ts";
import { below, SeededRng } from "../../lib/base/rng.ts";

Deno.test("Queue: an item beyond the limit is a broken invariant, and there is room again after a shift", () => {
  const queue = new Queue<number>({ sizeMax: 2 });
  queue.push(1);
  queue.push(2);
  assertThrows(() => queue.push(3), InvariantError, "2 items");
  assertEquals(queue.size, 2);
  assertEquals(queue.shift(), 1);
  queue.push(4);
  assertThrows(() => queue.push(5), InvariantError);
  assertEquals([queue.shift(), queue.shift(), queue.shift()], [2, 4, undefined]);
});

Deno.test("Queue: an empty queue gives undefined, again and again", () => {
  const queue = new Queue<string>();
  assertEquals([queue.shift(), queue.shift(), queue.size], [undefined, undefined, 0]);
});

Deno.test("Queue: behaves as an array under any mix of pushes and shifts", () => {
  const seed = 7;
  const rng = new SeededRng(seed);
  const queue = new Queue<number>();
  const model: number[] = [];
  for (let i = 0; i < 20_000; i++) {
    // Phases that grow and phases that shrink, so that both long and empty queues come up.
    if (below(rng, 10) < (i % 4_000 < 2_000 ? 6 : 4)) {
      queue.push(i);
      model.push(i);
    } else {
      assertEquals(queue.shift(), model.shift(), `seed ${seed}, step ${i}`);
    }
    assertEquals(queue.size, model.length, `seed ${seed}, step ${i}`);
  }
});
