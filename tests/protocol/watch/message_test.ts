/**
 * Literal bytes come from the diagram in message.ts; tags were computed with openssl:
 * printf HEX | xxd -r -p | openssl dgst -sha256 -mac HMAC -macopt hexkey:KEY, first 16 octets.
 */
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import type { Mac } from "../../../lib/base/mac.ts";
import {
  decodeWatchMessage,
  deriveWatchKey,
  encodeWatchMessage,
  isLaterState,
  WATCH_MESSAGE_BYTES_MAX,
  type WatchMessage,
  watchMessageBytes,
} from "../../../lib/protocol/watch/message.ts";

/** HMAC-SHA-256 of "herald watch 1" under the secret "sixteen byte key". */
const KEY_HEX = "6f5d985cbb9b65ee95dd371da4d7d7cd489c7a319ad6e82c86688b185b47788f";
const KEY = Uint8Array.fromHex(KEY_HEX);

const MESSAGE: WatchMessage = {
  kind: "probe",
  sender: "node-a",
  generation: 0x0123456789ab,
  state: "alive",
  nonce: "1122334455667788",
};
const NOTHING_MORE = "00000000" + "00000000";
const HEADER = "48575432" + "00010601" + "00000123456789ab" + "1122334455667788" + NOTHING_MORE;
const TAGGED = HEADER + "6e6f64652d61" + "83a06d8d21c3641bc6b4a9e71d49d3d4";
const PLAIN = "48575432" + "00010600" + "00000123456789ab" + "1122334455667788" + NOTHING_MORE +
  "6e6f64652d61";

const NAME_253 = "a".repeat(253);

/** Each field at its borders: what is said, and its bytes without a tag. */
const FIELDS: readonly { readonly field: string; readonly message: WatchMessage; readonly hex: string }[] = [
  { field: "kind ack", message: { ...MESSAGE, kind: "ack" }, hex: PLAIN.replace("48575432" + "00", "48575432" + "01") },
  { field: "state starting", message: { ...MESSAGE, state: "starting" }, hex: PLAIN.replace("00010600", "00000600") },
  { field: "state leaving", message: { ...MESSAGE, state: "leaving" }, hex: PLAIN.replace("00010600", "00020600") },
  {
    field: "generation 0",
    message: { ...MESSAGE, generation: 0 },
    hex: PLAIN.replace("00000123456789ab", "00".repeat(8)),
  },
  {
    field: "generation 2^53 - 1",
    message: { ...MESSAGE, generation: 2 ** 53 - 1 },
    hex: PLAIN.replace("00000123456789ab", "001fffffffffffff"),
  },
  {
    field: "nonce of zeros",
    message: { ...MESSAGE, nonce: "0000000000000000" },
    hex: PLAIN.replace("1122334455667788", "0000000000000000"),
  },
  {
    field: "nonce of ones",
    message: { ...MESSAGE, nonce: "ffffffffffffffff" },
    hex: PLAIN.replace("1122334455667788", "ffffffffffffffff"),
  },
  {
    field: "name of 1 octet",
    message: { ...MESSAGE, sender: "z" },
    hex: PLAIN.replace("00010600", "00010100").replace("6e6f64652d61", "7a"),
  },
  {
    field: "name of 253 octets",
    message: { ...MESSAGE, sender: NAME_253 },
    hex: PLAIN.replace("00010600", "0001fd00").replace("6e6f64652d61", "61".repeat(253)),
  },
];

const SERVING_HEX = PLAIN.replace(NOTHING_MORE, "00000007" + "0202" + "0000") + "0465746830" + "06626f6e642e31" +
  "04c0000201" + "0620010db8000000000000000000000001";
const MACS_HEX = PLAIN.replace(NOTHING_MORE, "00000001" + "00000200") + "02000000000a" + "fe8899aabbcc";
const CLAIMS_HEX = PLAIN.replace("00010600", "04010606").replace(NOTHING_MORE, "00000000" + "0000" + "0002") +
  "04c6336401" + "00000001" + "8620010db8000000000000000000000001" + "ffffffff";
