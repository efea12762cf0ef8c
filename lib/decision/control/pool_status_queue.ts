/**
 * When the counters of which pool are written to its status: one write in flight per pool and at most one a second
 * while they change, the final state always, and nothing that the object shows already.
 *
 * The first write waits a moment too, so that the addresses that cause it are on their way first and a burst of them
 * costs one write.
 */
import { isRecord } from "../../base/json.ts";
import type { KubeObject } from "../../base/kube.ts";
import type { Deadline } from "../../base/machine.ts";
import type { Millis } from "../../base/time.ts";
import { MinHeap } from "../alloc/min_heap.ts";
import type { PoolCounters } from "../alloc/alloc_request.ts";
import { identityOf } from "../config/identity.ts";
import type { PoolStatusNumbers } from "./converge_io.ts";
import type { WriteFailure } from "./write_queue.ts";

const FIRST_DELAY_MS = 200;
const INTERVAL_MS = 1000;
const RETRY_FIRST_MS = 1000;
const RETRY_LAST_MS = 300_000;
/** Own writes that the watch may bring late, before it counts as somebody else's what it brings. */
const ECHOES_MAX = 16;

const FIELDS = ["assignedIPv4", "assignedIPv6", "availableIPv4", "availableIPv6"] as const;

interface Entry {
  readonly name: string;
  namespace: string;
  /** The status in the object as it came in last, rounded. */
  seen: string | undefined;
  /** What the API shows as far as we know; exact after a write of our own, else rounded. */
  known: string | undefined;
  /** Written and not seen yet, rounded, oldest first. */
  echoes: string[];
  inFlight: string | undefined;
  /** When to look next; `undefined` for when something changes. */
  dueAt: Millis | undefined;
  /** Not before this instant. */
  earliestAt: Millis;
  failures: number;
}

export interface PoolStatusWrite {
  readonly namespace: string;
  readonly name: string;
  readonly status: PoolStatusNumbers;
}

export class PoolStatusQueue {
  readonly #countersOf: (name: string) => PoolCounters | undefined;
  readonly #entries = new Map<string, Entry>();
  /** Entries that no longer match `dueAt` are skipped. */
  readonly #due = new MinHeap<{ readonly at: Millis; readonly entry: Entry }>((a, b) => a.at - b.at);

  /** `countersOf` answers `undefined` for a pool that does not exist or is disabled: its status is left alone. */
  constructor(deps: { countersOf: (name: string) => PoolCounters | undefined }) {
    this.#countersOf = deps.countersOf;
  }

  /** All pools as the API shows them. */
  see(objects: readonly KubeObject[], now: Millis): void {
    const gone = new Set(this.#entries.keys());
    for (const object of objects) {
      const { name, namespace } = identityOf(object, "IPAddressPool");
      if (name === "") continue;
      gone.delete(name);
      const seen = shownText(object);
      const entry = this.#entries.get(name);
      if (entry === undefined) {
        const known = { seen, known: seen, echoes: [], inFlight: undefined };
        this.#entries.set(name, { name, namespace, ...known, dueAt: undefined, earliestAt: 0, failures: 0 });
      } else if (entry.seen !== seen) this.#seeChange(entry, seen);
      else continue;
      this.touch(name, now);
    }
    for (const name of gone) this.#entries.delete(name);
  }

  /** The counters of a pool may have changed. */
  touch(name: string, now: Millis): void {
    const entry = this.#entries.get(name);
    if (entry === undefined || entry.inFlight !== undefined || entry.dueAt !== undefined) return;
    this.#schedule(entry, Math.max(now + FIRST_DELAY_MS, entry.earliestAt));
  }

  /** The next write that is due, which is in flight from here on. */
  take(now: Millis): PoolStatusWrite | undefined {
    for (let next = this.#next(); next !== undefined && next.at <= now; next = this.#next()) {
      const { entry } = next;
      this.#due.pop();
      entry.dueAt = undefined;
      const counters = this.#countersOf(entry.name);
      if (counters === undefined) continue;
      const status = numbersOf(counters);
      const exact = FIELDS.map((field) => status[field]).join(" ");
      if (entry.known === exact || entry.known === rounded(exact)) continue;
      entry.inFlight = exact;
      return { namespace: entry.namespace, name: entry.name, status };
    }
    return undefined;
  }

  written(name: string, now: Millis): void {
    const entry = this.#entries.get(name);
    if (entry?.inFlight === undefined) return;
    entry.known = entry.inFlight;
    const echo = rounded(entry.inFlight);
    if (entry.seen !== echo) entry.echoes.push(echo);
    if (entry.echoes.length > ECHOES_MAX) entry.echoes.shift();
    this.#answered(entry, { earliestAt: now + INTERVAL_MS, failures: 0 });
    this.touch(name, now);
  }

  failed(name: string, options: { reason: WriteFailure; now: Millis }): void {
    const entry = this.#entries.get(name);
    if (entry?.inFlight === undefined) return;
    const { reason, now } = options;
    // It may have happened.
    entry.known = undefined;
    const waitMs = Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(entry.failures, 20));
    this.#answered(entry, { earliestAt: now + waitMs, failures: entry.failures + 1 });
    // One that is gone comes back, if at all, as a change.
    if (reason !== "notFound") this.touch(name, now);
  }

  deadline(): Deadline | undefined {
    const next = this.#next();
    return next === undefined ? undefined : { at: next.at, why: "poolStatus" };
  }

  #seeChange(entry: Entry, seen: string | undefined): void {
    entry.seen = seen;
    const at = seen === undefined ? -1 : entry.echoes.indexOf(seen);
    if (at >= 0) {
      entry.echoes.splice(0, at + 1);
      return;
    }
    // The answer to a write that is still under way may come after its echo.
    if (entry.inFlight !== undefined && seen === rounded(entry.inFlight)) return;
    entry.echoes = [];
    entry.known = seen;
  }

  #answered(entry: Entry, next: { earliestAt: Millis; failures: number }): void {
    entry.inFlight = undefined;
    entry.earliestAt = next.earliestAt;
    entry.failures = next.failures;
  }

  #schedule(entry: Entry, at: Millis): void {
    entry.dueAt = at;
    this.#due.push({ at, entry });
  }

  #next(): { readonly at: Millis; readonly entry: Entry } | undefined {
    for (let top = this.#due.peek(); top !== undefined; top = this.#due.peek()) {
      if (top.entry.dueAt === top.at && this.#entries.get(top.entry.name) === top.entry) return top;
      this.#due.pop();
    }
    return undefined;
  }
}

function numbersOf(counters: PoolCounters): PoolStatusNumbers {
  const { assignedIPv4, assignedIPv6, availableIPv4, availableIPv6 } = counters;
  return {
    assignedIPv4: assignedIPv4.toString(),
    assignedIPv6: assignedIPv6.toString(),
    availableIPv4: availableIPv4.toString(),
    availableIPv6: availableIPv6.toString(),
  };
}

/** `undefined` when the object has no status, or one that is not complete. */
function shownText(object: KubeObject): string | undefined {
  const status = isRecord(object) ? object["status"] : undefined;
  if (!isRecord(status)) return undefined;
  const numbers = FIELDS.map((field) => status[field]);
  return numbers.every((number) => typeof number === "number") ? numbers.join(" ") : undefined;
}

/** As JSON numbers come out of a parser: large ones lose their last digits. */
function rounded(exact: string): string {
  return exact.split(" ").map(Number).join(" ");
}
