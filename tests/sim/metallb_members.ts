/** A cluster that is being moved from MetalLB to Herald: some of its speakers are MetalLB's still. */
import type { ApiCluster } from "./api_cluster.ts";
import type { Dice } from "./dice.ts";
import { Extra } from "./extra.ts";
import type { SimNode } from "./sim_node.ts";

/** The gossip gives a member up after 5 to 7 s; whoever was given up is joined again within some. */
const GOSSIP_MS_MAX = 9000;

const VOTERS_MIN = 3;

export class MetallbMembers extends Extra {
  constructor(cluster: ApiCluster, deps: { readonly dice: Dice }) {
    super(cluster, deps);
    cluster.settledMs += GOSSIP_MS_MAX;
  }

  override furnish(): void {
    for (const node of this.dice.some(this.cluster.nodes, 1)) node.program = "metallb";
    this.cluster.note(`MetalLB runs on ${this.#names().join(", ")}`);
  }

  /** A speaker is replaced by one of the other program. */
  override async strike(): Promise<void> {
    await this.#replace(this.dice.pick(this.cluster.nodes), this.dice.onceIn(2) ? "metallb" : "herald");
  }

  /** It takes three to agree that another one is dead; with fewer the gossip waits for up to 24 s (Lifeguard). */
  override calm(): void {
    const cluster = this.cluster;
    const isThere = (node: SimNode) => isOn(node) && !cluster.network.isolated.has(node);
    const missing = cluster.nodes.filter((node) => !isThere(node));
    const there = cluster.nodes.length - missing.length;
    for (const node of missing.slice(0, Math.max(0, VOTERS_MIN - there))) {
      if (!node.hasCarrier) cluster.restoreCarrier(node.name);
      cluster.start(node.name);
    }
  }

  /** The move comes to its end: no MetalLB is left. */
  override async encore(): Promise<void> {
    for (const name of this.#names()) {
      await this.#replace(this.cluster.node(name), "herald");
      await this.cluster.pass(this.dice.between(500, 1500));
    }
  }

  async #replace(node: SimNode, program: SimNode["program"]): Promise<void> {
    const cluster = this.cluster;
    if (node.program === program || node.process === "paused" || node.leaving) return;
    if (node.process === "running") cluster.leave(node.name);
    for (let waits = 0; isOn(node) && waits < 60; waits++) await cluster.pass(50);
    cluster.kill(node.name);
    await cluster.replacePod(node.name);
    cluster.note(`${node.name} runs ${program} from now on`);
    node.program = program;
    cluster.start(node.name);
  }

  #names(): string[] {
    return this.cluster.nodes.filter(({ program }) => program === "metallb").map(({ name }) => name);
  }
}

/** The process may have ended while time passed. */
function isOn(node: SimNode): boolean {
  return node.process !== "none";
}
