/**
 * Loses single datagrams of those that say who answers for what (claims and give-ups), while everything else arrives: so
 * nobody seems dead, and nobody has a reason to say again what was lost.
 */
import type { ApiCluster } from "./api_cluster.ts";
import type { Dice } from "./dice.ts";
import { Extra } from "./extra.ts";
import type { Weather } from "./network.ts";

const WHICH: readonly Weather["lostWords"][] = ["givenUp", "claimed", "all"];

export class LostWords extends Extra {
  readonly #move: () => Promise<void>;

  /** `move` makes addresses change hands as planned. */
  constructor(cluster: ApiCluster, deps: { readonly dice: Dice; readonly move: () => Promise<void> }) {
    super(cluster, deps);
    this.#move = deps.move;
  }

  override strike(): void {
    const { dice } = this;
    const lostWords = dice.pick(WHICH);
    const wordLoss = dice.onceIn(3) ? 1 : dice.between(20, 80) / 100;
    this.cluster.weather(`words are lost: ${lostWords}, ${wordLoss}`, { lostWords, wordLoss });
  }

  override async scene(): Promise<void> {
    for (let moves = this.dice.between(2, 4); moves > 0; moves--) {
      this.strike();
      await this.#move();
      await this.cluster.pass(this.dice.between(100, 900));
    }
  }
}
