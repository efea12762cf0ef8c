// needs: setpriv unshare
/** The demo as a user runs it (issue: "What the demo shows"). */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { DemoProcess, outside } from "./demo_process.ts";

/** What the client says after the planned move: answered, sent, and how many open connections the move cut. */
const PLANNED =
  /client: (\d+) of (\d+) requests answered(?: \((\d+) cut: .*?\))?, longest time .*; its kernel now sends to node-a/;

const STORY: readonly RegExp[] = [
  /three nodes and a client on one Ethernet segment/,
  /node-a 192\.168\.1\.11, node-b 192\.168\.1\.12, node-c 192\.168\.1\.13; client 192\.168\.1\.100/,
  /apply manifests\/examples\/l2-advertisement\.yaml/,
  /ipaddresspool\.metallb\.io\/first-pool created/,
  /controller: default\/shop gets 192\.168\.1\.240 from first-pool: the first pool, by priority and name, that may give it one, and its lowest free/,
  /controller: default\/web gets 192\.168\.1\.241 from first-pool/,
  /speaker: 192\.168\.1\.241 is announced by node-c\n *the order for this address is node-c, node-a, node-b/,
  /client: the kernel asked "who has 192\.168\.1\.241\?" and learned 02:00:00:00:00:0c, which is node-c/,
  /client: GET http:\/\/192\.168\.1\.241\/ -> 200 in [\d.]+ ms: "node-c for pod web-[12]"/,
  /the speaker of node-c is told to stop; the client goes on/,
  /192\.168\.1\.241 is announced by node-a/,
  /speaker of node-c: answered for \d+ ms more, then it saw its successor on the wire, and ended/,
  PLANNED,
  /node-a is dead: no cable, no speaker, no word to anybody/,
  /192\.168\.1\.241 is announced by node-b/,
  /taken over \d+ ms after the power cut/,
  /client: [1-9]\d* of \d+ requests answered(?: \(\d+ cut: .*?\))?, longest time .*; its kernel now sends to node-b/,
  /Everything is gone: nothing was created outside of this process/,
];

function assertStory(text: string): void {
  let rest = text;
  for (const line of STORY) {
    const match = line.exec(rest);
    if (match === null) throw new Error(`the story does not go on with ${line}:\n${text}`);
    rest = rest.slice(match.index + match[0].length);
  }
  const [, answered, sent, cut = "0"] = PLANNED.exec(text)!;
  assertEquals(Number(answered) + Number(cut), Number(sent), `the planned move lost requests:\n${text}`);
}

Deno.test("herald demo: tells the whole story in order, loses nothing in the planned move, leaves nothing behind", async () => {
  const before = outside();
  const demo = new DemoProcess(["demo"]);
  await demo.said(/is announced by node-c/);
  assertEquals(outside().links, before.links);
  assertEquals(outside().named, before.named);
  assertEquals(await demo.end(), 0, demo.stdout + demo.stderr);
  assertStory(demo.stdout);
  assertEquals(demo.stderr, "");
  assertEquals(outside(), before);
});

Deno.test("herald demo: without rights it helps itself to a user namespace and tells the same story", async () => {
  const before = outside();
  const demo = new DemoProcess(["demo"], {
    // For root the kernel asks for this one capability before it maps a user namespace; nobody else needs it.
    prefix: ["setpriv", "--bounding-set=-all,+setfcap", "--inh-caps=-all"],
  });
  assertEquals(await demo.end(), 0, demo.stdout + demo.stderr);
  assertStory(demo.stdout);
  assertEquals(outside(), before);
});

Deno.test("herald demo: below unshare -Ur it tells the same story", async () => {
  const demo = new DemoProcess(["demo"], { prefix: ["unshare", "-Ur"] });
  assertEquals(await demo.end(), 0, demo.stdout + demo.stderr);
  assertStory(demo.stdout);
});

Deno.test("herald demo: where neither is possible it says what is missing and ends with 1", async () => {
  const script = 'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "$@"';
  const demo = new DemoProcess(["demo"], { prefix: ["unshare", "-Ur", "sh", "-c", script, "sh"] });
  assertEquals(await demo.end(), 1, demo.stdout + demo.stderr);
  assertStringIncludes(demo.stdout, "namespace");
  assert(/[Rr]un/.test(demo.stdout), demo.stdout);
  assertEquals(demo.stdout.includes("    at "), false, "a stack trace is no explanation");
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`herald demo: ${signal} in the middle ends it within seconds and leaves nothing`, async () => {
    const before = outside();
    const demo = new DemoProcess(["demo"]);
    await demo.said(/the speaker of node-. is told to stop;/);
    demo.signal(signal);
    assertEquals(await demo.end(15_000), code);
    assertEquals(outside(), before);
  });
}

Deno.test("herald demo: kill -9 leaves no process and no link, and the next one runs", async () => {
  const before = outside();
  const demo = new DemoProcess(["demo", "--keep"]);
  await demo.said(/KUBECONFIG=/);
  assertEquals(outside().processes.includes(`${demo.pid}`), true);
  demo.signal("SIGKILL");
  assertEquals(await demo.end(), 137);
  assertEquals(outside(), before);
});

Deno.test("herald demo: two at the same time do not disturb each other", async () => {
  const demos = [new DemoProcess(["demo"]), new DemoProcess(["demo"])];
  for (const demo of demos) {
    assertEquals(await demo.end(), 0, demo.stdout + demo.stderr);
    assertStory(demo.stdout);
  }
});

for (
  const [args, message] of [
    [["demo", "--kepe"], "herald demo: --kepe is not a flag of this program; did you mean --keep?"],
    [["demo", "--keep=perhaps"], 'herald demo: --keep: "perhaps" is not "true" or "false"'],
    [["demo", "now"], 'herald demo: "now" is one word too many'],
    [["dmeo"], 'herald: "dmeo" is not a command; did you mean "demo"?'],
    [[], "usage: herald COMMAND"],
  ] as const
) {
  Deno.test(`herald ${args.join(" ")}: called wrongly ends with 2, and with no more than its say on stderr`, async () => {
    // Help and usage errors need no permission at all.
    const demo = new DemoProcess(args, { permissions: [] });
    assertEquals(await demo.end(), 2);
    assertEquals(demo.stdout, "");
    assertStringIncludes(demo.stderr, message);
  });
}

Deno.test("herald --help: tells the commands on stdout, with 0 and without permissions", async () => {
  for (const args of [["--help"], ["help"], ["demo", "--help"], ["-h"]]) {
    const demo = new DemoProcess(args, { permissions: [] });
    assertEquals([await demo.end(), demo.stderr], [0, ""]);
    assertStringIncludes(demo.stdout, args[0] === "demo" ? "--keep" : "demo        the main job");
  }
});
