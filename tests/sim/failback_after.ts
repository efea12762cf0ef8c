/** A policy by which who comes back waits a while for its addresses, and nodes that go and come back under it. */
import { Extra } from "./extra.ts";

export class FailbackAfter extends Extra {
  /** The wait begins. */
  override async furnish(): Promise<void> {
    await this.#advertise();
  }

  override async strike(): Promise<void> {
    if (this.dice.onceIn(2)) await this.#advertise();
  }

  /** Somebody goes, its addresses move, and it comes back. */
  override async encore(): Promise<void> {
    const cluster = this.cluster;
    const running = cluster.nodes.filter(({ process, leaving }) => process === "running" && !leaving);
    // Where the gossip alone knows who is dead, enough must be left to agree on that.
    if (running.length < (cluster.isMixed ? 4 : 2)) return;
    const { name } = this.dice.pick(running);
    if (this.dice.onceIn(2)) cluster.kill(name);
    else cluster.leave(name);
    await cluster.pass(this.dice.between(2500, 3500));
    cluster.start(name);
  }

  async #advertise(): Promise<void> {
    await this.cluster.advertise({ failback: this.dice.between(200, 4000) });
  }
}
