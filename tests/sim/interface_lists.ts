/** Nodes with two interfaces on two segments, and advertisements that name other interfaces for one zone than for the other. */
import { ZONES } from "./api_cluster.ts";
import { Extra } from "./extra.ts";
import type { InterfaceList } from "./truth.ts";

const LISTS: readonly InterfaceList[] = ["all", ["eth0"], ["eth1"], ["eth0", "eth1"]];

export class InterfaceLists extends Extra {
  override async furnish(): Promise<void> {
    await this.#advertise();
  }

  override async strike(): Promise<void> {
    if (this.dice.onceIn(3)) return await this.#advertise();
    const node = this.dice.pick(this.cluster.nodes);
    const { name, links } = node;
    // Who has no way for datagrams either has lost both.
    if (this.cluster.network.isolated.has(node)) return;
    this.cluster.setSecondCarrier(name, !links[1]!.hasCarrier);
  }

  /** Some cables stay where they are. */
  override calm(): void {
    for (const node of this.cluster.nodes) {
      const { name, links } = node;
      if (this.cluster.network.isolated.has(node)) continue;
      if (!links[1]!.hasCarrier && this.dice.onceIn(2)) this.cluster.setSecondCarrier(name, true);
    }
  }

  override async encore(): Promise<void> {
    await this.#advertise();
  }

  async #advertise(): Promise<void> {
    const interfaces = new Map(ZONES.map((zone) => [zone, this.dice.pick(LISTS)]));
    await this.cluster.advertise({ interfaces });
  }
}
