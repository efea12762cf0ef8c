import { assertEquals } from "@std/assert/equals";
import { SeededRng } from "../../../lib/base/rng.ts";
import { Keyring } from "../../../lib/wire/memberlist/keyring.ts";
import { encodeMessage, MESSAGE_TYPE } from "../../../lib/wire/memberlist/message.ts";
import {
  decodePacket,
  encodePacket,
  encodePayload,
  type PacketSecurity,
  PLAIN,
} from "../../../lib/wire/memberlist/packet.ts";
import { memberlistCapture, memberlistVector } from "../../support/memberlist_vectors.ts";

const PING = memberlistVector("ping");
const SUSPECT = memberlistVector("suspect");
const ADDRESS = "192.0.2.1";

function decodePlain(bytes: Uint8Array) {
  return decodePacket(bytes, { address: ADDRESS, security: PLAIN });
}

Deno.test("memberlist 0.5.1: a compound packet is read and written bit by bit", () => {
  const compound = memberlistVector("compound(ping,suspect)");
  assertEquals(encodePayload([PING, SUSPECT]).toHex(), compound.toHex());
  const { messages, problems } = decodePlain(compound);
  assertEquals(messages.map(({ kind }) => kind), ["ping", "suspect"]);
  assertEquals(problems, []);
});

Deno.test("memberlist 0.5.1: a compressed ping is the ping", () => {
  assertEquals(decodePlain(memberlistVector("compress(ping)")), decodePlain(PING));
});

Deno.test("memberlist packet: parts before the cut of a compound packet are taken", () => {
  const compound = memberlistVector("compound(ping,suspect)");
  const firstEnds = 6 + PING.length;
  for (let length = 0; length < compound.length; length++) {
    const { messages, problems } = decodePlain(compound.subarray(0, length));
    assertEquals([length, messages.length, problems], [length, length >= firstEnds ? 1 : 0, ["truncated"]]);
  }
});

Deno.test("memberlist packet: one bad part does not spoil the others", () => {
  const { messages, problems } = decodePlain(encodePayload([PING, new Uint8Array([0x2a]), SUSPECT]));
  assertEquals([messages.map(({ kind }) => kind), problems], [["ping", "suspect"], ["type"]]);
});

Deno.test("memberlist packet: the checksum is that of IEEE 802.3 and is checked", () => {
  // The check value of CRC-32/ISO-HDLC.
  const payload = encodePayload([new TextEncoder().encode("123456789")], { checksum: true });
  assertEquals(payload.subarray(0, 5).toHex(), "0ccbf43926");
  const packet = encodePayload([PING], { checksum: true });
  assertEquals(decodePlain(packet), decodePlain(PING));
  packet[7]! ^= 1;
  assertEquals(decodePlain(packet), { messages: [], problems: ["checksum"] });
});

Deno.test("memberlist packet: wrappings within wrappings end somewhere", () => {
  let bytes: Uint8Array<ArrayBuffer> = encodePayload([PING]);
  for (let depth = 1; depth <= 4; depth++) bytes = encodePayload([bytes], { checksum: true });
  assertEquals(decodePlain(bytes).messages.length, 1);
  assertEquals(decodePlain(encodePayload([bytes], { checksum: true })), { messages: [], problems: ["depth"] });
  const many = Array.from({ length: 255 }, () => encodePayload(Array.from({ length: 255 }, () => new Uint8Array([8]))));
  const { messages, problems } = decodePlain(encodePayload(many));
  assertEquals(messages.length + problems.filter((problem) => problem !== "depth").length <= 512, true);
});

const KEY = new Uint8Array(32).fill(3);
const LABEL = new TextEncoder().encode("herald");

function security(changes: Partial<PacketSecurity>): PacketSecurity {
  return { ...PLAIN, ...changes };
}

const PAIRS: readonly [what: string, sender: PacketSecurity, receiver: PacketSecurity, problems: string[]][] = [
  ["both plain", PLAIN, PLAIN, []],
  ["the same key", security({ keyring: new Keyring(KEY) }), security({ keyring: new Keyring(KEY) }), []],
  ["the same label", security({ label: LABEL }), security({ label: LABEL }), []],
  [
    "key and label",
    security({ keyring: new Keyring(KEY), label: LABEL }),
    security({ keyring: new Keyring(KEY), label: LABEL }),
    [],
  ],
  ["a label that we do not have", security({ label: LABEL }), PLAIN, ["label"]],
  ["no label where we have one", PLAIN, security({ label: LABEL }), ["label"]],
  ["plain text to a node with a key", PLAIN, security({ keyring: new Keyring(KEY) }), ["sealed"]],
  [
    "plain text to a node with a key that does not insist",
    PLAIN,
    security({ keyring: new Keyring(KEY), verifyIncoming: false }),
    [],
  ],
  [
    "a node that has a key but does not use it yet",
    security({ keyring: new Keyring(KEY), verifyOutgoing: false }),
    PLAIN,
    [],
  ],
  [
    "another key",
    security({ keyring: new Keyring(new Uint8Array(16)) }),
    security({ keyring: new Keyring(KEY) }),
    ["sealed"],
  ],
];

for (const [what, sender, receiver, problems] of PAIRS) {
  Deno.test(`memberlist packet: ${what}`, () => {
    const rng = new SeededRng(1);
    const packet = encodePacket(encodePayload([PING, SUSPECT]), { address: ADDRESS, security: sender, rng, now: 0 });
    const decoded = decodePacket(packet, { address: ADDRESS, security: receiver });
    assertEquals(decoded.problems, problems);
    assertEquals(decoded.messages.length, problems.length === 0 ? 2 : 0);
  });
}

Deno.test("memberlist packet: an empty label header is refused by everybody", () => {
  const bytes = new Uint8Array([MESSAGE_TYPE.label, 0, ...PING]);
  assertEquals(decodePlain(bytes).problems, ["label"]);
  assertEquals(decodePacket(bytes, { address: ADDRESS, security: security({ label: LABEL }) }).problems, ["label"]);
});

Deno.test("memberlist 0.5.1: every datagram of a captured cluster is understood, and written again as it was", () => {
  const datagrams = memberlistCapture().filter(({ protocol }) => protocol === "udp");
  let same = 0;
  for (const [index, { payload }] of datagrams.entries()) {
    const { messages, problems } = decodePlain(payload);
    assertEquals([index, problems], [index, []]);
    const parts = messages.map(encodeMessage);
    if (payload[0] !== MESSAGE_TYPE.compress && payload[0] !== MESSAGE_TYPE.crc) {
      assertEquals(encodePayload(parts).toHex(), payload.toHex());
      same++;
    }
  }
  assertEquals([datagrams.length > 100, same > 50], [true, true]);
});
