/**
 * A Linux neighbour cache, as far as it is the same for both families (measured, wire-facts §5.2 and §5.4): an entry is
 * used until it has to be confirmed, then its station is asked, and after three questions without an answer it is gone.
 */
import type { Mac } from "../../lib/base/mac.ts";
import type { Millis } from "../../lib/base/time.ts";
import type { VirtualTime } from "./virtual_time.ts";

const RETRANSMIT_MS = 1000;
const DELAY_FIRST_PROBE_MS = 5000;
const REACHABLE_MS = 30_000;
const UNICAST_PROBES = 3;

export interface Neighbour {
  readonly mac: Mac;
  readonly updatedAt: Millis;
  /** When to ask the station itself whether it still holds the address. */
  probeAt: Millis;
  probes: number;
}

export class NeighbourCache<Address> {
  readonly #entries = new Map<Address, Neighbour>();
  /** When the segment was asked last, for addresses that have no entry. */
  readonly #asked = new Map<Address, Millis>();
  readonly #deps: {
    readonly time: VirtualTime;
    /** Asks the station, or the segment if none is known. */
    readonly ask: (address: Address, station: Mac | undefined) => void;
  };

  constructor(
    deps: { readonly time: VirtualTime; readonly ask: (address: Address, station: Mac | undefined) => void },
  ) {
    this.#deps = deps;
  }

  get(address: Address): Neighbour | undefined {
    return this.#entries.get(address);
  }

  /** True while the segment was asked and has not answered. */
  isAsked(address: Address): boolean {
    return this.#asked.has(address);
  }

  /** Where a packet goes now; asks when that is not known or has to be confirmed. */
  send(address: Address): Mac | undefined {
    const { now } = this.#deps.time;
    const entry = this.#entries.get(address);
    if (entry === undefined) {
      if (now - (this.#asked.get(address) ?? -Infinity) < RETRANSMIT_MS) return undefined;
      this.#asked.set(address, now);
      this.#deps.ask(address, undefined);
      return undefined;
    }
    if (now < entry.probeAt) return entry.mac;
    if (entry.probes === UNICAST_PROBES) {
      this.#entries.delete(address);
      return undefined;
    }
    entry.probes++;
    entry.probeAt = now + RETRANSMIT_MS;
    this.#deps.ask(address, entry.mac);
    return entry.mac;
  }

  /** `confirmed`: the station has answered us; else it only says so of itself. */
  learn(address: Address, { mac, confirmed }: { readonly mac: Mac; readonly confirmed: boolean }): void {
    const { now } = this.#deps.time;
    this.#asked.delete(address);
    const probeAt = now + (confirmed ? REACHABLE_MS : DELAY_FIRST_PROBE_MS);
    this.#entries.set(address, { mac, updatedAt: now, probeAt, probes: 0 });
  }

  /** The entry stays as it is but is believed no longer than a stale one. */
  doubt(address: Address): void {
    const entry = this.#entries.get(address);
    if (entry === undefined || entry.probes > 0) return;
    entry.probeAt = Math.min(entry.probeAt, this.#deps.time.now + DELAY_FIRST_PROBE_MS);
  }
}
