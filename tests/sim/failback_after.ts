/** A policy by which who comes back waits a while for its addresses, and nodes that go and come back under it. */
import type { ApiCluster } from "./api_cluster.ts";
import type { Dice } from "./dice.ts";
import type { Extra } from "./extra.ts";

export class FailbackAfter implements Extra {
  readonly #cluster: ApiCluster;
  readonly #dice: Dice;

  constructor(cluster: ApiCluster, deps: { readonly dice: Dice }) {
    this.#cluster = cluster;
    this.#dice = deps.dice;
  }

  /** The wait begins. */
  async furnish(): Promise<void> {
    await this.#advertise();
  }

  async strike(): Promise<void> {
    if (this.#dice.onceIn(2)) await this.#advertise();
  }

  /** Somebody goes, its addresses move, and it comes back. */
  async encore(): Promise<void> {
    const cluster = this.#cluster;
    const running = cluster.nodes.filter(({ process, leaving }) => process === "running" && !leaving);
    // Where the gossip alone knows who is dead, enough must be left to agree on that.
    if (running.length < (cluster.isMixed ? 4 : 2)) return;
    const { name } = this.#dice.pick(running);
    if (this.#dice.onceIn(2)) cluster.kill(name);
    else cluster.leave(name);
    await cluster.pass(this.#dice.between(2500, 3500));
    cluster.start(name);
  }

  async #advertise(): Promise<void> {
    await this.#cluster.advertise({ failback: this.#dice.between(200, 4000) });
  }
}
