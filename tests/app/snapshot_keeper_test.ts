/** When a speaker's snapshot is written, and when it is brought back. */
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import type { LogEvent } from "../../lib/base/log.ts";
import type { StateFile, StateRead, StateWritten } from "../../lib/edge/run/state_file.ts";
import { decodeSnapshot } from "../../lib/app/snapshot.ts";
import { SnapshotKeeper } from "../../lib/app/snapshot_keeper.ts";
import type { RestoredWanted } from "../../lib/app/wanted_source.ts";
import { FakeTime } from "../kube/fake_time.ts";

const SCOPE = { "node-name": "n1" };

function wanted(...addresses: readonly string[]): RestoredWanted {
  return {
    peers: [],
    addresses: addresses.map((address) => ({ address, candidates: ["n1"], interfaces: "all", services: ["a/b"] })),
  };
}

/** A disk of one file, and an API that is as the test says. */
class Bench implements StateFile {
  readonly time = new FakeTime();
  readonly logged: LogEvent[] = [];
  readonly restored: RestoredWanted[] = [];
  text: string | undefined;
  writes = 0;
  full = false;
  synced = false;
  heard = false;
  connected = false;
  now = wanted("198.51.100.1");
  readonly keeper = new SnapshotKeeper({ scope: SCOPE, maxAgeMs: 86_400_000 }, {
    file: this,
    clock: this.time.clock,
    schedule: this.time.schedule,
    log: (event) => this.logged.push(event),
    source: {
      synced: () => this.synced,
      heard: () => this.heard,
      connected: () => this.connected,
      wanted: () => this.now,
      restore: (wanted) => this.restored.push(wanted),
    },
  });

  read(): StateRead {
    return this.text === undefined
      ? { ok: false, reason: "missing", message: "no file" }
      : { ok: true, text: this.text };
  }

  write(text: string): Promise<StateWritten> {
    this.writes++;
    if (this.full) return Promise.resolve({ ok: false, reason: "unwritable", message: "ENOSPC" });
    this.text = text;
    return Promise.resolve({ ok: true });
  }

  apiAnswers(): void {
    this.synced = this.heard = this.connected = true;
    this.keeper.changed();
  }

  savedAt(): number | undefined {
    const decoded = decodeSnapshot(this.text ?? "", { scope: SCOPE, nowMs: 0, maxAgeMs: undefined });
    return decoded.ok ? decoded.snapshot.savedAtMs : undefined;
  }
}

/** What a speaker before this one has left. */
async function leftBehind(): Promise<string> {
  const bench = new Bench();
  bench.keeper.start();
  bench.apiAnswers();
  await bench.keeper.stop();
  return bench.text!;
}

Deno.test("SnapshotKeeper: an API server that answers is what counts, whatever the file says", async () => {
  const bench = new Bench();
  bench.text = await leftBehind();
  bench.keeper.start();
  await bench.time.advance(1_000);
  bench.apiAnswers();
  await bench.time.advance(60_000);
  assertEquals([bench.restored.length, bench.keeper.isStale], [0, false]);
});

Deno.test("SnapshotKeeper: without an API server for three seconds the file is brought back, and is stale until the caches are filled", async () => {
  const bench = new Bench();
  bench.text = await leftBehind();
  bench.keeper.start();
  await bench.time.advance(2_900);
  assertEquals(bench.restored, []);
  await bench.time.advance(200);
  assertEquals(bench.restored[0]?.addresses, bench.now.addresses);
  assertEquals(bench.keeper.isStale, true);
  assertEquals(bench.logged.map(({ level, event }) => [level, event]), [["warn", "announcingFromSnapshot"]]);
  await bench.time.advance(60_000);
  assertEquals([bench.restored.length, bench.writes], [1, 0]);
  bench.apiAnswers();
  assertEquals(bench.keeper.isStale, false);
});

Deno.test("SnapshotKeeper: a slow API server is waited for longer, but not for ever", async () => {
  const bench = new Bench();
  bench.text = await leftBehind();
  bench.heard = true;
  bench.keeper.start();
  await bench.time.advance(14_000);
  assertEquals(bench.restored.length, 0);
  await bench.time.advance(2_000);
  assertEquals(bench.restored.length, 1);
});

Deno.test("SnapshotKeeper: a file that is of no use is refused with the reason, and nothing is announced", async () => {
  const rows = [
    { text: undefined, level: "info", reason: "missing" },
    { text: "\0\0\0", level: "warn", reason: "damaged" },
    { text: (await leftBehind()).replace("n1", "n2"), level: "warn", reason: "damaged" },
  ];
  for (const { text, level, reason } of rows) {
    const bench = new Bench();
    bench.text = text;
    bench.keeper.start();
    await bench.time.advance(4_000);
    assertEquals(bench.restored, []);
    assertEquals(bench.logged.map((line) => [line.level, line.event, line["reason"]]), [
      [level, "snapshotRefused", reason],
    ]);
    assertEquals(bench.keeper.isStale, false);
  }
});

Deno.test("SnapshotKeeper: a hundred changes in a second are one write; without a change none, but for one in ten minutes", async () => {
  const bench = new Bench();
  bench.keeper.start();
  bench.apiAnswers();
  for (let change = 0; change < 100; change++) {
    bench.keeper.changed();
    await bench.time.advance(10);
  }
  await bench.time.advance(2_000);
  assertEquals(bench.writes, 1);
  const first = bench.savedAt()!;
  await bench.time.advance(500_000);
  assertEquals(bench.writes, 1);
  await bench.time.advance(120_000);
  assertEquals([bench.writes, bench.savedAt()! - first > 500_000], [2, true]);
  // What nobody confirms does not get younger.
  bench.connected = false;
  const last = bench.savedAt();
  await bench.time.advance(3_600_000);
  bench.keeper.changed();
  await bench.time.advance(3_000);
  assertEquals([bench.writes, bench.savedAt()], [3, last]);
});

Deno.test("SnapshotKeeper: a full disk is told once, and so is that it has room again", async () => {
  const bench = new Bench();
  bench.full = true;
  bench.keeper.start();
  bench.apiAnswers();
  for (let change = 0; change < 5; change++) {
    bench.keeper.changed();
    await bench.time.advance(3_000);
  }
  bench.full = false;
  bench.keeper.changed();
  await bench.time.advance(3_000);
  assertEquals(bench.logged.map(({ level, event }) => [level, event]), [
    ["warn", "snapshotNotSaved"],
    ["info", "snapshotSaved"],
  ]);
  assertStringIncludes(String(bench.logged[0]!["error"]), "ENOSPC");
});

Deno.test("SnapshotKeeper: the end saves what waits, and leaves no timer behind", async () => {
  const bench = new Bench();
  bench.keeper.start();
  bench.apiAnswers();
  assertEquals(bench.writes, 0);
  await bench.keeper.stop();
  assertEquals([bench.writes, bench.time.pendingTimers], [1, 0]);
});
