import { assertEquals } from "@std/assert/equals";
import { assert } from "@std/assert/assert";
import { objectReference } from "../../lib/base/kube.ts";
import type { ApiErrorReason } from "../../lib/edge/kube/api_error.ts";
import { apiError, brief, generationOf, ListWatchHarness, pod } from "./list_watch_harness.ts";

Deno.test("ListWatch: lists, tells the objects, says synced once, then watches from the list's version", () => {
  const harness = new ListWatchHarness();
  assertEquals(brief(harness.input({ kind: "start" })), ["startList"]);
  const listed = harness.input({
    kind: "listed",
    generation: 1,
    resourceVersion: "9",
    objects: [pod("a", 3), pod("b", 7)],
  });
  assertEquals(brief(listed), ["upsert shop/a@3", "upsert shop/b@7", "synced", "startWatch@9"]);
  assert(harness.machine.synced);
});

Deno.test("ListWatch: asks the server to end a watch within once to twice the time, spread by the rng", () => {
  for (const [u32, expected] of [[0, 300], [0x8000_0000, 450], [0xffff_ffff, 600]] as const) {
    const harness = new ListWatchHarness({}, { u32: () => u32 });
    harness.input({ kind: "start" });
    const effects = harness.input({ kind: "listed", generation: 1, resourceVersion: "1", objects: [] });
    const watch = effects.find((effect) => effect.kind === "startWatch");
    assertEquals(watch?.timeoutSeconds, expected);
  }
});

/** How a watch that was open and healthy goes on after it broke. */
const AFTER_OPEN: readonly (readonly [ApiErrorReason, "list" | "check", "wait" | "at once"])[] = [
  ["badResponse", "list", "wait"],
  ["gone", "list", "at once"],
  ["unreachable", "check", "wait"],
  ["timeout", "check", "wait"],
  ["serverError", "check", "wait"],
  ["tooManyRequests", "check", "wait"],
  ["unauthorized", "check", "wait"],
  ["forbidden", "check", "wait"],
];
for (const [reason, next, when] of AFTER_OPEN) {
  Deno.test(`ListWatch: an open watch that fails with ${reason} is followed by a ${next}, ${when}`, () => {
    const harness = new ListWatchHarness();
    const generation = harness.upTo(9, [pod("a", 3)]);
    harness.input({ kind: "bookmark", generation, resourceVersion: "12" });
    const failed = harness.input({ kind: "watchFailed", generation, error: apiError(reason) });
    const expected = next === "list" ? ["startList"] : ["startCheck"];
    if (when === "at once") return assertEquals(brief(failed), ["cancel", ...expected]);
    assertEquals(brief(failed), ["cancel"]);
    assertEquals(brief(harness.tick()), expected);
  });
}

/** A watch that was never accepted: only 429 leaves the version trusted. */
const NOT_OPENED: readonly (readonly [ApiErrorReason, "list" | "check"])[] = [
  ["unreachable", "list"],
  ["timeout", "list"],
  ["serverError", "list"],
  ["unauthorized", "list"],
  ["gone", "list"],
  ["tooManyRequests", "check"],
];
for (const [reason, next] of NOT_OPENED) {
  Deno.test(`ListWatch: a watch that is refused with ${reason} is followed by a ${next}`, () => {
    const harness = new ListWatchHarness();
    const open = harness.upTo(9, []);
    harness.now += 5_000;
    const generation = generationOf(harness.input({ kind: "watchEnded", generation: open }), "startWatch");
    const failed = harness.input({ kind: "watchFailed", generation, error: apiError(reason) });
    const effects = failed.length > 1 ? failed : harness.tick();
    assertEquals(brief(effects).at(-1), next === "list" ? "startList" : "startCheck");
  });
}

