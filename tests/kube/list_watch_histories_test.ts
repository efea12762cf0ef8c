/**
 * Thousands of random histories of a server and its network: in the end the copy equals the server, and what was told
 * on the way is a possible story of it.
 */
import { assertEquals } from "@std/assert/equals";
import { assert } from "@std/assert/assert";
import type { KubeObject } from "../../lib/base/kube.ts";
import { below, type Rng, SeededRng } from "../../lib/base/rng.ts";
import type { ListWatchEffect, ListWatchInput } from "../../lib/edge/kube/list_watch_messages.ts";
import { apiError, ListWatchHarness } from "./list_watch_harness.ts";
import { NaiveServer } from "./naive_server.ts";

type Effect = ListWatchEffect<KubeObject>;
type Input = ListWatchInput<KubeObject>;

/** What one history does besides changing objects. */
interface Faults {
  readonly network: boolean;
  readonly compaction: boolean;
  readonly restore: boolean;
}

class History {
  readonly #rng: Rng;
  readonly #server: NaiveServer;
  readonly #harness: ListWatchHarness;
  readonly #faults: Faults;
  /** The open request: what the server still has to answer, or the watch's position. */
  #open:
    | { kind: "list" | "check" | "watch"; generation: number; position: number; accepted: boolean; stalled: boolean }
    | undefined;
  /** Inputs of requests that were cancelled, which arrive nevertheless. */
  readonly #late: Input[] = [];
  /** A server that is down refuses until it has refused at least once. */
  #down: "no" | "yes" | "refused" = "no";
  readonly told = new Map<string, KubeObject>();
  readonly toldVersions = new Set<string>();
  lists = 0;
  /** The version of the last list that was answered. */
  #listedAt = 0;
  syncs = 0;
  stopped = false;

  constructor(seed: number, faults: Faults) {
    this.#rng = new SeededRng(seed);
    this.#server = new NaiveServer(this.#rng);
    this.#harness = new ListWatchHarness({ backoff: { baseMs: 10, capMs: 100 } }, this.#rng);
    this.#faults = faults;
  }

