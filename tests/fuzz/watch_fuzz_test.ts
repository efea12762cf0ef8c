import type { Mac } from "../../lib/base/mac.ts";
import { below, SeededRng } from "../../lib/base/rng.ts";
import { decodeWatchMessage, encodeWatchMessage, type WatchMessage } from "../../lib/protocol/watch/message.ts";

const SEED = 0x7946;
const DATAGRAMS = 1_000_000;
/** Of the datagrams; the tag check of a well-formed one costs as much as a hundred refusals. */
const WELL_FORMED_EVERY = 16;
const BUFFER_BYTES = 320;
const KEY = new Uint8Array(32).fill(0x5a);
const MESSAGE: WatchMessage = {
  kind: "ack",
  sender: "node-1.example",
  generation: 1_790_000_000_000,
  state: "leaving",
  nonce: "00ff00ff00ff00ff",
  serving: {
    sequence: 3,
    usableInterfaces: ["eth0", "eth1"],
    ipv4OnlyInterfaces: ["eth1"],
    failedLinkProbes: ["2001:db8::1"],
    macs: [0x02_00_00_00_00_0a as Mac],
  },
};

/** Changes at least one byte of `original`, or its length; returns what is left of it in `buffer`. */
function mutate(rng: SeededRng, buffer: Uint8Array, original: Uint8Array): Uint8Array {
  buffer.set(original);
  const changes = 1 + below(rng, 3);
  const first = below(rng, original.length);
  buffer[first] = buffer[first]! ^ (1 + below(rng, 255));
  for (let i = 1; i < changes; i++) {
    const offset = (first + 1 + below(rng, original.length - 1)) % original.length;
    buffer[offset] = rng.u32() & 0xff;
  }
  return buffer.subarray(0, below(rng, 4) === 0 ? below(rng, BUFFER_BYTES + 1) : original.length);
}

function random(rng: SeededRng, buffer: Uint8Array): Uint8Array {
  const bytes = buffer.subarray(0, below(rng, BUFFER_BYTES + 1));
  for (let i = 0; i < Math.min(bytes.length, 40); i++) bytes[i] = rng.u32() & 0xff;
  return bytes;
}

Deno.test("decodeWatchMessage: a million random and mutated datagrams never throw and are never believed with a key", () => {
  const rng = new SeededRng(SEED);
  const tagged = encodeWatchMessage(MESSAGE, KEY);
  const plain = encodeWatchMessage(MESSAGE, undefined);
  const buffer = new Uint8Array(BUFFER_BYTES);
  let tagsChecked = 0;
  let plainAccepted = 0;
  for (let i = 0; i < DATAGRAMS; i++) {
    const wellFormed = i % WELL_FORMED_EVERY === 0;
    const bytes = wellFormed
      ? mutate(rng, buffer, i % (2 * WELL_FORMED_EVERY) === 0 ? tagged : plain)
      : random(rng, buffer);
    let found: string | undefined;
    try {
      const withKey = decodeWatchMessage(bytes, KEY);
      if (withKey.ok) found = "accepted with a key";
      else if (withKey.reason === "tagMismatch") tagsChecked++;
      if (decodeWatchMessage(bytes, undefined).ok) plainAccepted++;
    } catch (error) {
      found = `threw ${error}`;
    }
    if (found !== undefined) throw new Error(`Seed ${SEED}, datagram ${i} (${bytes.toHex()}): ${found}`);
  }
  // A generator that never comes near a valid message would test nothing.
  if (tagsChecked < 10_000 || plainAccepted < 5_000) {
    throw new Error(`Seed ${SEED} checks ${tagsChecked} tags and makes ${plainAccepted} plain messages: too few`);
  }
});