const RICH: readonly { readonly what: string; readonly message: WatchMessage; readonly hex: string }[] = [
  {
    what: "interfaces and link probes",
    message: {
      ...MESSAGE,
      serving: { sequence: 7, usableInterfaces: ["eth0", "bond.1"], failedLinkProbes: ["192.0.2.1", "2001:db8::1"] },
    },
    hex: SERVING_HEX,
  },
  {
    what: "interfaces, one of them without IPv6",
    message: {
      ...MESSAGE,
      serving: {
        sequence: 7,
        usableInterfaces: ["eth0", "bond.1"],
        ipv4OnlyInterfaces: ["bond.1"],
        failedLinkProbes: [],
      },
    },
    hex: PLAIN.replace(NOTHING_MORE, "00000007" + "0200" + "0000") + "0465746830" + "86626f6e642e31",
  },
  {
    what: "no interface at all",
    message: { ...MESSAGE, serving: { sequence: 1, usableInterfaces: [], failedLinkProbes: [] } },
    hex: PLAIN.replace(NOTHING_MORE, "00000001" + "00000000"),
  },
  {
    what: "hardware addresses",
    message: {
      ...MESSAGE,
      serving: {
        sequence: 1,
        usableInterfaces: [],
        failedLinkProbes: [],
        macs: [0x02_00_00_00_00_0a as Mac, 0xfe_88_99_aa_bb_cc as Mac],
      },
    },
    hex: MACS_HEX,
  },
  {
    what: "claims",
    message: {
      ...MESSAGE,
      kind: "claims",
      claims: {
        entries: [
          { address: "198.51.100.1", term: 1, givenUp: false },
          { address: "2001:db8::1", term: 2 ** 32 - 1, givenUp: true },
        ],
        standing: true,
        last: true,
        stale: false,
      },
    },
    hex: CLAIMS_HEX,
  },
  {
    what: "no claims",
    message: { ...MESSAGE, kind: "claims", claims: { entries: [], standing: false, last: false, stale: false } },
    hex: PLAIN.replace("00010600", "04010600"),
  },
  {
    what: "no claims, of a plan that may be old",
    message: { ...MESSAGE, kind: "claims", claims: { entries: [], standing: false, last: false, stale: true } },
    hex: PLAIN.replace("00010600", "04010608"),
  },
  { what: "a query", message: { ...MESSAGE, kind: "query" }, hex: PLAIN.replace("00010600", "03010600") },
  { what: "a receipt", message: { ...MESSAGE, kind: "receipt" }, hex: PLAIN.replace("00010600", "05010600") },
  { what: "a tell", message: { ...MESSAGE, kind: "tell" }, hex: PLAIN.replace("00010600", "02010600") },
];

for (const { what, message, hex } of RICH) {
  Deno.test(`Watch message: ${what}, in both directions, and no truncation is accepted`, () => {
    assertEquals(encodeWatchMessage(message, undefined).toHex(), hex);
    const bytes = Uint8Array.fromHex(hex);
    assertEquals(decodeWatchMessage(bytes, undefined), { ok: true, value: withLength(message, bytes) });
    for (let length = 0; length < bytes.length; length++) {
      assertEquals(decodeWatchMessage(bytes.subarray(0, length), undefined).ok, false, `cut to ${length}`);
    }
    assertEquals(decodeWatchMessage(Uint8Array.of(...bytes, 1), undefined), { ok: false, reason: "oversized" });
  });
}

