import { assertEquals } from "@std/assert/equals";
import { SeededRng } from "../../lib/base/rng.ts";
import type { ApiErrorReason, ApiResult } from "../../lib/edge/kube/api_error.ts";
import { type KeyedWrite, StatusWriter, type StatusWriterOptions } from "../../lib/edge/kube/status_writer.ts";
import { FakeTime, settle } from "./fake_time.ts";
import { apiError } from "./list_watch_harness.ts";

type Write = KeyedWrite<string> & { readonly text: string };

/** A writer whose requests are answered by hand. */
class Desk {
  readonly time = new FakeTime();
  readonly outcomes: string[] = [];
  readonly open: { readonly text: string; readonly answer: (result: ApiResult<string>) => Promise<void> }[] = [];
  readonly writer: StatusWriter<string, Write>;

  constructor(options: StatusWriterOptions = {}) {
    this.writer = new StatusWriter<string, Write>(options, {
      rng: new SeededRng(1),
      schedule: this.time.schedule,
      onOutcome: (write, outcome) => {
        const detail = outcome.kind === "failed" ? `:${outcome.error.reason}` : "";
        this.outcomes.push(`${write.text} ${outcome.kind}${detail}`);
      },
    });
  }

  write(key: string, text: string): void {
    const run = () => {
      const { promise, resolve } = Promise.withResolvers<ApiResult<string>>();
      const answer = async (result: ApiResult<string>) => {
        this.open.splice(this.open.findIndex((each) => each.answer === answer), 1);
        resolve(result);
        await settle();
      };
      this.open.push({ text, answer });
      return promise;
    };
    this.writer.write({ key, text, run });
  }

  async succeed(): Promise<void> {
    await this.open[0]!.answer({ ok: true, value: "done" });
  }

  async fail(reason: ApiErrorReason, retryAfterMs?: number): Promise<void> {
    const extra = retryAfterMs === undefined ? {} : { retryAfterMs };
    await this.open[0]!.answer({ ok: false, error: apiError(reason, extra) });
  }

  get openTexts(): string[] {
    return this.open.map((each) => each.text);
  }
}

for (const reason of ["conflict", "notFound", "forbidden", "invalid", "unauthorized", "gone", "badResponse"] as const) {
  Deno.test(`StatusWriter: ${reason} is reported and not tried again`, async () => {
    const desk = new Desk();
    desk.write("a", "a1");
    await desk.fail(reason);
    await desk.time.advance(60_000);
    assertEquals(desk.outcomes, [`a1 failed:${reason}`]);
    assertEquals(desk.open.length, 0);
  });
}

for (const reason of ["unreachable", "timeout", "serverError", "tooManyRequests"] as const) {
  Deno.test(`StatusWriter: ${reason} is tried again, a bounded number of times`, async () => {
    const desk = new Desk({ attemptsMax: 3 });
    desk.write("a", "a1");
    for (let attempt = 1; attempt <= 3; attempt++) {
      assertEquals(desk.openTexts, ["a1"], `attempt ${attempt}`);
      await desk.fail(reason);
      await desk.time.advance(10_000);
    }
    assertEquals(desk.openTexts, []);
    assertEquals(desk.outcomes, [`a1 failed:${reason}`]);
  });
}

Deno.test("StatusWriter: Retry-After is waited for", async () => {
  const desk = new Desk();
  desk.write("a", "a1");
  await desk.fail("tooManyRequests", 7_000);
  await desk.time.advance(6_999);
  assertEquals(desk.openTexts, []);
  await desk.time.advance(1_000);
  assertEquals(desk.openTexts, ["a1"]);
});

Deno.test("StatusWriter: one request per key; of those that wait only the newest is sent", async () => {
  const desk = new Desk();
  for (const text of ["a1", "a2", "a3"]) desk.write("a", text);
  assertEquals(desk.openTexts, ["a1"]);
  await desk.succeed();
  assertEquals(desk.openTexts, ["a3"]);
  await desk.succeed();
  assertEquals(desk.outcomes, ["a2 superseded", "a1 written", "a3 written"]);
});

Deno.test("StatusWriter: a newer write takes the place of one that waits to be tried again", async () => {
  const desk = new Desk();
  desk.write("a", "a1");
  await desk.fail("unreachable");
  desk.write("a", "a2");
  assertEquals(desk.openTexts, ["a2"]);
  await desk.succeed();
  await desk.time.advance(60_000);
  assertEquals([desk.outcomes, desk.openTexts], [["a1 superseded", "a2 written"], []]);
  assertEquals(desk.time.pendingTimers, 0);
});

Deno.test("StatusWriter: a failed write is not tried again when a newer one already waits", async () => {
  const desk = new Desk();
  desk.write("a", "a1");
  desk.write("a", "a2");
  await desk.fail("unreachable");
  assertEquals([desk.outcomes, desk.openTexts], [["a1 superseded"], ["a2"]]);
});

Deno.test("StatusWriter: no more than the limit run at once, the others follow in order", async () => {
  const desk = new Desk({ parallelMax: 3 });
  for (let i = 0; i < 10; i++) desk.write(`k${i}`, `w${i}`);
  assertEquals(desk.openTexts, ["w0", "w1", "w2"]);
  for (let i = 0; i < 10; i++) await desk.succeed();
  assertEquals(desk.outcomes, Array.from({ length: 10 }, (_, i) => `w${i} written`));
  assertEquals(desk.writer.pending, 0);
});

Deno.test("StatusWriter: a write that was forgotten is neither sent nor reported", async () => {
  const desk = new Desk({ parallelMax: 1 });
  desk.write("a", "a1");
  desk.write("b", "b1");
  desk.writer.forget("b");
  await desk.succeed();
  assertEquals([desk.outcomes, desk.openTexts], [["a1 written"], []]);
});

Deno.test("StatusWriter: flush waits for the last write, but not longer than it may", async () => {
  const desk = new Desk();
  assertEquals(await desk.writer.flush(1), true);
  desk.write("a", "a1");
  const early = desk.writer.flush(100);
  await desk.time.advance(100);
  assertEquals(await early, false);
  const late = desk.writer.flush(100);
  await desk.succeed();
  assertEquals(await late, true);
  assertEquals(desk.time.pendingTimers, 0);
});

Deno.test("StatusWriter: after stop nothing is sent or reported", async () => {
  const desk = new Desk({ parallelMax: 1 });
  desk.write("a", "a1");
  desk.write("b", "b1");
  desk.writer.stop();
  await desk.succeed();
  desk.write("c", "c1");
  await desk.time.advance(60_000);
  assertEquals([desk.outcomes, desk.openTexts, desk.time.pendingTimers], [[], [], 0]);
});
