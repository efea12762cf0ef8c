import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import {
  derBitString,
  derBoolean,
  derElement,
  derExplicit,
  derImplicit,
  derInteger,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derTime,
  derUtf8String,
  readDer,
} from "../../lib/edge/http/der.ts";

/** Bytes as the standards print them, or as `openssl asn1parse` shows them of a certificate. */
const WRITTEN: readonly (readonly [string, Uint8Array, string])[] = [
  ["BOOLEAN, X.690 §11.1: true is all ones", derBoolean(true), "0101ff"],
  ["INTEGER 0 has one byte", derInteger(0), "020100"],
  ["INTEGER 128 is no negative number (X.690 §8.3)", derInteger(0x80), "02020080"],
  ["INTEGER of several bytes", derInteger(0x40, 0x01, 0x02), "0203400102"],
  ["BIT STRING of X.690 §8.6.4.2", derBitString(Uint8Array.fromHex("0a3b5f291cd0"), 4), "0307040a3b5f291cd0"],
  ["OCTET STRING", derOctetString(Uint8Array.of(1, 2)), "04020102"],
  ["OBJECT IDENTIFIER of RSADSI", derObjectIdentifier("1.2.840.113549"), "06062a864886f70d"],
  ["OBJECT IDENTIFIER of a common name", derObjectIdentifier("2.5.4.3"), "0603550403"],
  ["UTF8String beyond ASCII", derUtf8String("é"), "0c02c3a9"],
  ["UTCTime until 2049", derTime(new Date("2049-12-31T23:59:59.999Z")), "170d3439313233313233353935395a"],
  ["GeneralizedTime from 2050", derTime(new Date("2050-01-01T00:00:00Z")), "180f32303530303130313030303030305a"],
  ["an empty SEQUENCE", derSequence(), "3000"],
  ["[3] around a value", derExplicit(3, derInteger(1)), "a303020101"],
  ["[2] in place of the type", derImplicit(2, new TextEncoder().encode("ab")), "82026162"],
];

for (const [title, bytes, expected] of WRITTEN) {
  Deno.test(`DER: ${title}`, () => assertEquals(bytes.toHex(), expected));
}

for (const [length, header] of [[127, "047f"], [128, "048180"], [255, "0481ff"], [256, "04820100"]] as const) {
  Deno.test(`DER: the length of ${length} bytes (X.690 §10.1) is written and read back`, () => {
    const written = derElement(0x04, [new Uint8Array(length)]);
    assertEquals(written.subarray(0, header.length / 2).toHex(), header);
    const [read, ...others] = readDer(written);
    assertEquals([read?.content.length, others.length], [length, 0]);
  });
}

Deno.test("DER: values that stand one after another are read one by one", () => {
  const read = readDer(Uint8Array.fromHex("0101ff3003020105"));
  assertEquals(read.map(({ tag, content }) => [tag, content.toHex()]), [[0x01, "ff"], [0x30, "020105"]]);
  assertEquals(read.map(({ whole }) => whole.toHex()), ["0101ff", "3003020105"]);
});

for (const [title, hex] of [["cut in the value", "040201"], ["cut in the length", "0482ff"], ["a tag alone", "04"]]) {
  Deno.test(`DER: refuses to read what is ${title}`, () => {
    assertThrows(() => readDer(Uint8Array.fromHex(hex!)), Error, "longer than what holds it");
  });
}
