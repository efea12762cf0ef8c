/** The keys of a memberlist cluster: one encrypts, all decrypt; which is which when is `KeyRotation`'s business. */
import { KeyRotation, type KeyRotationOptions } from "../../base/key_rotation.ts";
import type { Millis } from "../../base/time.ts";
import { type MemberlistKey, unseal } from "./sealed.ts";

/** MetalLB's derivation: the digest of nothing is appended to the secret, and the first 32 bytes of both are the key. */
export function deriveMemberlistKey(secret: Uint8Array): MemberlistKey {
  const key = new Uint8Array(64);
  key.set(secret.subarray(0, 32));
  key.set(SHA256_OF_NOTHING, Math.min(secret.length, 32));
  return key.slice(0, 32);
}

const SHA256_OF_NOTHING = Uint8Array.fromHex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

export class Keyring {
  readonly #rotation: KeyRotation;

  constructor(key: MemberlistKey, options: KeyRotationOptions = {}) {
    this.#rotation = new KeyRotation(key, options);
  }

  get size(): number {
    return this.#rotation.keys.length;
  }

  /** Takes a key that the cluster is going to use; false when it is the newest one already. */
  install(key: MemberlistKey, now: Millis): boolean {
    return this.#rotation.install(key, now);
  }

  /** The key to encrypt with for an address. */
  keyFor(address: string, now: Millis): MemberlistKey {
    return this.#rotation.keyFor(address, now);
  }

  /** Decrypts with whichever key fits. */
  open(blob: Uint8Array, from: { readonly address: string; readonly covered: Uint8Array }): Uint8Array | undefined {
    for (const key of this.#rotation.keys) {
      const plain = unseal(blob, { key, covered: from.covered });
      if (plain === undefined) continue;
      this.#rotation.heard(from.address, key);
      return plain;
    }
    return undefined;
  }
}
