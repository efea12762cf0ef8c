/**
 * Which solicited-node groups this node is in, on which interface (RFC 4861 §7.2.1): solicitations for an address go to
 * one of these groups, and a switch that snoops MLD sends them only to members.
 *
 * Addresses with the same last 24 bits share a group, so a group is left with the last of them. An interface that
 * appears is joined for everything that is held already.
 *
 * Groups are joined at the take-over and not by every candidate, because the kernel goes through all groups of an
 * interface for every multicast packet of the segment: measured on veth, a frame for somebody else costs 3 us with no
 * group, 6 us with 1,000 and 41 us with 5,000. To join takes 20 to 60 us, and the report of the new member goes out
 * before the first advertisement, which reaches who knew the address in any case.
 */
import { formatIpv6, type Ipv6, solicitedNodeGroup } from "../../base/ip.ts";
import { allowsInterface, hasNeighbourDiscovery, type L2Interface } from "./interface.ts";

export interface GroupChange {
  readonly kind: "joinGroup" | "leaveGroup";
  readonly ifindex: number;
  /** Canonical text. */
  readonly group: string;
}

export class SolicitedNodeGroups {
  readonly #interfaces = new Map<number, L2Interface>();
  readonly #held = new Map<Ipv6, "all" | readonly string[]>();
  /** Interface to group to how many addresses need it. */
  readonly #joined = new Map<number, Map<Ipv6, number>>();

  /** Answered or listened for; also when only its interfaces changed. */
  hold(ip: Ipv6, interfaces: "all" | readonly string[]): GroupChange[] {
    const before = this.#held.get(ip);
    this.#held.set(ip, interfaces);
    const changes: GroupChange[] = [];
    for (const on of this.#interfaces.values()) {
      const was = before !== undefined && allowsInterface(before, on.name);
      if (was !== allowsInterface(interfaces, on.name)) changes.push(...was ? this.#leave(on, ip) : this.#join(on, ip));
    }
    return changes;
  }

  release(ip: Ipv6): GroupChange[] {
    const interfaces = this.#held.get(ip);
    if (interfaces === undefined) return [];
    this.#held.delete(ip);
    return [...this.#interfaces.values()].filter(({ name }) => allowsInterface(interfaces, name))
      .flatMap((on) => this.#leave(on, ip));
  }

  /** An interface appeared or has other facts; without a link-local address it has no neighbour discovery. */
  setInterface(on: L2Interface): GroupChange[] {
    const known = this.#interfaces.get(on.ifindex);
    if (known?.name === on.name && hasNeighbourDiscovery(on)) return [];
    const left = this.dropInterface(on.ifindex);
    if (!hasNeighbourDiscovery(on)) return left;
    this.#interfaces.set(on.ifindex, on);
    const held = [...this.#held].filter(([, interfaces]) => allowsInterface(interfaces, on.name));
    return [...left, ...held.flatMap(([ip]) => this.#join(on, ip))];
  }

  /** The kernel forgets the groups of an interface that is gone; one that only lost its link keeps them. */
  dropInterface(ifindex: number): GroupChange[] {
    this.#interfaces.delete(ifindex);
    const groups = this.#joined.get(ifindex);
    this.#joined.delete(ifindex);
    return [...groups?.keys() ?? []].map((group) => ({ kind: "leaveGroup", ifindex, group: formatIpv6(group) }));
  }

  #join({ ifindex }: L2Interface, ip: Ipv6): GroupChange[] {
    const group = solicitedNodeGroup(ip);
    let groups = this.#joined.get(ifindex);
    if (groups === undefined) this.#joined.set(ifindex, groups = new Map());
    const count = groups.get(group) ?? 0;
    groups.set(group, count + 1);
    return count > 0 ? [] : [{ kind: "joinGroup", ifindex, group: formatIpv6(group) }];
  }

  #leave({ ifindex }: L2Interface, ip: Ipv6): GroupChange[] {
    const group = solicitedNodeGroup(ip);
    const groups = this.#joined.get(ifindex);
    const count = groups?.get(group) ?? 0;
    if (count > 1) groups!.set(group, count - 1);
    if (count !== 1) return [];
    groups!.delete(group);
    return [{ kind: "leaveGroup", ifindex, group: formatIpv6(group) }];
  }
}
