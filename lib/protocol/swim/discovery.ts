/**
 * Whom to join: speakers that the API knows and the gossip does not.
 *
 * Everybody that is known at the start is tried at once, a few at a time, because the first answer usually tells of all
 * the others. A speaker that appears later joins us by itself; we try it after a short while of our own choice, so that a
 * large cluster does not fall upon it at one instant. What cannot be joined is tried again, ever less often, down to once
 * a minute; a partition that healed is found that way too. After some tries without one that succeeded it is told: two
 * clusters of one name, because of another port or secret, are a thing that only a person can mend.
 */
import type { Deadline } from "../../base/machine.ts";
import { below, type Rng } from "../../base/rng.ts";
import type { Millis } from "../../base/time.ts";
import type { End } from "./gossip_sender.ts";

interface Seed extends End {
  dueAt: Millis;
  tries: number;
  isBusy: boolean;
  /** No try succeeded, and that was told. */
  isHopeless: boolean;
}

export interface DiscoveryDeps {
  readonly rng: Rng;
  /** Whether a live member has this address. */
  readonly isMember: (end: End) => boolean;
  readonly join: (end: End) => void;
  /** It was tried for a minute or two, and the last try failed with this. Told once until it is a member. */
  readonly onHopeless: (end: End, failure: string) => void;
}

const RETRY_MS = 1000;
const RETRY_MS_MAX = 60_000;
/** With the pauses between them, one to two minutes: an image that is pulled takes less. */
const HOPELESS_TRIES = 8;
const AT_ONCE_MAX = 4;
/** For each known seed. */
const SPREAD_MS = 50;
const SPREAD_MS_MAX = 20_000;
const SEEDS_MAX = 65_536;

export class Discovery {
  readonly #deps: DiscoveryDeps;
  #seeds = new Map<string, Seed>();
  #started = false;
  #busy = 0;

  constructor(deps: DiscoveryDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#seeds.size;
  }

  /** Each was tried at least once, and none is being tried. */
  get isOver(): boolean {
    return this.#busy === 0 &&
      [...this.#seeds.values()].every((seed) => seed.tries > 0 || this.#deps.isMember(seed));
  }

  /** Those that were tried for long without success. */
  get hopeless(): End[] {
    return [...this.#seeds.values()].filter(({ isHopeless }) => isHopeless);
  }

  /** All of them; what is no longer named is no longer tried. */
  setSeeds(ends: readonly End[], now: Millis): void {
    const seeds = new Map<string, Seed>();
    const spreadMs = this.#started ? Math.min(SPREAD_MS * ends.length, SPREAD_MS_MAX) : 0;
    for (const { address, port } of ends.slice(0, SEEDS_MAX)) {
      const key = keyOf({ address, port });
      const dueAt = now + below(this.#deps.rng, spreadMs + 1);
      seeds.set(key, this.#seeds.get(key) ?? { address, port, dueAt, tries: 0, isBusy: false, isHopeless: false });
    }
    this.#seeds = seeds;
    if (ends.length > 0) this.#started = true;
    this.tick(now);
  }

  /** A join came to an end, one way or the other. */
  ended(end: End, { failure, now }: { readonly failure: string | undefined; readonly now: Millis }): void {
    this.#busy--;
    const seed = this.#seeds.get(keyOf(end));
    if (seed !== undefined) {
      seed.isBusy = false;
      this.#judge(seed, failure);
    }
    this.tick(now);
  }

  tick(now: Millis): void {
    for (const seed of this.#seeds.values()) {
      if (seed.dueAt > now || seed.isBusy) continue;
      if (this.#busy >= AT_ONCE_MAX) return;
      if (this.#deps.isMember(seed)) {
        seed.tries = 0;
        seed.isHopeless = false;
        seed.dueAt = now + RETRY_MS_MAX;
        continue;
      }
      const waitMs = Math.min(RETRY_MS * 2 ** seed.tries, RETRY_MS_MAX);
      seed.tries++;
      seed.dueAt = now + waitMs / 2 + below(this.#deps.rng, waitMs / 2 + 1);
      seed.isBusy = true;
      this.#busy++;
      this.#deps.join(seed);
    }
  }

  #judge(seed: Seed, failure: string | undefined): void {
    if (failure === undefined) {
      seed.isHopeless = false;
    } else if (seed.tries >= HOPELESS_TRIES && !seed.isHopeless) {
      seed.isHopeless = true;
      this.#deps.onHopeless(seed, failure);
    }
  }

  deadline(): Deadline | undefined {
    if (this.#busy >= AT_ONCE_MAX) return undefined;
    let earliest: Deadline | undefined;
    for (const { address, dueAt, isBusy } of this.#seeds.values()) {
      if (isBusy || (earliest !== undefined && earliest.at <= dueAt)) continue;
      earliest = { at: dueAt, why: `join ${address}` };
    }
    return earliest;
  }
}

function keyOf({ address, port }: End): string {
  return `${address} ${port}`;
}
