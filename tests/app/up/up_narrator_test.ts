import { assertEquals } from "@std/assert/equals";
import { UpNarrator } from "../../../lib/app/up/up_narrator.ts";

Deno.test("herald up: a warning without a sentence of its own is told with its reason, if it has one", () => {
  let out = "";
  const output = { write: (text: string) => void (out += text), color: false, columns: undefined };
  const narrator = new UpNarrator({ output, clock: { now: () => 0, wallMs: () => 0 } });
  narrator.hear({ level: "info", event: "nothingOfInterest" });
  narrator.hear({ level: "warn", event: "packetLoopGap", gapMs: 300 });
  narrator.hear({ level: "error", event: "failed", error: "no luck" });
  assertEquals(out, "00:00:00  packetLoopGap\n00:00:00  failed: no luck\n");
});
