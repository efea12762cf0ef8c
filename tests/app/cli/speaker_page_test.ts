/** `herald status -f`: one speaker's own page, as people read it while no API server answers. */
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { readSpeakerPage } from "../../../lib/app/status/speaker_page.ts";
import { writeSpeakerPage } from "../../../lib/app/status/speaker_text.ts";
import { herald } from "./cli_world.ts";

/** Of what a speaker's page holds the part that is read. */
const PAGE = {
  ...{ program: "speaker", node: "node-b", ready: true },
  interfaces: { usable: ["eth0", "eth2"], ipv4Only: ["eth2"], refused: [{ name: "eth1", reason: "noCarrier" }] },
  ...{ conflicts: {}, snapshot: null, cluster: { foreignMembers: [], cutOff: false }, problems: [] },
  caches: [{ name: "services", state: "watching", lastError: null }, { name: "nodes", state: "watching" }],
  packetThread: {
    membership: {
      members: [
        { node: "node-b", address: "192.0.2.12", state: "alive", facts: { version: "0.1.0" } },
        { node: "node-a", address: "192.0.2.11", state: "suspect", facts: { version: "0.1.0" } },
        { node: "node-m", address: "192.0.2.19", state: "alive", facts: null },
      ],
    },
    watch: {
      peers: [
        { node: "node-a", address: "192.0.2.11", watched: true, state: "dead", roundTripMs: 0.4567 },
        { node: "node-m", address: "192.0.2.19", watched: false, state: "unknown", roundTripMs: null },
      ],
    },
    ownership: {
      addresses: [
        {
          ...{ address: "192.0.2.200", owned: true, reason: "elected", elected: "node-b" },
          candidates: [
            { node: "node-a", state: "dead", standsBack: null },
            { node: "node-b", state: "self", standsBack: null },
            { node: "node-c", state: "alive", standsBack: "noCarrier" },
          ],
        },
        { address: "192.0.2.201", owned: true, reason: "noCarrier", elected: "node-b", candidates: [] },
      ],
    },
  },
};

function shown(page: unknown, nowMs = 0): string {
  let out = "";
  const read = readSpeakerPage(JSON.stringify(page));
  if (typeof read === "string") return read;
  writeSpeakerPage({ write: (text) => void (out += text), color: false, columns: undefined }, read, { nowMs });
  return out;
}

Deno.test("herald status -f: who answers and why, whom the speaker sees, and on which interfaces", () => {
  assertEquals(
    shown(PAGE),
    `speaker of node-b: ready

ADDRESS      ANSWERED HERE  WHY                                                              ORDER
192.0.2.200  yes            it is the first that lives and can serve                         node-a (dead), node-b (here), node-c (stands back)
192.0.2.201  no             its interfaces have no link, and nobody else is heard who could

MEMBER  ADDRESS     GOSSIP   WATCH        ROUND TRIP  SPEAKER
node-a  192.0.2.11  suspect  dead         0.5 ms      Herald 0.1.0
node-m  192.0.2.19  alive    not watched  -           not Herald

INTERFACE  ANNOUNCES
eth0       yes
eth2       yes, IPv4 only
eth1       no: no link
`,
  );
});

Deno.test("herald status -f: what is wrong stands first: no API, a snapshot, cut off, strangers, other speakers", () => {
  const wrong = {
    ...PAGE,
    ready: false,
    snapshot: {
      stale: true,
      restoredFrom: "2026-01-01T00:00:00.000Z",
      savedAt: null,
      problem: "unwritable: disk full",
    },
    cluster: { cutOff: true, foreignMembers: ["node-m"] },
    caches: PAGE.caches.map((cache) => ({ ...cache, state: "waiting", lastError: "connection refused" })),
    conflicts: { "192.0.2.200": { state: "found", mac: "02:00:00:00:00:99", interface: "eth0", form: "announcement" } },
    problems: [
      { severity: "error", kind: "IPAddressPool", namespace: "m", name: "first", message: "is bad" },
      { severity: "warning", kind: "Node", namespace: "", name: "node-b", message: "is not there" },
    ],
    packetThread: null,
  };
  const lines = shown(wrong, Date.parse("2026-01-01T03:00:00Z")).split("\n").slice(0, 10);
  assertEquals(lines, [
    "speaker of node-b: not ready",
    "warning: of the API server nothing is heard now: connection refused",
    "warning: stale: what is announced was wanted at 2026-01-01T00:00:00.000Z (3h ago) and comes from its snapshot",
    "warning: the snapshot is not saved: unwritable: disk full",
    "warning: cut off from the API server and most members: it answers nothing (--safe)",
    "warning: the speaker of node-m is not Herald: the order is MetalLB's, failback and standing back are off",
    "warning: 192.0.2.200 is used by another station too: 02:00:00:00:00:99 on eth0",
    "warning: IPAddressPool m/first: is bad",
    "warning: Node node-b: is not there",
    "warning: the packet thread did not describe itself in time: who answers is not known",
  ]);
  const partly = { ...PAGE, caches: [PAGE.caches[0], { name: "nodes", state: "listing", lastError: null }] };
  assertStringIncludes(shown(partly), "warning: of the API server all but nodes is heard now\n");
});

Deno.test("herald status -f: a page of another version, or hostile, is shown as far as it goes", () => {
  for (const page of [{ program: "speaker" }, { program: "speaker", caches: 7, conflicts: [], packetThread: [] }]) {
    assertStringIncludes(shown(page), "speaker of : not ready");
  }
  const later = { ...PAGE, packetThread: { ownership: { addresses: [{ address: "x", reason: "ofTomorrow" }, null] } } };
  assertStringIncludes(shown(later), "ofTomorrow");
  assertStringIncludes(shown({ ...PAGE, node: "\u001b[2J" }), "speaker of \\u001b[2J");
});

Deno.test("herald status -f: what is no page of a speaker is a wrong call, and says what is needed", async () => {
  const needed = "the answer of a speaker's /status is needed";
  const table: [string, string][] = [
    ["", "herald status: (standard input): is no JSON; "],
    ["{}", "herald status: (standard input): is no answer of /status; "],
    ['{"program": "controller"}', "herald status: (standard input): is the page of a controller; "],
  ];
  for (const [stdin, message] of table) {
    assertEquals(await herald(["status", "-f", "-"], { stdin }), { code: 2, out: "", err: `${message}${needed}\n` });
  }
  const missing = await herald(["status", "-f", "nowhere.json"]);
  assertEquals([missing.code, missing.out], [2, ""]);
  assertStringIncludes(missing.err, "herald status: nowhere.json: ");
  const text = JSON.stringify(PAGE);
  const read = await herald(["status", "-f", "page.json"], { files: { "page.json": text } });
  assertEquals([read.code, read.err, read.out.split("\n")[0]], [0, "", "speaker of node-b: ready"]);
  assertEquals((await herald(["status", "-f", "-", "-o", "json"], { stdin: text })).out, text);
});
