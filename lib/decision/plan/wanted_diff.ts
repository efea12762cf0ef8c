/**
 * What the packet thread was told, and the fewest deltas that bring it up to date.
 *
 * The first call makes the snapshot, which is sent even when it is empty: nothing is announced before a complete one.
 * Each delta is small enough that taking it in never delays a packet for long.
 */
import { sameTexts } from "../../base/text_list.ts";
import {
  DELTA_ENTRIES_MAX,
  sameInterfaces,
  type WantedAddress,
  type WantedDelta,
  type WantedPeer,
} from "../../base/wanted.ts";
import { samePolicy } from "./address_policy.ts";

export class WantedDiff {
  readonly #addresses = new Map<string, WantedAddress>();
  readonly #peers = new Map<string, WantedPeer>();
  #generation = 0;
  #snapshotSent = false;

  /** Generation of the last delta made; 0 before the first. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * The deltas to send, in order; none when nothing changed. `changed` names the addresses that may have changed since
   * the last call: only they are compared. Without it all are.
   */
  next(
    wanted: { addresses: ReadonlyMap<string, WantedAddress>; peers: Iterable<WantedPeer> },
    options: { changed?: Iterable<string> } = {},
  ): WantedDelta[] {
    const builder = new DeltaBuilder();
    const isFirst = !this.#snapshotSent;
    for (const address of isFirst ? wanted.addresses.keys() : options.changed ?? this.#allKeys(wanted.addresses)) {
      const next = wanted.addresses.get(address);
      const previous = this.#addresses.get(address);
      if (next === undefined) {
        if (this.#addresses.delete(address)) builder.part().removeAddresses.push(address);
      } else if (previous === undefined || !sameAddress(previous, next)) {
        this.#addresses.set(address, next);
        builder.part().upsertAddresses.push(next);
      }
    }
    this.#diffPeers(wanted.peers, builder);
    if (isFirst) builder.atLeastOne();
    this.#snapshotSent = true;
    return builder.parts.map((part, index) => ({
      generation: ++this.#generation,
      ...part,
      complete: !isFirst || index === builder.parts.length - 1,
    }));
  }

  #allKeys(addresses: ReadonlyMap<string, WantedAddress>): Set<string> {
    return new Set([...this.#addresses.keys(), ...addresses.keys()]);
  }

  #diffPeers(peers: Iterable<WantedPeer>, builder: DeltaBuilder): void {
    const gone = new Set(this.#peers.keys());
    for (const peer of peers) {
      gone.delete(peer.node);
      const previous = this.#peers.get(peer.node);
      if (previous?.address === peer.address && previous.port === peer.port) continue;
      this.#peers.set(peer.node, peer);
      builder.part().upsertPeers.push(peer);
    }
    for (const node of gone) {
      this.#peers.delete(node);
      builder.part().removePeers.push(node);
    }
  }
}

interface Part {
  readonly upsertAddresses: WantedAddress[];
  readonly removeAddresses: string[];
  readonly upsertPeers: WantedPeer[];
  readonly removePeers: string[];
}

/** Cuts a stream of entries into parts of at most {@linkcode DELTA_ENTRIES_MAX}. */
class DeltaBuilder {
  readonly parts: Part[] = [];
  #room = 0;

  /** The part that the next entry goes to; one entry per call. */
  part(): Part {
    if (this.#room === 0) {
      this.parts.push({ upsertAddresses: [], removeAddresses: [], upsertPeers: [], removePeers: [] });
      this.#room = DELTA_ENTRIES_MAX;
    }
    this.#room--;
    return this.parts.at(-1)!;
  }

  atLeastOne(): void {
    if (this.parts.length > 0) return;
    this.part();
    this.#room = DELTA_ENTRIES_MAX;
  }
}

function sameAddress(a: WantedAddress, b: WantedAddress): boolean {
  return a === b ||
    (sameTexts(a.candidates, b.candidates) && sameTexts(a.services, b.services) &&
      sameInterfaces(a.interfaces, b.interfaces) && sameByNode(a.interfacesByNode, b.interfacesByNode) &&
      samePolicy(a.policy, b.policy));
}

type ByNode = WantedAddress["interfacesByNode"];

function sameByNode(a: ByNode, b: ByNode): boolean {
  if (a === b) return true;
  const [left, right] = [Object.entries(a ?? {}), b ?? {}];
  return left.length === Object.keys(right).length &&
    left.every(([node, interfaces]) => Object.hasOwn(right, node) && sameInterfaces(interfaces, right[node]!));
}