  run(steps: number): void {
    for (let i = below(this.#rng, 5); i > 0; i--) this.#server.change();
    this.#input({ kind: "start" });
    for (let step = 0; step < steps; step++) this.#step();
    this.#heal();
    this.#checkEqual();
    this.#input({ kind: "stop" });
    this.stopped = true;
    for (const late of this.#late) this.#input(late);
    this.#input({ kind: "tick" });
    assertEquals(this.#harness.machine.deadline(), undefined);
  }

  #step(): void {
    const dice = below(this.#rng, 100);
    if (dice < 30) this.#server.change();
    else if (dice < 70) this.#answer();
    else if (dice < 80) this.#tickIfDue(below(this.#rng, 60));
    else if (dice < 83 && this.#late.length > 0) {
      this.#input(this.#late.splice(below(this.#rng, this.#late.length), 1)[0]!);
    } else if (dice < 93 && this.#faults.network) this.#breakConnection();
    else if (dice < 96 && this.#faults.compaction) this.#server.compact();
    else if (dice < 98 && this.#faults.restore) this.#restore();
    else this.#server.takeBackup();
  }

  /** The server does the next thing for the open request. */
  #answer(): void {
    const open = this.#open;
    if (open === undefined || open.stalled) return;
    const { generation } = open;
    if (this.#down !== "no") {
      this.#down = "refused";
      const kind = `${open.kind}Failed` as const;
      return this.#input({ kind, generation, error: apiError("unreachable") });
    }
    if (open.kind === "list") {
      const objects = [...this.#server.objects.values()];
      this.#listedAt = this.#server.version;
      return this.#input({ kind: "listed", generation, resourceVersion: String(this.#server.version), objects });
    }
    if (open.kind === "check") {
      const objects = [...this.#server.objects.values()].slice(0, 2);
      return this.#input({ kind: "checked", generation, resourceVersion: String(this.#server.version), objects });
    }
    if (!open.accepted) {
      if (this.#server.eventsAfter(open.position) === "gone" && below(this.#rng, 2) === 0) {
        return this.#input({ kind: "watchFailed", generation, error: apiError("gone") });
      }
      open.accepted = true;
      return this.#input({ kind: "watchOpened", generation });
    }
    const events = this.#server.eventsAfter(open.position);
    if (events === "gone") return this.#input({ kind: "watchFailed", generation, error: apiError("gone") });
    const event = events[0];
    if (event !== undefined) {
      open.position = event.version;
      return this.#input({ kind: "event", generation, type: event.type, object: event.object });
    }
    if (below(this.#rng, 3) > 0) return;
    open.position = this.#server.version;
    this.#input({ kind: "bookmark", generation, resourceVersion: String(this.#server.version) });
  }

  #breakConnection(): void {
    const open = this.#open;
    if (open === undefined) return;
    const { generation } = open;
    if (open.kind !== "watch") {
      return this.#input({ kind: `${open.kind}Failed` as const, generation, error: apiError("timeout") });
    }
    const reasons = ["unreachable", "timeout", "serverError", "tooManyRequests", "badResponse", "gone"] as const;
    const dice = below(this.#rng, reasons.length + 2);
    if (dice === reasons.length) open.stalled = true;
    else if (dice > reasons.length) this.#input({ kind: "watchEnded", generation });
    else this.#input({ kind: "watchFailed", generation, error: apiError(reasons[dice]!) });
  }

  #restore(): void {
    this.#server.restoreBackup();
    this.toldVersions.clear();
    this.#down = "yes";
    if (this.#open?.kind === "watch") {
      this.#input({ kind: "watchFailed", generation: this.#open.generation, error: apiError("unreachable") });
    }
    while (this.#down === "yes") {
      if (this.#open !== undefined) {
        this.#open.stalled = false;
        this.#answer();
      } else this.#tick();
    }
    this.#down = "no";
  }

  /** No faults any more: everything that is due happens until the machine knows all. */
  #heal(): void {
    for (let round = 0; round < 1_000; round++) {
      if (this.#open === undefined || this.#open.stalled) this.#tick();
      else if (this.#open.kind === "watch" && this.#open.position >= this.#server.version) return;
      else this.#answer();
    }
    assert(false, "the copy never caught up");
  }

  #tick(): void {
    const deadline = this.#harness.machine.deadline();
    if (deadline === undefined) throw new Error("the machine waits for nothing and does nothing");
    this.#harness.now = Math.max(this.#harness.now, deadline.at);
    this.#input({ kind: "tick" });
  }

  #tickIfDue(elapsedMs: number): void {
    this.#harness.now += elapsedMs;
    const deadline = this.#harness.machine.deadline();
    if (deadline !== undefined && deadline.at <= this.#harness.now) this.#input({ kind: "tick" });
  }

  #input(input: Input | { kind: "tick" }): void {
    for (const effect of this.#harness.input(input)) this.#effect(effect);
  }

  #effect(effect: Effect): void {
    assert(!this.stopped, `told after stop: ${effect.kind}`);
    switch (effect.kind) {
      case "startList":
        this.lists++;
        this.#request("list", effect.generation, 0);
        break;
      case "startCheck":
        this.#request("check", effect.generation, 0);
        break;
      case "startWatch":
        this.#request("watch", effect.generation, Number(effect.resourceVersion));
        break;
      case "cancel":
        if (this.#open?.generation === effect.generation) this.#cancelOpen();
        break;
      case "synced":
        this.syncs++;
        break;
      case "upsert": {
        const version = `${effect.key} ${effect.object.metadata.uid}@${effect.object.metadata.resourceVersion}`;
        assert(!this.toldVersions.has(version), `told twice: ${version}`);
        this.toldVersions.add(version);
        assertEquals(effect.previous, this.told.get(effect.key), "previous is what was told last");
        assert(effect.previous === undefined || effect.previous.metadata.uid === effect.object.metadata.uid);
        this.told.set(effect.key, effect.object);
        break;
      }
      case "remove":
        assertEquals(effect.previous, this.told.get(effect.key), "removed is what was told last");
        assert(this.told.delete(effect.key), `removed without having been told: ${effect.key}`);
    }
  }

  #request(kind: "list" | "check" | "watch", generation: number, position: number): void {
    // A request that ended by itself is not cancelled; one at a time may be open.
    this.#open = { kind, generation, position, accepted: false, stalled: false };
  }

  /** The connection is given up, but bytes that were under way still arrive some time. */
  #cancelOpen(): void {
    const { kind, generation } = this.#open!;
    this.#open = undefined;
    if (kind === "list") this.#late.push({ kind: "listed", generation, resourceVersion: "1", objects: [] });
    else if (kind === "check") this.#late.push({ kind: "checked", generation, resourceVersion: "1", objects: [] });
    else {
      for (const object of this.told.values()) this.#late.push({ kind: "event", generation, type: "DELETED", object });
      this.#late.push({ kind: "watchEnded", generation });
    }
  }

  #checkEqual(): void {
    const server = [...this.#server.objects.values()].map((object) => object.metadata).sort(byName);
    assertEquals([...this.told.values()].map((object) => object.metadata).sort(byName), server);
    assertEquals([...this.#harness.machine.store.values()].map((object) => object.metadata).sort(byName), server);
    assertEquals(this.syncs, 1);
  }

  /** Versions that came after the last list and were not told. */
  missedVersions(): string[] {
    return this.#server.events
      .filter((event) => event.type !== "DELETED" && event.version > this.#listedAt)
      .map(({ object }) => `shop/${object.metadata.name} ${object.metadata.uid}@${object.metadata.resourceVersion}`)
      .filter((version) => !this.toldVersions.has(version));
  }
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

const CASES: readonly (readonly [string, Faults])[] = [
  ["a quiet network", { network: false, compaction: false, restore: false }],
  ["broken connections", { network: true, compaction: false, restore: false }],
  ["broken connections and expired versions", { network: true, compaction: true, restore: false }],
  ["broken connections, expired versions and restored backups", { network: true, compaction: true, restore: true }],
];
for (const [name, faults] of CASES) {
  Deno.test(`ListWatch: a thousand random histories with ${name} end equal to the server`, () => {
    for (let seed = 1; seed <= 1_000; seed++) {
      const history = new History(seed, faults);
      try {
        history.run(120);
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }
  });
}

Deno.test("ListWatch: with a quiet network one list is enough and no change after it is missed", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const history = new History(seed, { network: false, compaction: false, restore: false });
    history.run(120);
    assertEquals(history.lists, 1, `seed ${seed}`);
    assertEquals(history.missedVersions(), [], `seed ${seed}`);
  }
});