/** Our copy is at version 50 with a@30; the look at the server finds this. */
const LOOKS: readonly (readonly [string, number, ReturnType<typeof pod>[], "list" | "watch"])[] = [
  ["an older version", 49, [], "list"],
  ["an old object that we never saw", 60, [pod("b", 40)], "list"],
  ["our object at another old version", 60, [pod("a", 31)], "list"],
  ["our object's version with another uid", 60, [pod("a", 30, "a-2")], "list"],
  ["the same version", 50, [pod("a", 30)], "watch"],
  ["a newer version and the same object", 60, [pod("a", 30)], "watch"],
  ["newer objects, also in the place of ours", 60, [pod("a", 55, "a-2"), pod("b", 56)], "watch"],
  ["nothing", 60, [], "watch"],
];
for (const [what, version, objects, next] of LOOKS) {
  Deno.test(`ListWatch: after a break, a server with ${what} is followed by a ${next}`, () => {
    const harness = new ListWatchHarness();
    const broken = harness.upTo(50, [pod("a", 30)]);
    harness.now += 5_000;
    harness.input({ kind: "watchFailed", generation: broken, error: apiError("unreachable") });
    const generation = generationOf(harness.tick(), "startCheck");
    const effects = harness.input({ kind: "checked", generation, resourceVersion: String(version), objects });
    if (next === "watch") return assertEquals(brief(effects), ["startWatch@50"]);
    assertEquals(brief(effects), ["cancel"]);
    assertEquals(brief(harness.tick()), ["startList"]);
  });
}

Deno.test("ListWatch: a look that fails is followed by a list, a look at a busy server by another look", () => {
  for (const [reason, next] of [["unreachable", "startList"], ["tooManyRequests", "startCheck"]] as const) {
    const harness = new ListWatchHarness();
    const broken = harness.upTo(50, []);
    harness.input({ kind: "watchFailed", generation: broken, error: apiError("unreachable") });
    const generation = generationOf(harness.tick(), "startCheck");
    harness.input({ kind: "checkFailed", generation, error: apiError(reason) });
    assertEquals(brief(harness.tick()), [next]);
  }
});

Deno.test("ListWatch: 410 right after a list waits, so that a server which always says so is not stormed", () => {
  const harness = new ListWatchHarness();
  const generation = harness.upTo(9, []);
  const first = harness.input({ kind: "watchFailed", generation, error: apiError("gone") });
  const list = generationOf(first, "startList");
  const listed = harness.input({ kind: "listed", generation: list, resourceVersion: "10", objects: [] });
  const again = generationOf(listed, "startWatch");
  assertEquals(brief(harness.input({ kind: "watchFailed", generation: again, error: apiError("gone") })), ["cancel"]);
  assertEquals(brief(harness.tick()), ["startList"]);
});

Deno.test("ListWatch: 410 that follows another failure is healed by a list, not by watching again", () => {
  const harness = new ListWatchHarness();
  const broken = harness.upTo(9, []);
  harness.input({ kind: "watchFailed", generation: broken, error: apiError("unreachable") });
  const check = generationOf(harness.tick(), "startCheck");
  const checked = harness.input({ kind: "checked", generation: check, resourceVersion: "9", objects: [] });
  const generation = generationOf(checked, "startWatch");
  harness.input({ kind: "watchOpened", generation });
  harness.input({ kind: "watchFailed", generation, error: apiError("gone") });
  assertEquals(brief(harness.tick()), ["startList"]);
});

Deno.test("ListWatch: waits double up to the cap and start small again after the watch has brought something", () => {
  const harness = new ListWatchHarness({ backoff: { baseMs: 100, capMs: 1_000 } }, { u32: () => 0xffff_ffff });
  const waits: number[] = [];
  let generation = generationOf(harness.input({ kind: "start" }), "startList");
  for (let attempt = 0; attempt < 6; attempt++) {
    harness.input({ kind: "listFailed", generation, error: apiError("unreachable") });
    waits.push(Math.round(harness.machine.deadline()!.at - harness.now));
    generation = generationOf(harness.tick(), "startList");
  }
  assertEquals(waits, [100, 200, 400, 800, 1_000, 1_000]);
  const listed = harness.input({ kind: "listed", generation, resourceVersion: "5", objects: [] });
  generation = generationOf(listed, "startWatch");
  harness.input({ kind: "event", generation, type: "ADDED", object: pod("a", 6) });
  harness.input({ kind: "watchFailed", generation, error: apiError("unreachable") });
  assertEquals(Math.round(harness.machine.deadline()!.at - harness.now), 100);
});

