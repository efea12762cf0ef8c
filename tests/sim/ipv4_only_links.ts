/** Interfaces that lose their IPv6 link-local address, by a setting or a duplicate, and get it back. */
import { Extra } from "./extra.ts";
import type { NodeLink } from "./node_link.ts";

export class Ipv4OnlyLinks extends Extra {
  override strike(): void {
    const link = this.dice.pick(this.#links());
    this.cluster.setIpv6(link, !link.hasIpv6);
  }

  /** Some nodes stay without. */
  override calm(): void {
    for (const link of this.#links()) if (!link.hasIpv6 && this.dice.onceIn(2)) this.cluster.setIpv6(link, true);
  }

  /** An owner loses it, and gets it back. */
  override async encore(): Promise<void> {
    const cluster = this.cluster;
    const owners = [...cluster.addresses.keys()].filter((address) => address.includes(":"))
      .flatMap((address) => cluster.expectedOwner(address) ?? []);
    if (owners.length === 0) return;
    const links = this.dice.pick(owners).links.filter(({ hasIpv6 }) => hasIpv6);
    for (const link of links) cluster.setIpv6(link, false);
    await cluster.pass(cluster.settledMs + 300);
    for (const link of links) cluster.setIpv6(link, true);
  }

  #links(): NodeLink[] {
    return this.cluster.nodes.flatMap(({ links }) => links);
  }
}
