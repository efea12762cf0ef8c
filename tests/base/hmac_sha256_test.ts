import { assertEquals } from "@std/assert/equals";
import { createHmac } from "node:crypto";
import { hmacSha256 } from "../../lib/base/hmac_sha256.ts";
import { SeededRng } from "../../lib/base/rng.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** RFC 4231 §4; case 5 is about a shorter output. */
const VECTORS: readonly { readonly of: string; readonly key: Uint8Array; readonly data: Uint8Array; hmac: string }[] = [
  {
    of: "case 1, a short key",
    key: new Uint8Array(20).fill(0x0b),
    data: text("Hi There"),
    hmac: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
  },
  {
    of: "case 2, a key of four letters",
    key: text("Jefe"),
    data: text("what do ya want for nothing?"),
    hmac: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  },
  {
    of: "case 3, key and data longer than a block together",
    key: new Uint8Array(20).fill(0xaa),
    data: new Uint8Array(50).fill(0xdd),
    hmac: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
  },
  {
    of: "case 4, a key that counts",
    key: Uint8Array.from({ length: 25 }, (_, index) => index + 1),
    data: new Uint8Array(50).fill(0xcd),
    hmac: "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
  },
  {
    of: "case 6, a key longer than a block",
    key: new Uint8Array(131).fill(0xaa),
    data: text("Test Using Larger Than Block-Size Key - Hash Key First"),
    hmac: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
  },
  {
    of: "case 7, key and data longer than a block",
    key: new Uint8Array(131).fill(0xaa),
    data: text(
      "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
    ),
    hmac: "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
  },
];

for (const { of, key, data, hmac } of VECTORS) {
  Deno.test(`hmacSha256: RFC 4231 §4, ${of}`, () => {
    assertEquals(hmacSha256(key, data).toHex(), hmac);
  });
}

Deno.test("hmacSha256: the same as node:crypto's at every length of key and message around the blocks", () => {
  const rng = new SeededRng(31);
  const bytes = (length: number) => Uint8Array.from({ length }, () => rng.u32() & 0xff);
  for (let length = 0; length <= 130; length++) {
    const [key, message] = [bytes(length), bytes(130 - length)];
    const expected = new Uint8Array(createHmac("sha256", key).update(message).digest()).toHex();
    assertEquals(hmacSha256(key, message).toHex(), expected, `a key of ${length} octets`);
  }
});
