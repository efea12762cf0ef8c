import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { InvariantError } from "../../lib/base/assert.ts";
import type { Timed } from "../../lib/edge/run/driver.ts";
import { PacketLoop, type PacketLoopOptions, type PacketSource } from "../../lib/edge/run/packet_loop.ts";
import { FakeClock, FakePoller, type ScriptedWait } from "./fake_poller.ts";

/** A loop with one timer and a log of everything that happened; it stops when the script is done. */
class Bench {
  readonly clock = new FakeClock();
  readonly events: string[] = [];
  readonly poller: FakePoller;
  readonly loop: PacketLoop;
  readonly timed: Timed[];
  deadline = Infinity;

  constructor(script: readonly ScriptedWait[], options: PacketLoopOptions & { tellsEnds?: boolean } = {}) {
    this.poller = new FakePoller({ script }, { clock: this.clock });
    let turnsLeft = script.length;
    const timed: Timed = {
      timeoutMs: () => Math.max(this.deadline - this.clock.now(), 0),
      tickIfDue: () => {
        if (this.deadline > this.clock.now()) return;
        this.deadline = Infinity;
        this.events.push("tick");
      },
    };
    this.timed = [timed];
    this.loop = new PacketLoop(options, {
      poller: this.poller,
      clock: this.clock,
      timed: this.timed,
      onTurnEnd: () => options.tellsEnds === true && this.events.push("end"),
      onGap: (gapMs, discarded) => this.events.push(`gap of ${gapMs} ms, ${discarded} discarded`),
      onTurn: () => {
        this.events.push("turn");
        if (--turnsLeft === 0) this.loop.stop();
      },
    });
  }

  /** A source with `queued` items, each of which takes `itemMs` to handle. */
  source(fd: number, queued: number, itemMs = 0): PacketSource & { queued: number } {
    const source = {
      fd,
      queued,
      drain: (budget: number) => {
        const count = Math.min(budget, source.queued);
        source.queued -= count;
        this.clock.ms += count * itemMs;
        this.events.push(`drain ${count} of ${fd}`);
        return count;
      },
      discard: () => {
        const count = source.queued;
        source.queued = 0;
        return count;
      },
    };
    this.loop.add(source);
    return source;
  }
}

Deno.test("PacketLoop: a loop that may sleep longer than it tolerates as a gap is refused", () => {
  assertThrows(() => new Bench([], { sleepMsMax: 250, gapMsMax: 250 }), InvariantError);
  assertThrows(() => new Bench([], { budget: 0 }), InvariantError);
  assertThrows(() => new Bench([], { workMsMax: 250, gapMsMax: 250 }), InvariantError);
});

Deno.test("PacketLoop: the same descriptor twice is refused", () => {
  const bench = new Bench([]);
  const source = bench.source(3, 0);
  assertThrows(() => bench.loop.add(source), InvariantError);
});

Deno.test("PacketLoop: it sleeps until the nearest deadline, and never longer than its limit", () => {
  const bench = new Bench([{}, {}, {}]);
  bench.deadline = 1150;
  bench.loop.run();
  assertEquals(bench.poller.askedMs, [100, 50, 100]);
  assertEquals(bench.events, ["turn", "turn", "tick", "turn"]);
});

Deno.test("PacketLoop: the end of a turn comes before every sleep, after all work, and once more when it stops", () => {
  const bench = new Bench([{ ready: [3] }, {}], { tellsEnds: true });
  bench.source(3, 1);
  bench.deadline = 1150;
  bench.loop.run();
  assertEquals(bench.events, ["end", "turn", "drain 1 of 3", "end", "turn", "end"]);
});

Deno.test("PacketLoop: a flood on one source starves neither timers nor other sources", () => {
  const script = [{ ready: [3, 4] }, { sleepsMs: 0, ready: [3] }, { sleepsMs: 0 }];
  const bench = new Bench(script, { budget: 10 });
  bench.source(3, 1000, 1);
  bench.source(4, 1);
  bench.deadline = 1105;
  bench.loop.run();
  // The deadline falls into the drain of 3 and is met right after its budget, before 4 is looked at.
  assertEquals(bench.events, ["turn", "drain 10 of 3", "tick", "drain 1 of 4", "turn", "drain 10 of 3", "turn"]);
});

Deno.test("PacketLoop: after a gap nothing that queued is handled, and onGap comes before timers and frames", () => {
  const bench = new Bench([{ ready: [] }, { sleepsMs: 5000, ready: [3] }, { sleepsMs: 1, ready: [3] }, {}]);
  const source = bench.source(3, 7);
  bench.source(4, 2);
  bench.deadline = 1150;
  bench.loop.run();
  assertEquals(source.queued, 0);
  assertEquals(bench.events, ["turn", "turn", "gap of 5000 ms, 9 discarded", "turn", "tick", "drain 0 of 3", "turn"]);
});

Deno.test("PacketLoop: a stop in the middle of a long sleep is a gap although the deadline is still far", () => {
  const bench = new Bench([{ sleepsMs: 251 }, { sleepsMs: 250 }]);
  bench.deadline = 60_000;
  bench.loop.run();
  assertEquals(bench.events, ["turn", "gap of 251 ms, 0 discarded", "turn"]);
});

