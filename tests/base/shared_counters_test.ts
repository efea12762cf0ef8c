import { assertEquals } from "@std/assert/equals";
import { COUNTER_SLOTS_MAX, SHARED_COUNTERS_BYTES, SharedCounters } from "../../lib/base/shared_counters.ts";

const PER_ADDRESS = ["requestsReceived", "responsesSent", "gratuitousSent"] as const;

function pair(): [SharedCounters, SharedCounters] {
  const buffer = new SharedArrayBuffer(SHARED_COUNTERS_BYTES);
  return [new SharedCounters(buffer), new SharedCounters(buffer)];
}

Deno.test("SharedCounters: what one side counts, the other side reads", () => {
  const [writer, reader] = pair();
  writer.increment("loopTurns");
  writer.increment("discarded", 41);
  writer.increment("discarded");
  writer.incrementAddress(3, "responsesSent");
  assertEquals([reader.read("loopTurns"), reader.read("discarded"), reader.read("gaps")], [1, 42, 0]);
  assertEquals(PER_ADDRESS.map((counter) => reader.readAddress(3, counter)), [0, 1, 0]);
});

Deno.test("SharedCounters: no cell is shared by two counters, from the first to the last slot", () => {
  const [writer, reader] = pair();
  const fixed = Object.keys(reader.inspect()) as (keyof ReturnType<typeof reader.inspect>)[];
  const slots = [0, 1, COUNTER_SLOTS_MAX - 1];
  fixed.forEach((name, i) => writer.increment(name, i + 1));
  slots.forEach((slot, i) =>
    PER_ADDRESS.forEach((counter, j) => {
      for (let n = 0; n < 100 * (i + 1) + j; n++) writer.incrementAddress(slot, counter);
    })
  );
  assertEquals(Object.values(reader.inspect()), fixed.map((_, i) => i + 1));
  assertEquals(
    slots.map((slot) => PER_ADDRESS.map((counter) => reader.readAddress(slot, counter))),
    [[100, 101, 102], [200, 201, 202], [300, 301, 302]],
  );
});

Deno.test("SharedCounters: a slot beyond the last reads as zero", () => {
  const [, reader] = pair();
  assertEquals(reader.readAddress(COUNTER_SLOTS_MAX, "gratuitousSent"), 0);
});
