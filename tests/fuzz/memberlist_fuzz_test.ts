import { below, SeededRng } from "../../lib/base/rng.ts";
import { Keyring } from "../../lib/wire/memberlist/keyring.ts";
import { compressLzw, decompressLzw } from "../../lib/wire/memberlist/lzw.ts";
import { decodePacket, encodePayload, PLAIN } from "../../lib/wire/memberlist/packet.ts";
import { StreamReader } from "../../lib/wire/memberlist/stream.ts";
import { memberlistCapture, memberlistVector } from "../support/memberlist_vectors.ts";

const SEED = 0x7946;
const ADDRESS = "192.0.2.1";
const WITH_KEY = { ...PLAIN, keyring: new Keyring(new Uint8Array(32).fill(1)) };

/** Changes some bytes, and now and then the length. */
function mutate(rng: SeededRng, original: Uint8Array): Uint8Array {
  const bytes = original.slice();
  for (let changes = 1 + below(rng, 3); changes > 0 && bytes.length > 0; changes--) {
    bytes[below(rng, bytes.length)] = rng.u32();
  }
  return below(rng, 4) === 0 ? bytes.subarray(0, below(rng, bytes.length + 1)) : bytes;
}

function random(rng: SeededRng): Uint8Array {
  return Uint8Array.from({ length: below(rng, 200) }, () => rng.u32());
}

function seeds(protocol: "udp" | "tcp"): Uint8Array[] {
  const captured = memberlistCapture().filter((segment) => segment.protocol === protocol);
  const names = ["ping", "indirectPing", "suspect", "alive-v6-meta", "dead", "compound", "compress(ping)", "err"];
  return [
    ...captured.map(({ payload }) => new Uint8Array(payload)),
    ...names.map(memberlistVector),
    encodePayload([memberlistVector("ping"), memberlistVector("alive")], { checksum: true }),
  ];
}

/** Runs `attempt` on hostile bytes; whatever it throws is shown with what reproduces it. */
function attack(originals: readonly Uint8Array[], { rounds, attempt }: {
  readonly rounds: number;
  readonly attempt: (bytes: Uint8Array) => boolean;
}): void {
  const rng = new SeededRng(SEED);
  let understood = 0;
  for (let round = 0; round < rounds; round++) {
    const bytes = round % 4 === 0 ? random(rng) : mutate(rng, originals[below(rng, originals.length)]!);
    try {
      if (attempt(bytes)) understood++;
    } catch (error) {
      throw new Error(`Seed ${SEED}, round ${round} (${bytes.toHex()}): threw ${error}`);
    }
  }
  // A generator that never comes near a valid message would test nothing.
  if (understood < rounds / 100) throw new Error(`Seed ${SEED}: only ${understood} of ${rounds} were understood`);
}

Deno.test("decodePacket: 200,000 random and mutated datagrams never throw, and none is believed with a key", () =>
  attack(seeds("udp"), {
    rounds: 200_000,
    attempt: (bytes) => {
      const withKey = decodePacket(bytes, { address: ADDRESS, security: WITH_KEY });
      if (withKey.messages.length > 0) throw new Error("believed with a key");
      return decodePacket(bytes, { address: ADDRESS, security: PLAIN }).messages.length > 0;
    },
  }));

Deno.test("StreamReader: 50,000 random and mutated streams in pieces never throw", () =>
  attack(seeds("tcp"), {
    rounds: 50_000,
    attempt: (bytes) => {
      const reader = new StreamReader({ side: "caller", address: ADDRESS, security: PLAIN }, { sizeMax: 65_536 });
      const half = bytes.length >> 1;
      const result = reader.push(bytes.subarray(0, half)) ?? reader.push(bytes.subarray(half));
      return typeof result === "object";
    },
  }));

Deno.test("decompressLzw: 20,000 random and mutated inputs never throw and never grow beyond the limit", () => {
  const plain = Uint8Array.from({ length: 3000 }, (_, i) => i * i);
  attack([compressLzw(plain), compressLzw(new Uint8Array(5000))], {
    rounds: 20_000,
    attempt: (bytes) => {
      const result = decompressLzw(bytes, 4096);
      if (typeof result !== "string" && result.length > 4096) throw new Error("too long");
      return typeof result !== "string";
    },
  });
});
