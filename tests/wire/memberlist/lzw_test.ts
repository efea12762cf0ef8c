import { assertEquals } from "@std/assert/equals";
import { below, SeededRng } from "../../../lib/base/rng.ts";
import { compressLzw, decompressLzw } from "../../../lib/wire/memberlist/lzw.ts";
import { memberlistVector } from "../../support/memberlist_vectors.ts";

const MAX = 1 << 20;
/** Of a compressed message with up to 255 bytes: type byte, `82 a4 Algo 00 a3 Buf`, raw header. */
function bufferOf(vector: Uint8Array): Uint8Array {
  const at =
    vector.findIndex((byte, index) => byte === 0x42 && vector[index + 1] === 0x75 && vector[index + 2] === 0x66) + 3;
  return vector.subarray(vector[at] === 0xda ? at + 3 : at + 1);
}

const GO: readonly [what: string, plain: Uint8Array, compressed: Uint8Array][] = [
  [
    "8 times abcd",
    new TextEncoder().encode("abcd".repeat(8)),
    bufferOf(memberlistVector("compress(32*abcd)")),
  ],
  ["a ping", memberlistVector("ping"), bufferOf(memberlistVector("compress(ping)"))],
];

for (const [what, plain, compressed] of GO) {
  Deno.test(`LZW: ${what}, as Go compresses it`, () => {
    assertEquals(compressLzw(plain).toHex(), compressed.toHex());
    assertEquals(decompressLzw(compressed, MAX), plain);
  });
  Deno.test(`LZW: ${what}, cut anywhere, is truncated`, () => {
    for (let length = 0; length < compressed.length; length++) {
      assertEquals(decompressLzw(compressed.subarray(0, length), MAX), "truncated");
    }
  });
  Deno.test(`LZW: ${what} is not blown up beyond a limit`, () => {
    assertEquals(decompressLzw(compressed, plain.length - 1), "oversized");
    assertEquals(decompressLzw(compressed, plain.length), plain);
  });
}

Deno.test("LZW: what was compressed comes back, through every width of codes and a full table", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const rng = new SeededRng(seed);
    const length = seed <= 3 ? seed - 1 : below(rng, seed % 7 === 0 ? 60_000 : 5_000);
    const letters = 1 + below(rng, 256);
    const plain = Uint8Array.from({ length }, () => below(rng, letters));
    assertEquals([seed, decompressLzw(compressLzw(plain), MAX)], [seed, plain]);
  }
});

Deno.test("LZW: a code that the table cannot hold yet is malformed", () => {
  // Clear, then 300, in 9 bits each, least significant bit first.
  const bits = 256 | 300 << 9;
  assertEquals(decompressLzw(new Uint8Array([bits, bits >> 8, bits >> 16, 0]), MAX), "malformed");
});
