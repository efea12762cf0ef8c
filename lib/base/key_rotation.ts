/**
 * The keys that the speakers of a cluster share, while one is replaced by another: one is spoken, all are understood.
 *
 * A Secret is one file, which reaches the nodes at different times within minutes. So a new key is taken in three steps,
 * by time alone: first it is only understood, while nodes that do not have it yet go on hearing us; after `acceptMs` it
 * is spoken; `keepMs` after that the old one is forgotten. A peer that already speaks the new key is answered with it at
 * once, since it may have started with nothing else.
 */
import { sameBytes } from "./bytes.ts";
import type { Millis } from "./time.ts";

/** Longer than a kubelet takes to update a Secret's file: its sync period and its cache, a minute each. */
const ACCEPT_MS = 180_000;
const KEEP_MS = 600_000;
const KEYS_MAX = 8;
const SPEAKERS_MAX = 4096;

interface HeldKey {
  readonly key: Uint8Array;
  /** When it begins to be spoken. */
  readonly primaryAt: Millis;
}

export interface KeyRotationOptions {
  readonly acceptMs?: number;
  readonly keepMs?: number;
}

export class KeyRotation {
  readonly #acceptMs: number;
  readonly #keepMs: number;
  /** In the order in which they came. */
  #held: readonly HeldKey[];
  #newest: Uint8Array;
  /** The newer key with which an address spoke while the older one is still spoken here. */
  readonly #newerOf = new Map<string, Uint8Array>();

  constructor(key: Uint8Array, options: KeyRotationOptions = {}) {
    this.#held = [{ key, primaryAt: -Infinity }];
    this.#newest = key;
    this.#acceptMs = options.acceptMs ?? ACCEPT_MS;
    this.#keepMs = options.keepMs ?? KEEP_MS;
  }

  /** All that are understood, the oldest first. */
  get keys(): readonly Uint8Array[] {
    return this.#held.map(({ key }) => key);
  }

  /** Takes a key that the cluster is going to use; false when it is the newest one already. */
  install(key: Uint8Array, now: Millis): boolean {
    if (sameBytes(this.#newest, key)) return false;
    this.#newest = key;
    const others = this.#held.filter((held) => !sameBytes(held.key, key));
    const primary = this.#primary(now);
    if (sameBytes(primary.key, key)) {
      // Taken back before anybody had to speak another one: so nobody ever will, but who started with it is understood.
      const never = others.filter(({ primaryAt }) => primaryAt > now).map((held) => ({ ...held, primaryAt: Infinity }));
      this.#held = [...others.filter(({ primaryAt }) => primaryAt <= now), primary, ...never];
      return true;
    }
    this.#held = [...others, { key, primaryAt: now + this.#acceptMs }].slice(-KEYS_MAX);
    return true;
  }

  /** The key to speak to an address. */
  keyFor(address: string, now: Millis): Uint8Array {
    this.#forget(now);
    return this.#newerOf.get(address) ?? this.#primary(now).key;
  }

  /** An address spoke with one of the keys. */
  heard(address: string, key: Uint8Array): void {
    if (key === this.#held[0]!.key) this.#newerOf.delete(address);
    else if (this.#newerOf.size < SPEAKERS_MAX) this.#newerOf.set(address, key);
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
