import { assertEquals } from "@std/assert/equals";
import { SeededRng } from "../../../lib/base/rng.ts";
import { Keyring } from "../../../lib/wire/memberlist/keyring.ts";
import { type PacketSecurity, PLAIN } from "../../../lib/wire/memberlist/packet.ts";
import { encodeStream, StreamReader, type StreamSide } from "../../../lib/wire/memberlist/stream.ts";
import type { MemberRecord, StreamMessage } from "../../../lib/wire/memberlist/stream_message.ts";
import { memberlistCapture, VECTOR_VERSIONS } from "../../support/memberlist_vectors.ts";

const ADDRESS = "192.0.2.1";
const KEY = new Uint8Array(32).fill(3);
const LABEL = new TextEncoder().encode("herald");

function pushPull(nodes: number): StreamMessage {
  const members = Array.from({ length: nodes }, (_, i): MemberRecord => ({
    node: `node-${i}`,
    address: `10.0.${i >> 8}.${i & 0xff}`,
    port: 7946,
    incarnation: i,
    meta: new Uint8Array(0),
    versions: VECTOR_VERSIONS,
    state: "alive",
  }));
  return { kind: "pushPull", join: false, members, userState: new Uint8Array(0) };
}

interface Stream {
  readonly what: string;
  readonly sender?: Partial<PacketSecurity>;
  readonly receiver?: Partial<PacketSecurity>;
  readonly side?: StreamSide;
  readonly compress?: boolean;
  readonly nodes?: number;
  /** Instead of the message. */
  readonly problem?: string;
}

const STREAMS: readonly Stream[] = [
  { what: "plain" },
  { what: "compressed", compress: true, nodes: 60 },
  { what: "too short to be compressed", compress: true, nodes: 1 },
  { what: "sealed", sender: { keyring: new Keyring(KEY) }, receiver: { keyring: new Keyring(KEY) } },
  {
    what: "sealed, labelled and compressed",
    sender: { keyring: new Keyring(KEY), label: LABEL },
    receiver: { keyring: new Keyring(KEY), label: LABEL },
    compress: true,
    nodes: 60,
  },
  {
    what: "an answer, sealed with a label that does not stand in it",
    sender: { keyring: new Keyring(KEY), label: LABEL },
    receiver: { keyring: new Keyring(KEY), label: LABEL },
    side: "listener",
  },
  { what: "labelled where there is no label", sender: { label: LABEL }, problem: "label" },
  { what: "without the label", receiver: { label: LABEL }, problem: "label" },
  { what: "plain where there is a key", receiver: { keyring: new Keyring(KEY) }, problem: "plain" },
  { what: "sealed where there is no key", sender: { keyring: new Keyring(KEY) }, problem: "sealed" },
  {
    what: "plain where a key is not insisted on",
    receiver: { keyring: new Keyring(KEY), verifyIncoming: false },
  },
];

for (const { what, sender, receiver, side = "caller", compress = false, nodes = 3, problem } of STREAMS) {
  Deno.test(`memberlist stream: ${what}, byte by byte and whole`, () => {
    const message = pushPull(nodes);
    const bytes = encodeStream(message, {
      side,
      address: ADDRESS,
      security: { ...PLAIN, ...sender },
      compress,
      rng: new SeededRng(1),
      now: 0,
    });
    const read = (pieces: readonly Uint8Array[]) => {
      const reader = new StreamReader({ side, address: ADDRESS, security: { ...PLAIN, ...receiver } });
      for (const [index, piece] of pieces.entries()) {
        const result = reader.push(piece);
        if (result !== undefined) return { result, isLast: index === pieces.length - 1 };
      }
      return { result: "truncated", isLast: true };
    };
    const whole = read([bytes]);
    assertEquals(whole.result, problem ?? message);
    const drops = read(Array.from(bytes, (_, index) => bytes.subarray(index, index + 1)));
    assertEquals(drops.result, problem ?? message);
    if (problem === undefined) assertEquals(drops.isLast, true);
  });
}

Deno.test("memberlist stream: what is longer than the limit is refused, also when it only says so", () => {
  const reader = () => new StreamReader({ side: "caller", address: ADDRESS, security: PLAIN }, { sizeMax: 1000 });
  assertEquals(reader().push(new Uint8Array(1001)), "oversized");
  assertEquals(reader().push(new Uint8Array([10, 0, 0, 0x10, 0])), "oversized");
  const userOf2000 = Uint8Array.fromHex("0881aa557365724d73674c656ed107d0");
  assertEquals(reader().push(userOf2000), "field");
  const nodesOf70000 = Uint8Array.fromHex("0683a44a6f696ec3a54e6f646573d200011170ac5573657253746174654c656e00");
  assertEquals(reader().push(nodesOf70000), "field");
});

Deno.test("memberlist stream: a compressed stream is not blown up beyond the limit", () => {
  const message: StreamMessage = { kind: "user", bytes: new Uint8Array(100_000) };
  const bytes = encodeStream(message, {
    side: "caller",
    address: ADDRESS,
    security: PLAIN,
    compress: true,
    rng: new SeededRng(1),
    now: 0,
  });
  const from = { side: "caller" as const, address: ADDRESS, security: PLAIN };
  assertEquals(new StreamReader(from, { sizeMax: 50_000 }).push(bytes), "oversized");
  assertEquals(new StreamReader(from).push(bytes), message);
});

Deno.test("memberlist 0.5.1: every stream of a captured cluster is understood", () => {
  const streams = new Map<string, Uint8Array[]>();
  for (const { protocol, from, to, payload } of memberlistCapture()) {
    if (protocol !== "tcp") continue;
    const key = `${from} ${to}`;
    streams.set(key, [...streams.get(key) ?? [], payload]);
  }
  const kinds = new Set<string>();
  for (const [key, pieces] of streams) {
    const reader = new StreamReader({ side: "caller", address: ADDRESS, security: PLAIN });
    const results = pieces.map((piece) => reader.push(piece)).filter((result) => result !== undefined);
    assertEquals([key, results.length, typeof results[0]], [key, 1, "object"]);
    kinds.add((results[0] as StreamMessage).kind);
  }
  assertEquals(kinds.has("pushPull"), true);
});
