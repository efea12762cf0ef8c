import { below, SeededRng } from "../../lib/base/rng.ts";
import { decodeNdp, encodeNdpInto, NDP_ENCODED_BYTES_MAX } from "../../lib/wire/ndp.ts";
import capture from "../golden/arp_nd.pcap" with { type: "bytes" };
import { naiveChecksum, naiveDecodeNdp } from "../support/naive_ndp.ts";
import { pcapFrames } from "../support/pcap.ts";

const SEED = 0x4861;
const FRAMES = 100_000;

/** Fills the start of `buffer` with a frame and returns its length; most frames are near the border of validity. */
function makeFrame(rng: SeededRng, buffer: Uint8Array, vectors: readonly Uint8Array[]): number {
  const vector = vectors[below(rng, vectors.length)]!;
  buffer.fill(0).set(vector);
  const options = below(rng, 4);
  const length = options === 0 ? vector.length : 78 + 8 * options + below(rng, 3);
  for (let at = vector.length; at < length; at++) buffer[at] = below(rng, 3) === 0 ? rng.u32() & 0xff : 1;
  buffer[19] = length - 54;
  for (let i = below(rng, 3); i > 0; i--) {
    const offset = below(rng, length);
    buffer[offset] = below(rng, 2) === 0 ? rng.u32() & 0xff : buffer[offset]! ^ (1 << below(rng, 8));
  }
  // Without a right checksum nothing behind it would ever be looked at.
  if (below(rng, 8) > 0 && 54 + buffer[18]! * 256 + buffer[19]! <= buffer.length) {
    const sum = naiveChecksum(buffer);
    buffer[56] = sum >> 8;
    buffer[57] = sum & 0xff;
  }
  return below(rng, 8) === 0 ? below(rng, length) : length;
}

function difference(frame: Uint8Array, out: Uint8Array): string | undefined {
  const actual = decodeNdp(frame);
  const expected = naiveDecodeNdp(frame);
  if (!actual.ok || !expected.ok) {
    const same = !actual.ok && !expected.ok && actual.reason === expected.reason && actual.offset === expected.offset;
    return same ? undefined : `${JSON.stringify(actual.ok || actual)} instead of ${JSON.stringify(expected)}`;
  }
  for (const field of Object.keys(expected.value) as (keyof typeof expected.value)[]) {
    if (actual.value[field] !== expected.value[field]) return `field ${field}`;
  }
  const again = decodeNdp(out.subarray(0, encodeNdpInto(actual.value, out)));
  return again.ok ? undefined : `what was decoded is refused when encoded: ${again.reason}`;
}

Deno.test("decodeNdp: a hundred thousand mutated and cut frames decode as the oracle says", () => {
  const vectors = pcapFrames(capture).filter((frame) => decodeNdp(frame).ok);
  const rng = new SeededRng(SEED);
  const buffer = new Uint8Array(256);
  const out = new Uint8Array(NDP_ENCODED_BYTES_MAX);
  const outcomes = { decoded: 0, refused: 0 };
  for (let i = 0; i < FRAMES; i++) {
    const frame = buffer.subarray(0, makeFrame(rng, buffer, vectors));
    const found = difference(frame, out);
    if (found !== undefined) throw new Error(`Seed ${SEED}, frame ${i} (${frame.toHex()}): ${found}`);
    if (decodeNdp(frame).ok) outcomes.decoded++;
    else outcomes.refused++;
  }
  // A generator that only makes garbage, or only good frames, would test nothing.
  if (outcomes.decoded < FRAMES / 10 || outcomes.refused < FRAMES / 10) {
    throw new Error(`Seed ${SEED} makes ${outcomes.decoded} good and ${outcomes.refused} bad frames: too one-sided`);
  }
});
