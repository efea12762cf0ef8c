/** A control thread that is handed what is wanted instead of reading it from an API, and hears of changes a little later. */
import { below, type Rng } from "../../lib/base/rng.ts";
import type { Millis } from "../../lib/base/time.ts";
import type { WantedAddress, WantedPeer } from "../../lib/base/wanted.ts";
import type { Life, SimControl } from "./sim_node.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** What is wanted at present; nodes hear of it later. */
export interface World {
  readonly wanted: ReadonlyMap<string, WantedAddress>;
  readonly peers: readonly WantedPeer[];
}

export class HandedNews implements SimControl {
  readonly #deps: { time: VirtualTime; rng: Rng; world: World };
  /** What was sent to the present life, read or not. */
  readonly #sent = new Map<string, WantedAddress>();
  #life: Life | undefined;
  #generation = 0;
  #toldPeers = false;
  #nextNewsAt: Millis = 0;

  constructor(deps: { time: VirtualTime; rng: Rng; world: World }) {
    this.#deps = deps;
  }

  begin(life: Life): void {
    const { time, rng } = this.#deps;
    this.#life = life;
    this.#sent.clear();
    this.#generation = 0;
    this.#toldPeers = false;
    this.#nextNewsAt = time.now + 5 + below(rng, 60);
    this.hear();
  }

  end(): void {
    this.#life = undefined;
  }

  /** Something changed: after a while the process is told whatever it was not told yet. */
  hear(): void {
    const life = this.#life;
    if (life === undefined) return;
    const { time, rng } = this.#deps;
    this.#nextNewsAt = Math.max(this.#nextNewsAt, time.now + 1 + below(rng, 40));
    life.later(this.#nextNewsAt - time.now, () => this.#tell(life));
  }

  #tell(life: Life): void {
    const { wanted, peers } = this.#deps.world;
    const upsertAddresses = [...wanted.values()].filter((address) => this.#sent.get(address.address) !== address);
    const removeAddresses = [...this.#sent.keys()].filter((address) => !wanted.has(address));
    for (const address of removeAddresses) this.#sent.delete(address);
    for (const address of upsertAddresses) this.#sent.set(address.address, address);
    const upsertPeers = this.#toldPeers ? [] : peers;
    this.#toldPeers = true;
    const generation = ++this.#generation;
    life.tell({ generation, upsertAddresses, removeAddresses, upsertPeers, removePeers: [], complete: true });
  }
}