Deno.test("PacketLoop: a flood on many sources is no gap: a turn ends, and the next one begins with whoever waits", () => {
  const ready = [3, 4, 5, 6];
  const bench = new Bench([{ sleepsMs: 0, ready }, { sleepsMs: 0, ready }, { sleepsMs: 0, ready }, {}], { budget: 30 });
  for (const fd of ready) bench.source(fd, 1000, 1);
  bench.loop.run();
  const drained = bench.events.map((event) => event.replace("drain 30 of ", ""));
  assertEquals(drained, ["turn", "3", "4", "turn", "5", "6", "turn", "3", "4", "turn"]);
});

Deno.test("PacketLoop: a source that stands still in the middle of the work is a gap too, because frames aged meanwhile", () => {
  const bench = new Bench([{ sleepsMs: 0, ready: [3, 4] }, { sleepsMs: 0, ready: [4] }, {}]);
  bench.source(3, 1, 400);
  bench.source(4, 5);
  bench.loop.run();
  assertEquals(bench.events, ["turn", "drain 1 of 3", "turn", "gap of 400 ms, 5 discarded", "turn"]);
});

Deno.test("PacketLoop: work that takes too long is a gap too, because frames aged meanwhile", () => {
  const bench = new Bench([{ sleepsMs: 0, ready: [3] }, { sleepsMs: 0, ready: [3] }, {}]);
  const source = bench.source(3, 300, 1);
  bench.loop.run();
  assertEquals(source.queued, 0);
  assertEquals(bench.events, ["turn", "drain 256 of 3", "turn", "gap of 256 ms, 44 discarded", "turn"]);
});

Deno.test("PacketLoop: a stop in the middle of a source's work keeps timers and other sources from acting before the gap", () => {
  const bench = new Bench([{ sleepsMs: 0, ready: [3, 4] }, { sleepsMs: 0, ready: [3, 4] }, { sleepsMs: 0 }, {}]);
  bench.source(3, 1, 400);
  bench.source(4, 5);
  bench.deadline = 1150;
  bench.loop.run();
  assertEquals(bench.events, ["turn", "drain 1 of 3", "turn", "gap of 400 ms, 5 discarded", "turn", "tick", "turn"]);
  assertEquals(bench.poller.askedMs, [100, 0, 0, 100]);
});

Deno.test("PacketLoop: what is read or said after a stop is stale, until the gap was taken", () => {
  const bench = new Bench([{ sleepsMs: 0, ready: [3] }, { sleepsMs: 0 }, { sleepsMs: 0, ready: [3] }, {}]);
  const queued = ["ask 1", "stop", "ask 2", "ask 3"];
  const drain = () => {
    for (let frame; (frame = queued.shift()) !== undefined;) {
      if (bench.loop.isStale()) return bench.events.push(`${frame} dropped`);
      // Stopped while it works on this one, which is answered no more either.
      if (frame === "stop") bench.clock.ms += 251;
      bench.events.push(bench.loop.isStale() ? `${frame} withheld` : frame);
    }
    return 0;
  };
  bench.loop.add({ fd: 3, drain, discard: () => queued.splice(0).length });
  bench.loop.add({ fd: 4, drain: () => 0, discard: () => Number(queued.push("ask 4") < 0) });
  assertEquals(bench.loop.isStale(), false);
  bench.loop.run();
  assertEquals(bench.events, [
    "turn",
    "ask 1",
    "stop withheld",
    "ask 2 dropped",
    "turn",
    "gap of 251 ms, 1 discarded",
    "turn",
    "ask 4",
    "turn",
  ]);
  assertEquals(bench.loop.isStale(), false);
});

Deno.test("PacketLoop: timers that came while it slept act before frames, and nobody waits for those that cannot have", () => {
  const bench = new Bench([{ ready: [3] }, { sleepsMs: 10, ready: [3] }, {}]);
  bench.source(3, 0);
  bench.deadline = 1050;
  let looks = 0;
  bench.timed.push({ timeoutMs: () => Infinity, tickIfDue: () => bench.events.push(`look ${++looks}`) });
  bench.loop.run();
  assertEquals(bench.events, [
    "turn",
    "tick",
    "look 1",
    "drain 0 of 3",
    "look 2",
    "turn",
    "drain 0 of 3",
    "look 3",
    "turn",
  ]);
});

Deno.test("PacketLoop: a source that was removed by an earlier one of the same turn is not drained", () => {
  const bench = new Bench([{ ready: [3, 4] }, {}]);
  const second: PacketSource = { fd: 4, drain: () => bench.events.push("drain 4"), discard: () => 0 };
  bench.loop.add({
    fd: 3,
    drain: () => {
      bench.loop.remove(second);
      return 1;
    },
    discard: () => 0,
  });
  bench.loop.add(second);
  bench.loop.run();
  assertEquals(bench.events, ["turn", "turn"]);
  assertEquals(bench.poller.watched, [3]);
});

Deno.test("PacketLoop: stop from inside a source ends the run before the next source", () => {
  const bench = new Bench([{ ready: [3, 4] }, {}]);
  bench.loop.add({
    fd: 3,
    drain: () => {
      bench.loop.stop();
      return 1;
    },
    discard: () => 0,
  });
  bench.source(4, 1);
  bench.loop.run();
  assertEquals(bench.events, ["turn"]);
});