Deno.test("ListWatch: Retry-After is waited for, with the jitter on top", () => {
  const harness = new ListWatchHarness({}, { u32: () => 0 });
  const generation = generationOf(harness.input({ kind: "start" }), "startList");
  const error = apiError("tooManyRequests", { retryAfterMs: 7_000 });
  harness.input({ kind: "listFailed", generation, error });
  assertEquals(harness.machine.deadline()!.at - harness.now, 7_050);
});

Deno.test("ListWatch: a watch that ends at once without bringing anything is not repeated at once", () => {
  const harness = new ListWatchHarness();
  const generation = harness.upTo(9, []);
  assertEquals(brief(harness.input({ kind: "watchEnded", generation })), ["cancel"]);
  assertEquals(brief(harness.tick()), ["startWatch@9"]);
});

Deno.test("ListWatch: a watch that ends in order is opened again at once", () => {
  const harness = new ListWatchHarness();
  const generation = harness.upTo(9, []);
  harness.now += 1_000;
  assertEquals(brief(harness.input({ kind: "watchEnded", generation })), ["startWatch@9"]);
});

Deno.test("ListWatch: a silent connection is replaced, after a look at the server, by a new watch from the last bookmark", () => {
  const harness = new ListWatchHarness({ idleLimitMs: 90_000 });
  const generation = harness.upTo(9, []);
  harness.now += 60_000;
  harness.input({ kind: "bookmark", generation, resourceVersion: "40" });
  const before = harness.now;
  const effects = harness.tick();
  assertEquals(brief(effects), ["cancel", "startCheck"]);
  assertEquals(harness.now - before, 90_000);
  const check = generationOf(effects, "startCheck");
  const checked = harness.input({ kind: "checked", generation: check, resourceVersion: "41", objects: [] });
  assertEquals(brief(checked), ["startWatch@40"]);
});

Deno.test("ListWatch: a transport that never answers is given up by the machine's own limits", () => {
  const harness = new ListWatchHarness({ listLimitMs: 5_000, openLimitMs: 3_000 });
  harness.input({ kind: "start" });
  assertEquals(brief(harness.tick()), ["cancel"]);
  const generation = generationOf(harness.tick(), "startList");
  harness.input({ kind: "listed", generation, resourceVersion: "5", objects: [] });
  const opening = harness.now;
  assertEquals(brief(harness.tick()), ["cancel"]);
  assertEquals(harness.now - opening, 3_000);
  assertEquals(brief(harness.tick()), ["startList"]);
});

Deno.test("ListWatch: a relist tells the difference only, removals first", () => {
  const harness = new ListWatchHarness();
  const generation = harness.upTo(9, [pod("gone", 1), pod("same", 2), pod("changed", 3), pod("anew", 4)]);
  const list = generationOf(harness.input({ kind: "watchFailed", generation, error: apiError("gone") }), "startList");
  const objects = [pod("anew", 11, "anew-2"), pod("changed", 12), pod("same", 2), pod("new", 13)];
  const effects = harness.input({ kind: "listed", generation: list, resourceVersion: "20", objects });
  assertEquals(brief(effects), [
    "remove shop/gone",
    "remove shop/anew",
    "upsert shop/anew@11",
    "upsert shop/changed@12",
    "upsert shop/new@13",
    "startWatch@20",
  ]);
});

