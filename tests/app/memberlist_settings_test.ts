import { assertEquals } from "@std/assert/equals";
import { parseMemberlistSettings } from "../../lib/app/memberlist_settings.ts";
import { LAN_TIMING } from "../../lib/protocol/swim/timing.ts";

/** The LAN preset as MetalLB's file has it (reference §9.5). */
const LAN_FILE = {
  TCPTimeout: "10s",
  IndirectChecks: 3,
  RetransmitMult: 4,
  SuspicionMult: 4,
  SuspicionMaxTimeoutMult: 6,
  PushPullInterval: "30s",
  ProbeTimeout: "500ms",
  ProbeInterval: "1s",
  DisableTcpPings: false,
  AwarenessMaxMultiplier: 8,
  GossipNodes: 3,
  GossipInterval: "200ms",
  GossipToTheDeadTime: "30s",
  GossipVerifyIncoming: true,
  GossipVerifyOutgoing: true,
  EnableCompression: true,
  HandoffQueueDepth: 1024,
  UDPBufferSize: 1400,
  QueueCheckInterval: "30s",
};

function without(name: keyof typeof LAN_FILE): string {
  return JSON.stringify(Object.fromEntries(Object.entries(LAN_FILE).filter(([key]) => key !== name)));
}

Deno.test("memberlist file: the LAN preset written out is the LAN preset", () => {
  const result = parseMemberlistSettings(JSON.stringify(LAN_FILE));
  const settings = { timing: LAN_TIMING, compress: true, verifyIncoming: true, verifyOutgoing: true };
  assertEquals(result, { ok: true, source: "file", settings });
});

for (
  const name of [
    ...["TCPTimeout", "PushPullInterval", "ProbeTimeout", "ProbeInterval"],
    ...["GossipInterval", "GossipToTheDeadTime", "QueueCheckInterval"],
  ] as (keyof typeof LAN_FILE)[]
) {
  Deno.test(`memberlist file: without the duration ${name} it is refused`, () => {
    const result = parseMemberlistSettings(without(name));
    const message = `${name} must be a duration of a millisecond or more such as "500ms", not missing`;
    assertEquals(result, { ok: false, message });
  });
}

Deno.test("memberlist file: numbers and truth values that are missing are zero, as in Go", () => {
  const result = parseMemberlistSettings(without("GossipNodes").replace(`"EnableCompression":true,`, ""));
  assertEquals(result.ok && [result.settings.timing.gossipNodes, result.settings.compress], [0, false]);
});

const WRONG: readonly [what: string, text: string, message: string][] = [
  ["no JSON", "{", "it is not JSON: "],
  ["a list", "[]", "it must be a JSON object with the fields of memberlist"],
  [
    "a number as a duration",
    JSON.stringify({ ...LAN_FILE, TCPTimeout: 10 }),
    'TCPTimeout must be a duration of a millisecond or more such as "500ms", not 10',
  ],
  [
    "a duration of nothing",
    JSON.stringify({ ...LAN_FILE, ProbeInterval: "0s" }),
    'ProbeInterval must be a duration of a millisecond or more such as "500ms", not "0s"',
  ],
  [
    "a negative number",
    JSON.stringify({ ...LAN_FILE, GossipNodes: -1 }),
    "GossipNodes must be a whole number from 0 to 65535, not -1",
  ],
  [
    "two at once",
    JSON.stringify({ ...LAN_FILE, GossipNodes: "3", EnableCompression: "yes" }),
    'GossipNodes must be a whole number from 0 to 65535, not "3"; EnableCompression must be true or false, not "yes"',
  ],
];

for (const [what, text, message] of WRONG) {
  Deno.test(`memberlist file: ${what} is refused, with the field, the value and what would be right`, () => {
    const result = parseMemberlistSettings(text);
    assertEquals(result.ok === false && result.message.startsWith(message) ? message : result, message);
  });
}
