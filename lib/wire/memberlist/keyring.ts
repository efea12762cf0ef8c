/**
 * The keys of a cluster: one encrypts, all decrypt.
 *
 * A Secret is one file, which reaches the nodes at different times within minutes. So a new key is taken in three steps,
 * by time alone: first it only decrypts, while nodes that do not have it yet go on hearing us; after `acceptMs` it
 * encrypts; `keepMs` after that the old one is forgotten. A peer that already encrypts with the new key is answered
 * with it at once, since it may have started with nothing else.
 */
import { sameBytes } from "../../base/bytes.ts";
import type { Millis } from "../../base/time.ts";
import { type MemberlistKey, unseal } from "./sealed.ts";

/** Longer than a kubelet takes to update a Secret's file: its sync period and its cache, a minute each. */
const ACCEPT_MS = 180_000;
const KEEP_MS = 600_000;
const KEYS_MAX = 8;
const SPEAKERS_MAX = 4096;

interface HeldKey {
  readonly key: MemberlistKey;
  /** When it begins to encrypt. */
  readonly primaryAt: Millis;
}

export interface KeyringOptions {
  readonly acceptMs?: number;
  readonly keepMs?: number;
}

/** MetalLB's derivation: the digest of nothing is appended to the secret, and the first 32 bytes of both are the key. */
export function deriveMemberlistKey(secret: Uint8Array): MemberlistKey {
  const key = new Uint8Array(64);
  key.set(secret.subarray(0, 32));
  key.set(SHA256_OF_NOTHING, Math.min(secret.length, 32));
  return key.slice(0, 32);
}

const SHA256_OF_NOTHING = Uint8Array.fromHex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

export class Keyring {
  readonly #acceptMs: number;
  readonly #keepMs: number;
  /** In the order in which they came. */
  #held: readonly HeldKey[];
  /** The newer key with which an address spoke while the older one still encrypts. */
  readonly #newerOf = new Map<string, MemberlistKey>();

  constructor(key: MemberlistKey, options: KeyringOptions = {}) {
    this.#held = [{ key, primaryAt: -Infinity }];
    this.#acceptMs = options.acceptMs ?? ACCEPT_MS;
    this.#keepMs = options.keepMs ?? KEEP_MS;
  }

  get size(): number {
    return this.#held.length;
  }

  /** Takes a key that the cluster is going to use; false when it is the newest one already. */
  install(key: MemberlistKey, now: Millis): boolean {
    if (sameBytes(this.#held.at(-1)!.key, key)) return false;
    const others = this.#held.filter((held) => !sameBytes(held.key, key));
    this.#held = [...others, { key, primaryAt: now + this.#acceptMs }].slice(-KEYS_MAX);
    return true;
  }

  /** The key to encrypt with for an address. */
  keyFor(address: string, now: Millis): MemberlistKey {
    this.#forget(now);
    return this.#newerOf.get(address) ?? this.#primary(now).key;
  }

  /** Decrypts with whichever key fits. */
  open(blob: Uint8Array, from: { readonly address: string; readonly covered: Uint8Array }): Uint8Array | undefined {
    for (const [index, { key }] of this.#held.entries()) {
      const plain = unseal(blob, { key, covered: from.covered });
      if (plain === undefined) continue;
      if (index === 0) this.#newerOf.delete(from.address);
      else if (this.#newerOf.size < SPEAKERS_MAX) this.#newerOf.set(from.address, key);
      return plain;
    }
    return undefined;
  }

  /** The newest whose time has come. */
  #primary(now: Millis): HeldKey {
    return this.#held.findLast(({ primaryAt }) => primaryAt <= now) ?? this.#held[0]!;
  }

  #forget(now: Millis): void {
    const primary = this.#primary(now);
    if (primary === this.#held[0] || now < primary.primaryAt + this.#keepMs) return;
    this.#held = this.#held.slice(this.#held.indexOf(primary));
    this.#newerOf.clear();
  }
}
