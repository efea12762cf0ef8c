import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import type { ConflictReport, ConflictState, DoubleAnswerReport } from "../../lib/base/conflict.ts";
import type { KubeObject } from "../../lib/base/kube.ts";
import type { LogEvent } from "../../lib/base/log.ts";
import { ConflictReporter } from "../../lib/app/conflict_reporter.ts";
import type { EventToRecord } from "../../lib/edge/kube/events.ts";

const VIP = "198.51.100.1";
const MAC = "02:00:00:00:00:77";

function object(key: string): KubeObject {
  const [namespace, name] = key.split("/");
  return { apiVersion: "v1", kind: "Service", metadata: { namespace: namespace!, name: name! } };
}

/** Two Services share the address; `gone/service` left the cache meanwhile. */
class Bench {
  readonly logged: LogEvent[] = [];
  readonly recorded: EventToRecord[] = [];
  changes = 0;
  services: readonly string[] = ["shop/web", "shop/mail"];
  readonly reporter = new ConflictReporter({ node: "n1" }, {
    log: (event) => this.logged.push(event),
    servicesOf: (address) => address === VIP ? this.services : [],
    service: (key) => key === "gone/service" ? undefined : object(key),
    record: (event) => this.recorded.push(event),
    onChange: () => this.changes++,
  });

  take(state: ConflictState, change: Partial<ConflictReport> = {}): this {
    const form = "gratuitous";
    this.reporter.take({ kind: "conflict", address: VIP, state, mac: MAC, interface: "eth0", form, ...change });
    return this;
  }
}

Deno.test("ConflictReporter: a conflict is a warning on every Service of the address, in the log and among the problems", () => {
  const { recorded, logged, reporter, changes } = new Bench().take("found");
  assertEquals(recorded.map(({ object, type, reason }) => [object.metadata.name, type, reason]), [
    ["web", "Warning", "addressConflict"],
    ["mail", "Warning", "addressConflict"],
  ]);
  for (const word of [VIP, MAC, '"eth0"', '"n1"', "goes on answering", "IPAddressPool", "strictARP"]) {
    assertStringIncludes(recorded[0]!.message, word);
  }
  assertEquals(logged.map(({ level, event, mac }) => [level, event, mac]), [["warn", "addressConflict", MAC]]);
  assertEquals(
    reporter.problems().map(({ severity, kind, namespace, name, reason }) => [severity, kind, namespace, name, reason]),
    [
      ["warning", "Service", "shop", "web", "addressConflict"],
      ["warning", "Service", "shop", "mail", "addressConflict"],
    ],
  );
  assertEquals(changes, 1);
});

Deno.test("ConflictReporter: whoever yields says that it does not answer", () => {
  assertStringIncludes(new Bench().take("yielded").recorded[0]!.message, "does not answer");
});

Deno.test("ConflictReporter: what is over is no problem any more, and stays counted", () => {
  const bench = new Bench().take("found").take("gone").take("yielded").take("gone").take("found");
  assertEquals(bench.reporter.counts(), [{ ip: VIP, found: 2, yielded: 1, active: MAC }]);
  bench.take("gone");
  assertEquals([bench.reporter.problems(), bench.reporter.inspect(), bench.changes], [[], {}, 6]);
  assertEquals(bench.reporter.counts(), [{ ip: VIP, found: 2, yielded: 1, active: undefined }]);
});

Deno.test("ConflictReporter: the end of a conflict that was never told changes nothing", () => {
  assertEquals(new Bench().take("gone").changes, 0);
});

Deno.test("ConflictReporter: a station that only asked is logged and is no problem", () => {
  const { recorded, logged, reporter } = new Bench().take("probed", { form: "probe" });
  assertEquals([recorded, reporter.problems(), reporter.counts()], [[], [], []]);
  assertEquals(logged.map(({ level, event }) => [level, event]), [["info", "addressProbed"]]);
});

Deno.test("ConflictReporter: a node that answers for what it does not own is a warning with what to do, and a problem until it is over", () => {
  const bench = new Bench();
  const { recorded, logged, reporter } = bench;
  const report = { kind: "doubleAnswer", address: VIP, other: "n2", mac: MAC, interface: "eth0" } as const;
  const found: DoubleAnswerReport = { ...report, state: "found" };
  reporter.takeDoubleAnswer(found);
  assertEquals(recorded.map(({ type, reason }) => [type, reason]), [["Warning", "doubleAnswer"], [
    "Warning",
    "doubleAnswer",
  ]]);
  for (const word of [VIP, MAC, '"n2"', '"n1"', "strictARP"]) assertStringIncludes(recorded[0]!.message, word);
  const { message } = recorded[0]!;
  const problem = {
    severity: "warning",
    kind: "Service",
    namespace: "shop",
    path: "",
    reason: "doubleAnswer",
    message,
  };
  assertEquals(reporter.problems(), [{ ...problem, name: "web" }, { ...problem, name: "mail" }]);
  assertEquals([reporter.doubleAnswers(), reporter.counts(), bench.changes], [[found], [], 1]);

  reporter.takeDoubleAnswer({ ...report, state: "gone" });
  assertEquals([reporter.problems(), reporter.doubleAnswers(), recorded.length, bench.changes], [[], [], 2, 2]);
  assertEquals(logged.map(({ level, event }) => [level, event]), [["warn", "doubleAnswer"], [
    "info",
    "doubleAnswerOver",
  ]]);
});

Deno.test("ConflictReporter: a Service that is not in the cache gets no event, and is a problem all the same", () => {
  const bench = new Bench();
  bench.services = ["gone/service"];
  bench.take("found");
  assertEquals([bench.recorded.length, bench.reporter.problems().length], [0, 1]);
});

Deno.test("ConflictReporter: it counts 8192 addresses, and tells of the ones beyond", () => {
  const bench = new Bench();
  for (let i = 0; i <= 8192; i++) bench.take("found", { address: `10.0.${i >> 8}.${i & 255}` });
  assertEquals([bench.reporter.counts().length, bench.logged.length], [8192, 8193]);
});
