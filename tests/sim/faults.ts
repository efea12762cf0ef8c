/** Random misfortune for a cluster: everything that a rack, a network, a kernel and an API may do to it. */
import { Dice } from "./dice.ts";
import { Misfortune } from "./misfortune.ts";
import type { SimCluster } from "./sim_cluster.ts";
import type { SimNode } from "./sim_node.ts";

export class Faults {
  readonly #cluster: SimCluster;
  readonly #dice: Dice;
  readonly #misfortune: Misfortune;

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
    this.#dice = new Dice(cluster.rng);
    this.#misfortune = new Misfortune(cluster, this.#dice);
  }

  /** Something happens every now and then for `durationMs`. */
  storm(durationMs: number): void {
    const until = this.#cluster.time.now + durationMs;
    while (this.#cluster.time.now < until) {
      this.#strike(this.#dice.pick(this.#cluster.nodes));
      this.#cluster.pass(this.#dice.below(3) === 0 ? this.#dice.below(30) : this.#dice.below(700));
    }
  }

  /** Everything is repaired, but who is dead stays dead. */
  calm(): void {
    const cluster = this.#cluster;
    this.#misfortune.resumeAll();
    cluster.weather("fine weather", {});
  }

  /** What an operator or a roll-out does, never so much that nobody is left. */
  plannedMove(): void {
    const cluster = this.#cluster;
    const living = cluster.nodes.filter(({ process, leaving }) => process === "running" && !leaving);
    const gone = cluster.nodes.filter(({ process }) => process === "none");
    const dice = this.#dice.below(3);
    if (dice === 0 && living.length > 1) cluster.leave(this.#dice.pick(living).name);
    else if (dice === 1 && gone.length > 0) cluster.start(this.#dice.pick(gone).name);
    else {
      // Only the order: whoever is cut from the candidates of all addresses at once leaves a gap by order of the user.
      const address = this.#dice.pick([...cluster.wanted.keys()]);
      cluster.want(address, this.#dice.shuffled(cluster.nodes.map(({ name }) => name)));
    }
  }

  #strike(node: SimNode): void {
    const cluster = this.#cluster;
    const { name } = node;
    const which = this.#dice.below(12);
    if (this.#misfortune.strikeProcess(node, which)) return;
    switch (which) {
      case 6:
        cluster.kill(name);
        cluster.pass(this.#dice.below(150));
        return cluster.start(name);
      case 7:
        return this.#changeWanted();
      case 8:
        return this.#misfortune.lose();
      case 9:
        return this.#misfortune.divide();
      case 10:
        return cluster.weather("fine weather", {});
      default:
        this.#misfortune.resumeAll();
    }
  }

  #changeWanted(): void {
    const cluster = this.#cluster;
    const address = this.#dice.pick([...cluster.addresses.keys()]);
    if (this.#dice.below(4) === 0) return cluster.unwant(address);
    const candidates = this.#dice.shuffled(cluster.nodes.map(({ name }) => name));
    cluster.want(address, candidates.slice(0, 1 + this.#dice.below(candidates.length)));
  }
}
