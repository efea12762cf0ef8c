import { below, SeededRng } from "../../lib/base/rng.ts";
import { decodeArp, encodeArpInto } from "../../lib/wire/arp.ts";
import capture from "../golden/arp_nd.pcap" with { type: "bytes" };
import { naiveDecodeArp } from "../support/naive_arp.ts";
import { pcapFrames } from "../support/pcap.ts";

const SEED = 0x826;
const FRAMES = 1_000_000;

/** Longer than the window, so that oversized frames come from the same buffer. */
const BUFFER_BYTES = 2200;

/** Fills the start of `buffer` with a frame and returns its length; most frames are near the border of validity. */
function makeFrame(rng: SeededRng, buffer: Uint8Array, vectors: readonly Uint8Array[]): number {
  buffer.set(vectors[below(rng, vectors.length)]!);
  const mutations = below(rng, 4);
  for (let i = 0; i < mutations; i++) {
    const offset = below(rng, 60);
    buffer[offset] = below(rng, 2) === 0 ? rng.u32() & 0xff : buffer[offset]! ^ (1 << below(rng, 8));
  }
  switch (below(rng, 8)) {
    case 0:
      return below(rng, 64);
    case 1:
      return below(rng, BUFFER_BYTES + 1);
    case 2:
      for (let i = 0; i < 42; i++) buffer[i] = rng.u32() & 0xff;
      return 42;
    default:
      return 42 + below(rng, 19);
  }
}

/** One difference between codec and oracle, or `undefined`. */
function difference(frame: Uint8Array, out: Uint8Array): string | undefined {
  const actual = decodeArp(frame);
  const expected = naiveDecodeArp(frame);
  if (!actual.ok || !expected.ok) {
    if (actual.ok || expected.ok) return `codec ok ${actual.ok}, oracle ok ${expected.ok}`;
    const same = actual.reason === expected.reason && actual.offset === expected.offset;
    return same ? undefined : `${actual.reason}@${actual.offset} instead of ${expected.reason}@${expected.offset}`;
  }
  for (const field of Object.keys(expected.value) as (keyof typeof expected.value)[]) {
    if (actual.value[field] !== expected.value[field]) return `field ${field}`;
  }
  encodeArpInto(actual.value, out);
  for (let i = 0; i < 60; i++) {
    if (out[i] !== (i < 42 ? frame[i] : 0)) return `encoded byte ${i}`;
  }
  return undefined;
}

Deno.test("decodeArp: a million mutated, cut, padded and oversized frames decode as the oracle says", () => {
  const vectors = pcapFrames(capture).map((frame) => frame.subarray(0, 60));
  const rng = new SeededRng(SEED);
  const buffer = new Uint8Array(BUFFER_BYTES);
  const out = new Uint8Array(60);
  const outcomes = { decoded: 0, refused: 0 };
  for (let i = 0; i < FRAMES; i++) {
    const frame = buffer.subarray(0, makeFrame(rng, buffer, vectors));
    let found: string | undefined;
    try {
      found = difference(frame, out);
    } catch (error) {
      found = `threw ${error}`;
    }
    if (found !== undefined) throw new Error(`Seed ${SEED}, frame ${i} (${frame.toHex()}): ${found}`);
    if (decodeArp(frame).ok) outcomes.decoded++;
    else outcomes.refused++;
  }
  // A generator that only makes garbage, or only good frames, would test nothing.
  if (outcomes.decoded < FRAMES / 10 || outcomes.refused < FRAMES / 10) {
    throw new Error(`Seed ${SEED} makes ${outcomes.decoded} good and ${outcomes.refused} bad frames: too one-sided`);
  }
});
