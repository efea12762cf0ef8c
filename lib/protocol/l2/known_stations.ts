/**
 * Who is who on the segment, by hardware address: this node, the other speakers, strangers.
 *
 * Claims of other speakers belong to elections and hand-overs; only a stranger's claim is a conflict. A speaker is known by
 * what it told us itself, and by the frames of its node's own address, which is all that a MetalLB speaker gives us.
 * What was known of a node outlives it for a while, since a successor meets its frames after it is gone.
 */
import type { Mac } from "../../base/mac.ts";
import type { Millis } from "../../base/time.ts";

/** A node has an interface or two; a hundred nodes with thirty-two each fit. */
const STATIONS_MAX = 4096;
const FORGET_MS = 10 * 60_000;
/** A new peer that lives and is on the segment was heard or has answered by then. */
const EXPECT_MS = 5_000;

interface Station {
  readonly node: string;
  /** `undefined` while the node is a peer. */
  goneAt: Millis | undefined;
}

export class KnownStations {
  readonly #own = new Map<number, Mac>();
  readonly #ownMacs = new Set<Mac>();
  /** The one that was told last is at the end. */
  readonly #stations = new Map<Mac, Station>();
  /** New peers that nothing is known of, with the time until which one of them may be whoever we do not know. */
  readonly #expected = new Map<string, Millis>();

  setOwn(ifindex: number, mac: Mac | undefined): void {
    if (mac === undefined) this.#own.delete(ifindex);
    else this.#own.set(ifindex, mac);
    this.#ownMacs.clear();
    for (const known of this.#own.values()) this.#ownMacs.add(known);
  }

  isOwn(mac: Mac): boolean {
    return this.#ownMacs.has(mac);
  }

  /** The node says, or shows, that it has an interface with this address. True when that is news. */
  learn(node: string, mac: Mac): boolean {
    this.#expected.delete(node);
    const known = this.#stations.get(mac);
    if (known?.node === node && known.goneAt === undefined) return false;
    this.#stations.delete(mac);
    this.#stations.set(mac, { node, goneAt: undefined });
    if (this.#stations.size > STATIONS_MAX) this.#stations.delete(this.#stations.keys().next().value!);
    return true;
  }

  /** The node is a peer from now on, and will be heard if it lives. */
  expect(node: string, now: Millis): void {
    if (!this.knows(node)) this.#expected.set(node, now + EXPECT_MS);
  }

  /** True while a station that we do not know may be a peer that we do not know yet. */
  isExpecting(now: Millis): boolean {
    for (const [node, until] of this.#expected) {
      if (now < until) return true;
      this.#expected.delete(node);
    }
    return false;
  }

  /** The node is no peer any more. */
  leave(node: string, now: Millis): void {
    this.#expected.delete(node);
    for (const station of this.#stations.values()) if (station.node === node) station.goneAt ??= now;
  }

  /** Name of the speaker that has this address; `undefined`: a stranger, or not known yet. */
  nodeOf(mac: Mac, now: Millis): string | undefined {
    const station = this.#stations.get(mac);
    if (station === undefined) return undefined;
    if (station.goneAt === undefined || now - station.goneAt <= FORGET_MS) return station.node;
    this.#stations.delete(mac);
    return undefined;
  }

  /** True when an address of that node is known, so that a frame of another one cannot be its. */
  knows(node: string): boolean {
    return this.#stations.values().some((station) => station.node === node);
  }
}