Deno.test("ListWatch: after a list from before our version everything is told again, for versions may repeat", () => {
  const harness = new ListWatchHarness();
  const generation = harness.upTo(100, [pod("a", 50), pod("b", 60)]);
  const list = generationOf(harness.input({ kind: "watchFailed", generation, error: apiError("gone") }), "startList");
  const effects = harness.input({ kind: "listed", generation: list, resourceVersion: "80", objects: [pod("a", 50)] });
  assertEquals(brief(effects), ["remove shop/b", "upsert shop/a@50", "startWatch@80"]);
});

Deno.test("ListWatch: an object made anew under its name within the watch is removed and added", () => {
  const harness = new ListWatchHarness();
  const generation = harness.upTo(9, [pod("a", 3)]);
  const effects = harness.input({ kind: "event", generation, type: "MODIFIED", object: pod("a", 11, "a-2") });
  assertEquals(brief(effects), ["remove shop/a", "upsert shop/a@11"]);
});

Deno.test("ListWatch: a version is told once, and an unknown or older object's removal not at all", () => {
  const harness = new ListWatchHarness();
  const generation = harness.upTo(9, [pod("a", 9, "a-2")]);
  const inputs = [
    { kind: "event", generation, type: "ADDED", object: pod("a", 9, "a-2") },
    { kind: "event", generation, type: "DELETED", object: pod("a", 10, "a-1") },
    { kind: "event", generation, type: "DELETED", object: pod("b", 11) },
  ] as const;
  for (const input of inputs) assertEquals(brief(harness.input(input)), []);
  assertEquals(harness.machine.store.size, 1);
});

Deno.test("ListWatch: a version that goes back means another history: list again", () => {
  for (const kind of ["event", "bookmark"] as const) {
    const harness = new ListWatchHarness();
    const generation = harness.upTo(100, [pod("a", 90)]);
    const input = kind === "event"
      ? { kind, generation, type: "ADDED", object: pod("b", 99) } as const
      : { kind, generation, resourceVersion: "99" } as const;
    assertEquals(brief(harness.input(input)), ["cancel"]);
    assertEquals(brief(harness.tick()), ["startList"]);
  }
});

Deno.test("ListWatch: what arrives late from a cancelled list or watch changes nothing", () => {
  const harness = new ListWatchHarness();
  const old = harness.upTo(9, [pod("a", 3)]);
  const list = generationOf(
    harness.input({ kind: "watchFailed", generation: old, error: apiError("gone") }),
    "startList",
  );
  const late = [
    { kind: "event", generation: old, type: "DELETED", object: pod("a", 10) },
    { kind: "bookmark", generation: old, resourceVersion: "99" },
    { kind: "watchEnded", generation: old },
    { kind: "watchFailed", generation: old, error: apiError("gone") },
    { kind: "watchOpened", generation: old },
    { kind: "listed", generation: list - 1, resourceVersion: "99", objects: [] },
    { kind: "listFailed", generation: list + 1, error: apiError("gone") },
  ] as const;
  for (const input of late) assertEquals(harness.input(input), []);
  assertEquals(
    brief(harness.input({ kind: "listed", generation: list, resourceVersion: "12", objects: [pod("a", 3)] })),
    [
      "startWatch@12",
    ],
  );
});

Deno.test("ListWatch: after stop nothing is told, started or waited for", () => {
  const harness = new ListWatchHarness();
  const generation = harness.upTo(9, []);
  assertEquals(brief(harness.input({ kind: "stop" })), ["cancel"]);
  assertEquals(harness.machine.deadline(), undefined);
  assertEquals(harness.input({ kind: "event", generation, type: "ADDED", object: pod("a", 10) }), []);
  assertEquals(harness.input({ kind: "start" }), []);
  assertEquals(harness.input({ kind: "tick" }), []);
});