const REFUSED: readonly {
  readonly what: string;
  readonly hex: string;
  readonly keyed?: true;
  readonly reason: string;
}[] = [
  { what: "nothing", hex: "", reason: "truncated" },
  { what: "a header without a name", hex: PLAIN.slice(0, 64), reason: "truncated" },
  { what: "another magic", hex: PLAIN.replace("48575432", "48575431"), reason: "magic" },
  { what: "kind 6", hex: PLAIN.replace("48575432" + "00", "48575432" + "06"), reason: "kind" },
  { what: "state 3", hex: PLAIN.replace("00010600", "00030600"), reason: "state" },
  { what: "a name of no octets", hex: PLAIN.replace("00010600", "00010000"), reason: "name" },
  { what: "a name of 254 octets", hex: PLAIN.replace("00010600", "0001fe00") + "61".repeat(248), reason: "name" },
  { what: "a name of 255 octets", hex: PLAIN.replace("00010600", "0001ff00") + "61".repeat(249), reason: "name" },
  { what: "a name longer than the datagram", hex: PLAIN.replace("00010600", "00010700"), reason: "truncated" },
  { what: "a name shorter than the datagram", hex: PLAIN.replace("00010600", "00010400"), reason: "oversized" },
  { what: "a name with capitals", hex: PLAIN.replace("6e6f64652d61", "4e6f64652d61"), reason: "name" },
  { what: "a name that ends with a hyphen", hex: PLAIN.replace("6e6f64652d61", "6e6f6465612d"), reason: "name" },
  { what: "a name with a line feed", hex: PLAIN.replace("6e6f64652d61", "6e6f64652d0a"), reason: "name" },
  { what: "a name beyond ASCII", hex: PLAIN.replace("6e6f64652d61", "6e6f6465c3a9"), reason: "name" },
  { what: "generation 2^53", hex: PLAIN.replace("00000123456789ab", "0020000000000000"), reason: "generation" },
  { what: "generation 2^64 - 1", hex: PLAIN.replace("00000123456789ab", "ffffffffffffffff"), reason: "generation" },
  { what: "a tag mark where no key is known", hex: PLAIN.replace("00010600", "00010601"), reason: "tagUnexpected" },
  {
    what: "a list of interfaces without a sequence",
    hex: SERVING_HEX.replace("00000007", "00000000"),
    reason: "serving",
  },
  { what: "33 interfaces", hex: SERVING_HEX.replace("000000070202", "000000072102"), reason: "serving" },
  { what: "17 link probes", hex: SERVING_HEX.replace("000000070202", "000000070211"), reason: "serving" },
  { what: "an interface without a name", hex: SERVING_HEX.replace("0465746830", "00"), reason: "serving" },
  { what: "an interface with a slash", hex: SERVING_HEX.replace("65746830", "652f6830"), reason: "serving" },
  { what: "a link probe of family 5", hex: SERVING_HEX.replace("04c0000201", "05c0000201"), reason: "serving" },
  { what: "33 hardware addresses", hex: MACS_HEX.replace("0000000100000200", "0000000100002100"), reason: "serving" },
  { what: "a hardware address of a group", hex: MACS_HEX.replace("02000000000a", "03000000000a"), reason: "serving" },
  { what: "a hardware address of zeros", hex: MACS_HEX.replace("02000000000a", "000000000000"), reason: "serving" },
  {
    what: "a hardware address without a sequence",
    hex: MACS_HEX.replace("0000000100000200", "0000000000000200"),
    reason: "serving",
  },
  { what: "claims in a probe", hex: CLAIMS_HEX.replace("04010606", "00010606"), reason: "claims" },
  { what: "37 claims", hex: CLAIMS_HEX.replace("00000002", "00000025"), reason: "claims" },
  { what: "a claim of term 0", hex: CLAIMS_HEX.replace("00000001", "00000000"), reason: "claims" },
  { what: "a claim of family 7", hex: CLAIMS_HEX.replace("04c6336401", "07c6336401"), reason: "claims" },
  { what: "a tag where no key is known", hex: TAGGED, reason: "tagUnexpected" },
  { what: "no tag where a key is known", hex: PLAIN, keyed: true, reason: "tagMissing" },
  {
    what: "a tag that says it is none",
    hex: TAGGED.replace("00010601", "00010600"),
    keyed: true,
    reason: "tagMissing",
  },
  {
    what: "another mark than a tag's where a key is known",
    hex: TAGGED.replace("00010601", "00010602"),
    keyed: true,
    reason: "tagMissing",
  },
  { what: "a tag of zeros", hex: TAGGED.slice(0, 76) + "00".repeat(16), keyed: true, reason: "tagMismatch" },
];

for (const { what, hex, keyed, reason } of REFUSED) {
  Deno.test(`decodeWatchMessage: ${what} is refused as ${reason}`, () => {
    assertEquals(decodeWatchMessage(Uint8Array.fromHex(hex), keyed ? KEY : undefined), { ok: false, reason });
  });
}

for (const { field, message, hex } of FIELDS) {
  Deno.test(`Watch message: ${field} has its bytes in both directions`, () => {
    assertEquals(encodeWatchMessage(message, undefined).toHex(), hex);
    const bytes = Uint8Array.fromHex(hex);
    assertEquals(decodeWatchMessage(bytes, undefined), { ok: true, value: withLength(message, bytes) });
  });
}

/** What is heard of it without a tag. */
function withLength(message: WatchMessage, { length }: Uint8Array): WatchMessage {
  return message.kind === "probe" || message.kind === "ack" ? { ...message, octets: length } : message;
}

Deno.test("Watch message: a probe without a tag is filled up with zeros, and nothing else is", () => {
  const filled = { ...MESSAGE, octets: 60 };
  assertEquals(encodeWatchMessage(filled, undefined).toHex(), PLAIN.padEnd(120, "0"));
  assertEquals(decodeWatchMessage(Uint8Array.fromHex(PLAIN.padEnd(120, "0")), undefined), { ok: true, value: filled });
  assertEquals(encodeWatchMessage({ ...MESSAGE, octets: 10 }, undefined).toHex(), PLAIN, "it is never cut");
  assertEquals(encodeWatchMessage(filled, KEY).toHex(), TAGGED);
  const oversized = { ok: false, reason: "oversized" } as const;
  assertEquals(decodeWatchMessage(Uint8Array.fromHex(PLAIN.padEnd(118, "0") + "01"), undefined), oversized);
  for (const kind of ["ack", "tell", "query", "claims", "receipt"] as const) {
    const bytes = encodeWatchMessage({ ...MESSAGE, kind }, undefined);
    assertEquals(decodeWatchMessage(Uint8Array.of(...bytes, 0), undefined), oversized, kind);
  }
});

