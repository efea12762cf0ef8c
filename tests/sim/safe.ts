/** Nodes that are cut off from the API, from the other nodes, or from both, for as long as it takes to be sure of that. */
import type { ApiCluster } from "./api_cluster.ts";
import { noSilence } from "./checkers.ts";
import type { Dice } from "./dice.ts";
import { Extra } from "./extra.ts";
import { CUT_OFF_MS_MAX, silentWhenCutOff } from "./safe_checker.ts";
import type { SimNode } from "./sim_node.ts";

export class Safe extends Extra {
  constructor(cluster: ApiCluster, deps: { readonly dice: Dice }) {
    super(cluster, deps);
    cluster.checkers.push(silentWhenCutOff(cluster));
  }

  override async encore(): Promise<void> {
    const owners = [...this.cluster.addresses.keys()].map((address) => this.cluster.expectedOwner(address));
    const owner = owners.find((node) => node !== undefined);
    if (owner !== undefined && this.dice.onceIn(2)) await this.#seesNobody(owner);
    else await this.#seesNoApi();
  }

  /** Neither the API nor the others, or no more than half of them. */
  async #seesNobody(owner: SimNode): Promise<void> {
    const cluster = this.cluster;
    const others = this.dice.shuffled(cluster.nodes.filter((node) => node !== owner));
    const withIt = others.slice(0, this.dice.below(Math.floor(cluster.nodes.length / 2)));
    const apart = new Map([owner, ...withIt].map(({ name }) => [name, 1]));
    cluster.weather(`divided for datagrams: ${[...apart.keys()].join(", ")} from the rest`, { datagramGroups: apart });
    for (const name of apart.keys()) cluster.setLineUp(name, false);
    await cluster.pass(CUT_OFF_MS_MAX + 1500);
    for (const name of apart.keys()) cluster.setLineUp(name, true);
    cluster.weather("fine weather", {});
    await cluster.recover();
  }

  /** All others are there: everybody goes on. */
  async #seesNoApi(): Promise<void> {
    const cluster = this.cluster;
    // Who is dead is missed as one that cannot be reached.
    const gone = cluster.nodes.filter(({ process }) => process === "none");
    for (const { name } of gone) cluster.start(name);
    if (gone.length > 0) await cluster.pass(cluster.settledMs);
    const goesOn = noSilence(cluster);
    cluster.checkers.push(goesOn);
    cluster.setApiUp(false);
    await cluster.pass(10_000);
    cluster.setApiUp(true);
    cluster.checkers.splice(cluster.checkers.indexOf(goesOn), 1);
    await cluster.recover();
  }
}
