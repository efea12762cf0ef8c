import type { ApiCluster } from "./api_cluster.ts";
import type { Dice } from "./dice.ts";

/** An ingredient of a story, as the story tells it: what happens because of it, beside what happens in every story. */
export abstract class Extra {
  protected readonly cluster: ApiCluster;
  protected readonly dice: Dice;

  constructor(cluster: ApiCluster, deps: { readonly dice: Dice }) {
    this.cluster = cluster;
    this.dice = deps.dice;
  }

  /** When the cluster is furnished and nothing runs yet. */
  furnish?(): void | Promise<void>;
  /** Something of it goes wrong, or is repaired, in a storm. */
  strike?(): void | Promise<void>;
  /** Everything of it that went wrong is repaired. */
  calm?(): void | Promise<void>;
  /** A scene of its own at the end of a storm, in which nothing else goes wrong; what it breaks is repaired by `calm`. */
  scene?(): Promise<void>;
  /** What it does to a cluster that is whole and has settled, and leaves whole. */
  encore?(): Promise<void>;
}
