/**
 * One Ethernet segment around one switch, and the UDP network that the same wires carry.
 *
 * A frame takes the delay of its sender's port to the switch and that of the receiver's port from there, so no receiver
 * can hear two frames in another order than a third one, as on a real switch. Datagrams take some time more, each its own.
 */
import type { Mac } from "../../lib/base/mac.ts";
import { MAC_BROADCAST } from "../../lib/base/mac.ts";
import type { Rng } from "../../lib/base/rng.ts";
import type { WatchMessage } from "../../lib/protocol/watch/message.ts";
import type { ArpRecord } from "../../lib/wire/arp.ts";
import type { VirtualTime } from "./virtual_time.ts";

export interface Station {
  readonly name: string;
  readonly mac: Mac;
  /** Where its datagrams come from and go to. */
  readonly address: string;
  onArp(record: ArpRecord): void;
  onWatch?(message: WatchMessage, from: string): void;
}

/** What keeps something from arriving. */
export interface Weather {
  /** Share of frames lost, per receiver. */
  frameLoss: number;
  datagramLoss: number;
  /** Stations of different groups do not hear each other; whoever is not named is in group 0. */
  frameGroups: ReadonlyMap<string, number>;
  datagramGroups: ReadonlyMap<string, number>;
}

export const FINE: Readonly<Weather> = {
  frameLoss: 0,
  datagramLoss: 0,
  frameGroups: new Map(),
  datagramGroups: new Map(),
};

export class Network {
  weather: Readonly<Weather> = FINE;
  /** Hears every frame when it is sent, whatever becomes of it. */
  onFrame: (from: Station, record: ArpRecord) => void = () => {};
  readonly #stations: Station[] = [];
  readonly #portDelayMs = new Map<Station, number>();
  readonly #time: VirtualTime;
  readonly #rng: Rng;

  constructor(deps: { time: VirtualTime; rng: Rng }) {
    this.#time = deps.time;
    this.#rng = deps.rng;
  }

  join(station: Station): void {
    this.#stations.push(station);
    this.#portDelayMs.set(station, 0.01 + this.#chance() * 1.5);
  }

  sendArp(from: Station, record: ArpRecord): void {
    this.onFrame(from, record);
    for (const to of this.#stations) {
      if (to === from || (record.etherDestination !== MAC_BROADCAST && record.etherDestination !== to.mac)) continue;
      if (!sameGroup(this.weather.frameGroups, from, to) || this.#chance() < this.weather.frameLoss) continue;
      this.#time.after(this.#delayMs(from, to), () => to.onArp(record));
    }
  }

  sendWatch(from: Station, address: string, message: WatchMessage): void {
    const to = this.#stations.find((station) => station.address === address);
    if (to === undefined || !sameGroup(this.weather.datagramGroups, from, to)) return;
    if (this.#chance() < this.weather.datagramLoss) return;
    this.#time.after(this.#delayMs(from, to) + this.#chance() * 3, () => to.onWatch?.(message, from.address));
  }

  #delayMs(from: Station, to: Station): number {
    return this.#portDelayMs.get(from)! + this.#portDelayMs.get(to)!;
  }

  #chance(): number {
    return this.#rng.u32() / 2 ** 32;
  }
}

function sameGroup(groups: ReadonlyMap<string, number>, a: Station, b: Station): boolean {
  return (groups.get(a.name) ?? 0) === (groups.get(b.name) ?? 0);
}