Deno.test("watchMessageBytes: as many as are encoded without a tag", () => {
  for (const { message } of [...FIELDS, ...RICH]) {
    assertEquals(watchMessageBytes(message), encodeWatchMessage(message, undefined).length);
  }
  assertEquals(watchMessageBytes({ ...MESSAGE, octets: 100 }), PLAIN.length / 2);
});

Deno.test("Watch message: a tagged message has its bytes in both directions", () => {
  assertEquals(encodeWatchMessage(MESSAGE, KEY).toHex(), TAGGED);
  assertEquals(decodeWatchMessage(Uint8Array.fromHex(TAGGED), KEY), { ok: true, value: MESSAGE });
});

Deno.test("Watch message: the longest one has the announced size", () => {
  const serving = {
    sequence: 2 ** 32 - 1,
    usableInterfaces: Array(32).fill("fifteen.letters"),
    failedLinkProbes: Array(16).fill("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    macs: Array(32).fill(0xfe_ff_ff_ff_ff_ff),
  };
  const bytes = encodeWatchMessage({ ...MESSAGE, sender: NAME_253, serving }, KEY);
  assertEquals(bytes.length, WATCH_MESSAGE_BYTES_MAX);
  assertEquals(decodeWatchMessage(bytes, KEY).ok, true);
});

Deno.test("deriveWatchKey: the key is HMAC-SHA-256 of the label under the secret", () => {
  assertEquals(deriveWatchKey(new TextEncoder().encode("sixteen byte key")).toHex(), KEY_HEX);
});

Deno.test("decodeWatchMessage: with a key, no truncation, no extension and no flipped bit is accepted", () => {
  const whole = Uint8Array.fromHex(TAGGED);
  for (let length = 0; length < whole.length; length++) {
    assertEquals(decodeWatchMessage(whole.subarray(0, length), KEY).ok, false, `cut to ${length}`);
  }
  assertEquals(decodeWatchMessage(Uint8Array.of(...whole, 0), KEY), { ok: false, reason: "tagMismatch" });
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const flipped = whole.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    assertEquals(decodeWatchMessage(flipped, KEY).ok, false, `bit ${bit}`);
  }
});

Deno.test("decodeWatchMessage: without a key no truncation is accepted either", () => {
  const whole = Uint8Array.fromHex(PLAIN);
  for (let length = 0; length < whole.length; length++) {
    assertEquals(decodeWatchMessage(whole.subarray(0, length), undefined).ok, false, `cut to ${length}`);
  }
});

Deno.test("decodeWatchMessage: a message under any other key is refused", () => {
  for (let bit = 0; bit < KEY.length * 8; bit++) {
    const other = KEY.slice();
    other[bit >> 3]! ^= 1 << (bit & 7);
    assertEquals(decodeWatchMessage(Uint8Array.fromHex(TAGGED), other), { ok: false, reason: "tagMismatch" });
  }
});

Deno.test("decodeWatchMessage: bytes in the middle of a larger buffer are read where they are", () => {
  const buffer = new Uint8Array(200).fill(0xa5);
  buffer.set(Uint8Array.fromHex(TAGGED), 7);
  assertEquals(decodeWatchMessage(buffer.subarray(7, 7 + TAGGED.length / 2), KEY), { ok: true, value: MESSAGE });
});

for (const sender of ["", "Node-a", "node_a", "-a", "a-", "ä", "a".repeat(254)]) {
  Deno.test(`encodeWatchMessage: "${sender.slice(0, 12)}" (${sender.length}) is no name that a peer would take`, () => {
    assertThrows(() => encodeWatchMessage({ ...MESSAGE, sender }, KEY), Error, "no name of a Kubernetes node");
  });
}

for (const generation of [-1, 0.5, 2 ** 53, NaN]) {
  Deno.test(`encodeWatchMessage: ${generation} is no generation`, () => {
    assertThrows(() => encodeWatchMessage({ ...MESSAGE, generation }, KEY), Error, "whole number");
  });
}

Deno.test("isLaterState: a life goes from starting to alive to leaving", () => {
  const states = ["starting", "alive", "leaving"] as const;
  const later = states.map((a) => states.map((b) => isLaterState(a, b)));
  assertEquals(later, [[false, false, false], [true, false, false], [true, true, false]]);
});
