import { assertEquals } from "@std/assert/equals";
import { deriveMemberlistKey, Keyring } from "../../../lib/wire/memberlist/keyring.ts";
import { seal, type SealVersion, unseal } from "../../../lib/wire/memberlist/sealed.ts";
import { memberlistVector } from "../../support/memberlist_vectors.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i);
const NONCE = Uint8Array.from({ length: 12 }, (_, i) => i);
const PING = memberlistVector("ping");
const text = (value: string) => new TextEncoder().encode(value);

for (const version of [0, 1] as const) {
  for (const label of ["", "lbl"]) {
    const blob = memberlistVector(
      `encrypt v${version} ${label === "" ? "key=00..0f nonce=00..0b " : ""}aad='${label}' (ping)`,
    );
    Deno.test(`memberlist 0.5.1: sealed in version ${version} with the label "${label}"`, () => {
      const covered = text(label);
      assertEquals(seal(PING, { key: KEY, nonce: NONCE, covered, version }).toHex(), blob.toHex());
      assertEquals(unseal(blob, { key: KEY, covered }), PING);
    });
    Deno.test(`memberlist 0.5.1: version ${version} with the label "${label}" is refused when anything of it is changed`, () => {
      // Nothing covers the version byte, in memberlist neither.
      for (let at = 1; at < blob.length; at++) {
        const changed = blob.slice();
        changed[at]! ^= 1;
        assertEquals([at, unseal(changed, { key: KEY, covered: text(label) })], [at, undefined]);
        assertEquals(unseal(blob.subarray(0, at), { key: KEY, covered: text(label) }), undefined);
      }
      assertEquals(unseal(blob, { key: KEY, covered: text("other") }), undefined);
      assertEquals(unseal(blob, { key: new Uint8Array(16), covered: text(label) }), undefined);
    });
  }
}

for (const version of [0, 1] as SealVersion[]) {
  for (const keyBytes of [16, 32]) {
    Deno.test(`memberlist: ${8 * keyBytes} bits, version ${version}, texts of every length up to 40`, () => {
      const key = new Uint8Array(keyBytes).fill(7);
      for (let length = 0; length <= 40; length++) {
        const plain = new Uint8Array(length).fill(length);
        const blob = seal(plain, { key, nonce: NONCE, covered: PING, version });
        assertEquals(unseal(blob, { key, covered: PING }), plain);
      }
    });
  }
}

const DERIVED: readonly [secret: string, keyHex: string][] = [
  // Both worked out in the reference from MetalLB itself.
  ["abc", "616263e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b78"],
  ["abcdefghijklmnopqrstuv", "6162636465666768696a6b6c6d6e6f70717273747576e3b0c44298fc1c149afb"],
  ["0123456789abcdef0123456789abcdefX", text("0123456789abcdef0123456789abcdef").toHex()],
];

for (const [secret, keyHex] of DERIVED) {
  Deno.test(`MetalLB's key of the secret "${secret}"`, () =>
    assertEquals(deriveMemberlistKey(text(secret)).toHex(), keyHex));
}

const OLD = new Uint8Array(32).fill(1);
const NEW = new Uint8Array(32).fill(2);
const from = { address: "192.0.2.2", covered: new Uint8Array(0) };

function sealedWith(key: Uint8Array): Uint8Array {
  return seal(PING, { key, nonce: NONCE, covered: from.covered });
}

Deno.test("Keyring: a new key is heard at once, spoken after a while, and the old one heard for longer", () => {
  const ring = new Keyring(OLD, { acceptMs: 100, keepMs: 1000 });
  assertEquals(ring.open(sealedWith(NEW), from), undefined);
  assertEquals([ring.install(NEW, 50), ring.install(NEW, 60)], [true, false]);
  assertEquals(ring.open(sealedWith(OLD), from), PING);
  assertEquals([ring.keyFor("192.0.2.3", 149), ring.keyFor("192.0.2.3", 150)], [OLD, NEW]);
  assertEquals(ring.open(sealedWith(OLD), from), PING);
  assertEquals([ring.keyFor("192.0.2.3", 1149), ring.size], [NEW, 2]);
  assertEquals([ring.keyFor("192.0.2.3", 1150), ring.size], [NEW, 1]);
  assertEquals(ring.open(sealedWith(OLD), from), undefined);
  assertEquals(ring.open(sealedWith(NEW), from), PING);
});

Deno.test("Keyring: whoever speaks with the new key is answered with it, the others not yet", () => {
  const ring = new Keyring(OLD, { acceptMs: 100, keepMs: 1000 });
  ring.install(NEW, 0);
  ring.open(sealedWith(NEW), from);
  assertEquals([ring.keyFor(from.address, 10), ring.keyFor("192.0.2.3", 10)], [NEW, OLD]);
  ring.open(sealedWith(OLD), from);
  assertEquals(ring.keyFor(from.address, 20), OLD);
});

Deno.test("Keyring: a change that is taken back before it was used leaves the first key in use", () => {
  const ring = new Keyring(OLD, { acceptMs: 100, keepMs: 1000 });
  ring.install(NEW, 0);
  ring.install(OLD, 50);
  assertEquals(ring.open(sealedWith(OLD), from), PING);
  assertEquals(ring.open(sealedWith(NEW), from), PING);
  assertEquals(ring.keyFor("192.0.2.3", 300), OLD);
});
