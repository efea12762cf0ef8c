/** A router that must answer, and nodes whose link is up but does not lead there. */
import type { ApiCluster } from "./api_cluster.ts";
import type { Dice } from "./dice.ts";
import { Extra } from "./extra.ts";
import { ROUTER_ADDRESSES } from "./router.ts";

/** Three questions without an answer, and what is between two of them. */
const JUDGED_MS_MAX = 2000;

export class LinkProbes extends Extra {
  constructor(cluster: ApiCluster, deps: { readonly dice: Dice }) {
    super(cluster, deps);
    cluster.settledMs += JUDGED_MS_MAX;
  }

  override async furnish(): Promise<void> {
    await this.#advertise();
  }

  override async strike(): Promise<void> {
    const nodes = this.cluster.nodes.map(({ name }) => name);
    switch (this.dice.below(4)) {
      case 0:
        return await this.#advertise();
      case 1:
        return this.cluster.hideRouter(nodes, { hidden: this.dice.onceIn(2) });
      default:
        return this.cluster.hideRouter(this.dice.some(nodes, 1), { hidden: this.dice.onceIn(2) });
    }
  }

  /** Some links go on leading nowhere. */
  override calm(): void {
    const { nodes } = this.cluster;
    const hidden = nodes.filter((node) => !this.cluster.routerAnswers(node)).map(({ name }) => name);
    const again = this.dice.some(hidden);
    if (again.length > 0) this.cluster.hideRouter(again, { hidden: false });
  }

  /** The link of an owner comes to lead nowhere, and is put right again. */
  override async encore(): Promise<void> {
    const cluster = this.cluster;
    const owners = [...cluster.addresses.keys()].flatMap((address) => cluster.expectedOwner(address) ?? []);
    if (owners.length === 0) return;
    const { name } = this.dice.pick(owners);
    cluster.hideRouter([name], { hidden: true });
    await cluster.pass(cluster.settledMs + 300);
    cluster.hideRouter([name], { hidden: false });
  }

  async #advertise(): Promise<void> {
    await this.cluster.advertise({ linkProbes: this.dice.some(ROUTER_ADDRESSES, 1).sort() });
  }
}
