/**
 * A client that fetches over and over at a steady rate and remembers when it got no answer: how a fail-over looks to a
 * user. Every probe is a new TCP connection with one GET, so that each of them needs the address to be reachable.
 *
 * Starts are planned from the first one, so lateness of a timer does not add up. Probes do not wait for each other.
 */
import { invariant } from "../../base/assert.ts";
import type { ProbeGap, ProbeOptions, ProbeReport, ProbeSample } from "./calls.ts";

const SAMPLES_MAX = 10_000;
const GAPS_MAX = 1_000;
const BODIES_MAX = 16;
const UNDER_WAY_MAX = 1_000;
const ANSWER_BYTES_MAX = 65_536;
/** A gap is listed when it is longer than this many intervals. */
const GAP_INTERVALS = 5;

export class Probe {
  readonly #options: ProbeOptions;
  readonly #request: Uint8Array<ArrayBuffer>;
  readonly #startedMs = wallNow();
  readonly #samples: ProbeSample[] = [];
  readonly #gaps: ProbeGap[] = [];
  readonly #bodies = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #planned = 0;
  #sent = 0;
  #answered = 0;
  #failed = 0;
  #cut = 0;
  #skipped = 0;
  #underWay = 0;
  #lastAnswerMs = this.#startedMs;
  #longestGapMs = 0;

  constructor(options: ProbeOptions) {
    invariant(options.intervalMs > 0 && options.timeoutMs > 0, "A probe's interval and timeout are above 0");
    this.#options = options;
    const host = options.address.includes(":") ? `[${options.address}]` : options.address;
    this.#request = new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    this.#sendDue();
  }

  /** What was seen until now. */
  report(): ProbeReport {
    return {
      sent: this.#sent,
      answered: this.#answered,
      failed: this.#failed,
      cut: this.#cut,
      skipped: this.#skipped,
      gaps: [...this.#gaps],
      longestGapMs: Math.max(this.#longestGapMs, wallNow() - this.#lastAnswerMs),
      samples: [...this.#samples],
      bodies: Object.fromEntries(this.#bodies),
    };
  }

  /** Sends no more, waits for those under way, and reports. */
  async stop(): Promise<ProbeReport> {
    clearTimeout(this.#timer);
    const report = this.report();
    const longestGapMs = report.longestGapMs;
    while (this.#underWay > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    return { ...this.report(), longestGapMs };
  }

  #sendDue(): void {
    const nextMs = this.#startedMs + ++this.#planned * this.#options.intervalMs;
    this.#timer = setTimeout(() => this.#sendDue(), Math.max(nextMs - wallNow(), 0));
    if (this.#underWay >= UNDER_WAY_MAX) {
      this.#skipped++;
      return;
    }
    this.#sent++;
    this.#underWay++;
    const startMs = wallNow();
    this.#attempt().then((body) => this.#finish(startMs, body));
  }

  #finish(startMs: number, body: string | undefined): void {
    const endMs = wallNow();
    this.#underWay--;
    if (this.#samples.length >= SAMPLES_MAX) this.#samples.shift();
    this.#samples.push({ startMs, durationMs: endMs - startMs, body });
    if (body === undefined) {
      this.#failed++;
      return;
    }
    this.#answered++;
    if (this.#bodies.has(body) || this.#bodies.size < BODIES_MAX) {
      this.#bodies.set(body, (this.#bodies.get(body) ?? 0) + 1);
    }
    const lengthMs = endMs - this.#lastAnswerMs;
    this.#longestGapMs = Math.max(this.#longestGapMs, lengthMs);
    if (lengthMs > GAP_INTERVALS * this.#options.intervalMs && this.#gaps.length < GAPS_MAX) {
      this.#gaps.push({ fromMs: this.#lastAnswerMs, toMs: endMs, lengthMs });
    }
    this.#lastAnswerMs = endMs;
  }

  /** The body of a 200, or `undefined` after any failure: refused, unreachable, cut off, too late. */
  async #attempt(): Promise<string | undefined> {
    const aborter = new AbortController();
    let connection: Deno.TcpConn | undefined;
    const timer = setTimeout(() => {
      aborter.abort();
      closeQuietly(connection);
    }, this.#options.timeoutMs);
    try {
      connection = await Deno.connect({
        hostname: this.#options.address,
        port: this.#options.port,
        signal: aborter.signal,
        autoSelectFamily: false,
      });
      await connection.write(this.#request);
      return okBody(await readAll(connection));
    } catch (error) {
      // Also when it comes out of `connect`: a connection that nobody wanted is refused, so this one stood for a moment.
      if (error instanceof Deno.errors.ConnectionReset) this.#cut++;
      return undefined;
    } finally {
      clearTimeout(timer);
      closeQuietly(connection);
    }
  }
}

async function readAll(connection: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(ANSWER_BYTES_MAX);
  let used = 0;
  while (used < buffer.length) {
    const length = await connection.read(buffer.subarray(used));
    if (length === null) break;
    used += length;
  }
  return new TextDecoder().decode(buffer.subarray(0, used));
}

function okBody(answer: string): string | undefined {
  if (!/^HTTP\/1\.[01] 200 /.test(answer)) return undefined;
  const end = answer.indexOf("\r\n\r\n");
  return end < 0 ? undefined : answer.slice(end + 4);
}

function closeQuietly(connection: Deno.TcpConn | undefined): void {
  try {
    connection?.close();
  } catch {
    // It was closed before: by the timeout, or by the end of the attempt.
  }
}

function wallNow(): number {
  return performance.timeOrigin + performance.now();
}
