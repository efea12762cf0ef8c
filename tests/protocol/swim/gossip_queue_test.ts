import { assertEquals } from "@std/assert/equals";
import { GossipQueue } from "../../../lib/protocol/swim/gossip_queue.ts";

const OPTIONS = { retransmitMult: 2, sizeMax: 4 };
const AMONG = { members: 9, partBytes: 2 };
const rumour = (length: number, mark: number) => new Uint8Array(length).fill(mark);
const marks = (taken: readonly Uint8Array[]) => taken.map((bytes) => bytes[0]);

Deno.test("GossipQueue: a rumour is taken as often as the cluster's size asks for, then no more", () => {
  const queue = new GossipQueue(OPTIONS);
  queue.push("a", rumour(10, 1));
  const taken = [1, 2, 3].map(() => marks(queue.take(100, AMONG)));
  assertEquals([taken, queue.size], [[[1], [1], []], 0]);
});

Deno.test("GossipQueue: the least sent first, the largest that fits among them, then the newest", () => {
  const queue = new GossipQueue(OPTIONS);
  queue.push("a", rumour(10, 1));
  queue.take(100, AMONG);
  queue.push("b", rumour(20, 2));
  queue.push("c", rumour(30, 3));
  queue.push("d", rumour(20, 4));
  assertEquals(marks(queue.take(1000, AMONG)), [3, 4, 2, 1]);
});

Deno.test("GossipQueue: what does not fit stays, with its overhead counted to the byte", () => {
  const queue = new GossipQueue(OPTIONS);
  queue.push("a", rumour(30, 1));
  queue.push("b", rumour(10, 2));
  assertEquals(marks(queue.take(31, AMONG)), [2]);
  assertEquals(marks(queue.take(32, AMONG)), [1]);
});

Deno.test("GossipQueue: a newer rumour of the same subject replaces the older", () => {
  const queue = new GossipQueue(OPTIONS);
  queue.push("a", rumour(10, 1));
  queue.take(100, AMONG);
  queue.push("a", rumour(10, 2));
  assertEquals([marks(queue.take(100, AMONG)), queue.size], [[2], 1]);
});

Deno.test("GossipQueue: when it is full, what was sent most makes room", () => {
  const queue = new GossipQueue(OPTIONS);
  queue.push("a", rumour(10, 1));
  queue.take(100, AMONG);
  for (const [index, subject] of ["b", "c", "d", "e"].entries()) queue.push(subject, rumour(10, 2 + index));
  assertEquals([queue.size, queue.has("a"), queue.has("b")], [4, false, true]);
});
