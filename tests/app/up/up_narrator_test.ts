import { assertEquals } from "@std/assert/equals";
import { UpNarrator } from "../../../lib/app/up/up_narrator.ts";

Deno.test("herald up: a warning without a sentence of its own is told with its reason, if it has one", () => {
  let out = "";
  const output = { write: (text: string) => void (out += text), color: false, columns: undefined };
  const narrator = new UpNarrator({ output, clock: { now: () => 0, wallMs: () => 0 } });
  const log = narrator.ear();
  log({ level: "info", event: "nothingOfInterest" });
  log({ level: "warn", event: "packetLoopGap", gapMs: 300 });
  log({ level: "error", event: "failed", error: "no luck" });
  assertEquals(out, "00:00:00  packetLoopGap\n00:00:00  failed: no luck\n");
});

Deno.test("herald up: what is announced, what not any more, and what has no interface to be announced on", () => {
  const lines: string[] = [];
  const output = { write: (text: string) => void lines.push(text.slice(10)), color: false, columns: undefined };
  const log = new UpNarrator({ output, clock: { now: () => 0, wallMs: () => 0 } }).ear();
  const what = { ips: ["192.0.2.1"], services: ["shop/web"] };
  log({ level: "info", event: "serviceAnnounced", ...what, reason: "elected" });
  for (const reason of ["noCarrier", "noInterface", "noIpv6"]) {
    log({ level: "warn", event: "announcedNowhere", ...what, reason });
  }
  log({ level: "info", event: "serviceWithdrawn", ...what, reason: "notOwner" });
  assertEquals(lines, [
    "192.0.2.1 is announced here for shop/web\n",
    "192.0.2.1 cannot be announced: its interfaces have no link (shop/web)\n",
    "192.0.2.1 cannot be announced: its interfaces are not there (shop/web)\n",
    "192.0.2.1 cannot be announced: its interfaces have no IPv6 link-local address (shop/web)\n",
    "192.0.2.1 is not announced any more\n",
  ]);
});

Deno.test("herald up: a problem that both programs see is told once, and again when it comes again", () => {
  const lines: string[] = [];
  const output = { write: (text: string) => void lines.push(text), color: false, columns: undefined };
  const narrator = new UpNarrator({ output, clock: { now: () => 0, wallMs: () => 0 } });
  const [controller, speaker] = [narrator.ear(), narrator.ear()];
  const problem = (name: string) => ({
    ...{ level: "warn" as const, event: "configurationProblem", severity: "error", kind: "IPAddressPool" },
    ...{ namespace: "m", name, path: "", reason: "x", error: "is bad" },
  });
  controller(problem("a"));
  speaker(problem("a"));
  speaker(problem("b"));
  controller(problem("b"));
  controller(problem("c"));
  assertEquals(
    lines.map((line) => line.trim().slice(-10)),
    ["a: is bad", "b: is bad", "c: is bad"].map((t) => `/${t}`),
  );
  // Mended and broken again.
  speaker(problem("a"));
  controller(problem("a"));
  assertEquals(lines.length, 4);
  // Two objects with one name and one fault, as far as the sentence tells, are two for each.
  controller(problem("d"));
  controller(problem("d"));
  for (const _ of [1, 2]) speaker(problem("d"));
  assertEquals(lines.length, 6);
});
