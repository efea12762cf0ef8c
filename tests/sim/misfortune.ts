/** What may happen to any simulated cluster, with an API or without one: to processes, and to the network between them. */
import type { Dice } from "./dice.ts";
import type { SimNode } from "./sim_node.ts";
import type { Stage } from "./stage.ts";

export class Misfortune {
  readonly #cluster: Stage;
  readonly #dice: Dice;

  constructor(cluster: Stage, dice: Dice) {
    this.#cluster = cluster;
    this.#dice = dice;
  }

  /** The `which`-th thing that can happen to a node's process; false: there is no such thing. */
  strikeProcess(node: SimNode, which: number): boolean {
    const cluster = this.#cluster;
    const { name, process } = node;
    switch (which) {
      case 0:
        cluster.kill(name);
        return true;
      case 1:
      case 2:
        if (process === "none") cluster.start(name, { clockStepMs: this.#dice.onceIn(2) ? -50_000 : 0 });
        return true;
      case 3:
        if (process === "running" && !node.leaving) cluster.leave(name);
        return true;
      case 4:
        cluster.pause(name);
        return true;
      case 5:
        if (process === "paused") cluster.resume(name);
        return true;
    }
    return false;
  }

  resumeAll(): void {
    for (const { name, process } of this.#cluster.nodes) if (process === "paused") this.#cluster.resume(name);
  }

  lose(): void {
    this.#cluster.weather("loss", { frameLoss: this.share(), datagramLoss: this.share() });
  }

  divide(): void {
    const groups = new Map(this.#cluster.nodes.map(({ name }) => [name, this.#dice.below(2)]));
    const apart = [...groups].filter(([, group]) => group === 1).map(([name]) => name).join(", ");
    const which = this.#dice.below(3);
    this.#cluster.weather(`divided for ${["frames", "datagrams", "all"][which]}: ${apart} from the rest`, {
      ...(which === 1 ? {} : { frameGroups: groups }),
      ...(which === 0 ? {} : { datagramGroups: groups }),
    });
  }

  share(): number {
    return this.#dice.below(40) / 100;
  }
}
