import { assertEquals } from "@std/assert/equals";
import type { LogLevel } from "../../lib/base/log.ts";
import { lineWriter, LOG_FILTERS, logOutput } from "../../lib/edge/run/log_output.ts";
import { FakeClock } from "./fake_poller.ts";

Deno.test("logOutput: one JSON object per line: time, level and event lead", () => {
  const lines: string[] = [];
  const log = logOutput({ filter: "info" }, { clock: new FakeClock(), write: (line) => lines.push(line) });
  log({ event: "serviceAnnounced", level: "info", ip: "192.0.2.1", ts: "forged", left: undefined });
  assertEquals(lines, [
    '{"ts":"2026-01-02T03:04:05.678Z","level":"info","event":"serviceAnnounced","ip":"192.0.2.1"}\n',
  ]);
});

Deno.test("logOutput: a line feed in a field does not begin a new line", () => {
  const lines: string[] = [];
  const log = logOutput({ filter: "info" }, { clock: new FakeClock(), write: (line) => lines.push(line) });
  log({ event: "e", level: "info", text: 'a\nb"c' });
  assertEquals(lines[0]!.indexOf("\n"), lines[0]!.length - 1);
  assertEquals(JSON.parse(lines[0]!).text, 'a\nb"c');
});

Deno.test("logOutput: MetalLB's level names", () => {
  const levels: LogLevel[] = ["trace", "debug", "info", "warn", "error"];
  const passed = Object.fromEntries(LOG_FILTERS.map((filter) => {
    const seen: string[] = [];
    const log = logOutput({ filter }, { clock: new FakeClock(), write: (line) => seen.push(JSON.parse(line).level) });
    for (const level of levels) log({ level, event: "e" });
    return [filter, seen.join(" ")];
  }));
  assertEquals(passed, {
    all: "trace debug info warn error",
    debug: "debug info warn error",
    info: "info warn error",
    warn: "warn error",
    error: "error",
    none: "",
  });
});

Deno.test("lineWriter: writes the rest after a short write, and drops a line that cannot be written", () => {
  const parts: string[] = [];
  const write = lineWriter({
    writeSync(bytes) {
      parts.push(new TextDecoder().decode(bytes.subarray(0, 3)));
      return Math.min(bytes.length, 3);
    },
  });
  write("abcdefg\n");
  assertEquals(parts, ["abc", "def", "g\n"]);
  lineWriter({
    writeSync() {
      throw new Error("EPIPE");
    },
  })("x\n");
});