Deno.test("ListWatch: warns once about what lasts or needs a human, and says when it is over", () => {
  for (
    const [reason, expected] of [
      ["unreachable", ["info", "debug", "debug", "debug", "warn", "debug", "debug"]],
      ["forbidden", ["warn", "debug", "debug", "debug", "debug", "debug", "debug"]],
    ] as const
  ) {
    const harness = new ListWatchHarness();
    let generation = generationOf(harness.input({ kind: "start" }), "startList");
    for (let attempt = 0; attempt < 7; attempt++) {
      harness.input({ kind: "listFailed", generation, error: apiError(reason) });
      generation = generationOf(harness.tick(), "startList");
    }
    assertEquals(harness.logged, expected.map((level) => `${level} listFailed`));
    const listed = harness.input({ kind: "listed", generation, resourceVersion: "5", objects: [] });
    harness.input({ kind: "bookmark", generation: generationOf(listed, "startWatch"), resourceVersion: "6" });
    assertEquals(harness.logged.slice(7), ["debug listed", "info watchRecovered"]);
  }
});

Deno.test("Refresh: whatever goes on is given up and listed anew; the difference is told, and the watch begins there", () => {
  const inState: Record<string, (h: ListWatchHarness) => number> = {
    listing: (h) => generationOf(h.input({ kind: "start" }), "startList"),
    watching: (h) => h.upTo(5, [pod("a", 3), pod("b", 4)]),
    checking: (h) => {
      const generation = h.upTo(5, [pod("a", 3), pod("b", 4)]);
      h.input({ kind: "watchFailed", generation, error: apiError("unreachable") });
      return generationOf(h.tick(), "startCheck");
    },
  };
  for (const [state, bring] of Object.entries(inState)) {
    const h = new ListWatchHarness();
    const old = bring(h);
    const refreshed = h.input({ kind: "refresh" });
    assertEquals(refreshed.map(({ kind }) => kind), ["cancel", "startList"], state);
    // The answer to a list that began before may lack what was written since.
    assertEquals(h.input({ kind: "listed", generation: old, resourceVersion: "5", objects: [] }), [], state);
    const generation = generationOf(refreshed, "startList");
    const listed = h.input({ kind: "listed", generation, resourceVersion: "9", objects: [pod("b", 4), pod("c", 8)] });
    const told = listed.filter(({ kind }) => kind === "upsert" || kind === "remove").map((effect) =>
      `${effect.kind} ${"key" in effect ? effect.key : ""}`
    );
    assertEquals(
      told,
      state === "listing" ? ["upsert shop/b", "upsert shop/c"] : ["remove shop/a", "upsert shop/c"],
      state,
    );
    generationOf(listed, "startWatch");
  }
});

Deno.test("Refresh: during a wait it lists at once, before the start and after the end it does nothing", () => {
  const waiting = new ListWatchHarness();
  const generation = generationOf(waiting.input({ kind: "start" }), "startList");
  waiting.input({ kind: "listFailed", generation, error: apiError("unreachable") });
  assertEquals(waiting.input({ kind: "refresh" }).map(({ kind }) => kind), ["startList"]);
  const idle = new ListWatchHarness();
  assertEquals(idle.input({ kind: "refresh" }), []);
  idle.input({ kind: "start" });
  idle.input({ kind: "stop" });
  assertEquals(idle.input({ kind: "refresh" }), []);
});

Deno.test("ListWatch: keeps of an object what it is told to keep, and still tells all of it, each version once", () => {
  const harness = new ListWatchHarness({ keep: objectReference });
  const full = (version: number) => ({ ...pod("a", version), spec: { nodeName: `n${version}` } });
  const generation = harness.upTo(9, [full(3)]);
  assertEquals(harness.machine.store.get("shop/a"), pod("a", 3));
  const event = (version: number) =>
    harness.input({ kind: "event", generation, type: "MODIFIED", object: full(version) });
  assertEquals(event(10), [{ kind: "upsert", key: "shop/a", object: full(10), previous: pod("a", 3) }]);
  const list = generationOf(harness.input({ kind: "watchFailed", generation, error: apiError("gone") }), "startList");
  const relisted = harness.input({ kind: "listed", generation: list, resourceVersion: "20", objects: [full(10)] });
  assertEquals(brief(relisted), ["startWatch@20"]);
});
