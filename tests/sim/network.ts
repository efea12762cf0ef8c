/**
 * One Ethernet segment around one switch, and the UDP network that the same wires carry.
 *
 * A frame takes the delay of its sender's port to the switch and that of the receiver's port from there, so in fine
 * weather no receiver can hear two frames in another order than a third one, as on a real switch. Datagrams take some
 * time more, each its own. Bad weather loses, delays, reorders and repeats both.
 */
import { formatIpv4, formatIpv6, IPV6_ALL_NODES } from "../../lib/base/ip.ts";
import { ipv6MulticastMac, isGroupMac, type Mac, MAC_BROADCAST } from "../../lib/base/mac.ts";
import type { Rng } from "../../lib/base/rng.ts";
import type { ArpRecord } from "../../lib/wire/arp.ts";
import { isGratuitous } from "../../lib/wire/arp_frames.ts";
import { NDP_FLAG_SOLICITED } from "../../lib/wire/iana.ts";
import type { NdpRecord } from "../../lib/wire/ndp.ts";
import type { VirtualTime } from "./virtual_time.ts";

export interface Station {
  readonly name: string;
  readonly mac: Mac;
  /** Where its datagrams come from and go to. */
  readonly address: string;
  onArp(record: ArpRecord): void;
  onNdp?(record: NdpRecord): void;
  /** Multicast addresses that its interface listens to, beside that of all nodes. */
  readonly groups?: ReadonlySet<Mac>;
}

/** What a frame says about an address. */
export interface Spoken {
  /** Canonical text. */
  readonly address: string;
  /** It is told to everybody, unasked. */
  readonly isAnnouncement: boolean;
}

/** What a datagram says of who answers for something. */
export type Word = "givenUp" | "claimed";

const ALL_NODES_MAC = ipv6MulticastMac(IPV6_ALL_NODES);

/** What keeps something from arriving, or from arriving as it was sent. */
export interface Weather {
  /** Share of frames lost, per receiver. */
  frameLoss: number;
  datagramLoss: number;
  /** Share lost of the datagrams that only say who answers for what. */
  wordLoss: number;
  /** Which of those: what somebody gives up, what somebody claims, or both. */
  lostWords: "givenUp" | "claimed" | "all";
  /** Share of both that arrive twice. */
  duplication: number;
  /** Up to this much is added to the way of each, so that they overtake each other. */
  jitterMs: number;
  /** Stations of different groups do not hear each other; whoever is not named is in group 0. */
  frameGroups: ReadonlyMap<string, number>;
  datagramGroups: ReadonlyMap<string, number>;
  /** `a>b`: b does not hear a, though a may hear b. */
  deafFrames: ReadonlySet<string>;
  deafDatagrams: ReadonlySet<string>;
}

export const FINE: Readonly<Weather> = {
  frameLoss: 0,
  datagramLoss: 0,
  wordLoss: 0,
  lostWords: "all",
  duplication: 0,
  jitterMs: 0,
  frameGroups: new Map(),
  datagramGroups: new Map(),
  deafFrames: new Set(),
  deafDatagrams: new Set(),
};

export class Network {
  weather: Readonly<Weather> = FINE;
  /** Hears every frame that speaks for an address when it comes to the cable, whatever becomes of it. */
  onSpoken: (from: Station, spoken: Spoken) => void = () => {};
  /** Stations whose port to the segment has no link. */
  readonly unplugged = new Set<Station>();
  /** Stations that have no link for datagrams either: a node may have another interface for those. */
  readonly isolated = new Set<Station>();
  readonly #stations: Station[] = [];
  readonly #byAddress = new Map<string, Station>();
  readonly #byMac = new Map<Mac, Station>();
  readonly #portDelayMs = new Map<Station, number>();
  readonly #time: VirtualTime;
  readonly #rng: Rng;

  constructor(deps: { time: VirtualTime; rng: Rng }) {
    this.#time = deps.time;
    this.#rng = deps.rng;
  }

  join(station: Station): void {
    this.#stations.push(station);
    this.#byAddress.set(station.address, station);
    this.#byMac.set(station.mac, station);
    this.#portDelayMs.set(station, 0.01 + this.#chance() * 1.5);
  }

  /** Takes datagrams by the port of `link`, which has joined; frames are the link's. */
  joinForDatagrams(station: Station, link: Station): void {
    this.#byAddress.set(station.address, station);
    this.#portDelayMs.set(station, this.#portDelayMs.get(link)!);
  }

  sendArp(from: Station, record: ArpRecord): void {
    if (this.unplugged.has(from)) return;
    // An address probe asks and says nothing (RFC 5227 §1.1).
    if (record.senderIp !== 0) {
      this.onSpoken(from, { address: formatIpv4(record.senderIp), isAnnouncement: isGratuitous(record) });
    }
    this.carryArp(from, record);
  }

  /** As `sendArp`, for what nobody is to judge. */
  carryArp(from: Station, record: ArpRecord): void {
    if (this.unplugged.has(from)) return;
    if (record.etherDestination !== MAC_BROADCAST) {
      const to = this.#byMac.get(record.etherDestination);
      if (to !== undefined) this.#carry(from, to, () => to.onArp(record));
      return;
    }
    for (const to of this.#stations) this.#carry(from, to, () => to.onArp(record));
  }

  /** A switch that snoops MLD hands a group's frames to its members alone. */
  sendNdp(from: Station, record: NdpRecord): void {
    if (this.unplugged.has(from)) return;
    const { etherDestination, flags, target, type } = record;
    if (type === 136) {
      this.onSpoken(from, { address: formatIpv6(target), isAnnouncement: (flags & NDP_FLAG_SOLICITED) === 0 });
    }
    if (!isGroupMac(etherDestination)) {
      const to = this.#byMac.get(etherDestination);
      if (to !== undefined) this.#carry(from, to, () => to.onNdp?.(record));
      return;
    }
    for (const to of this.#stations) {
      if (etherDestination !== ALL_NODES_MAC && to.groups?.has(etherDestination) !== true) continue;
      this.#carry(from, to, () => to.onNdp?.(record));
    }
  }

  /** Runs `arrive` with whoever has the address, once for each copy that arrives. */
  sendDatagram(
    from: Station,
    { address, word }: { readonly address: string; readonly word?: Word | undefined },
    arrive: (to: Station) => void,
  ): void {
    const to = this.#byAddress.get(address);
    if (to === undefined || !this.reaches(from, to)) return;
    if (word !== undefined && this.#losesWord(word)) return;
    for (let copies = this.#copies(this.weather.datagramLoss); copies > 0; copies--) {
      this.#time.after(this.#delayMs(from, to) + this.#chance() * 3, () => arrive(to));
    }
  }

  /** As a kernel does that keeps a connection: it sends again what was lost. False: the way is closed. */
  sendReliably(from: Station, address: string, arrive: (to: Station) => void): boolean {
    const to = this.#byAddress.get(address);
    if (to === undefined || !this.reaches(from, to) || !this.reaches(to, from)) return false;
    const resentMs = this.#chance() < this.weather.datagramLoss ? 200 : 0;
    this.#time.after(this.#delayMs(from, to) + this.#chance() * 3 + resentMs, () => arrive(to));
    return true;
  }

  #losesWord(word: Word): boolean {
    const { wordLoss, lostWords } = this.weather;
    if (wordLoss === 0 || (lostWords !== "all" && lostWords !== word)) return false;
    return this.#chance() < wordLoss;
  }

  /** Some datagrams of `from` arrive. */
  reaches(from: Station, to: Station): boolean {
    if (this.isolated.has(from) || this.isolated.has(to)) return false;
    const { weather } = this;
    return sameGroup(weather.datagramGroups, from, to) && !isDeaf(weather.deafDatagrams, from, to);
  }

  #carry(from: Station, to: Station, arrive: () => void): void {
    if (to === from || this.unplugged.has(to)) return;
    const { weather } = this;
    if (weather !== FINE) {
      if (!sameGroup(weather.frameGroups, from, to) || isDeaf(weather.deafFrames, from, to)) return;
    }
    for (let copies = this.#copies(weather.frameLoss); copies > 0; copies--) {
      this.#time.after(this.#delayMs(from, to), arrive);
    }
  }

  /** How often it arrives. */
  #copies(loss: number): number {
    if (this.weather === FINE) return 1;
    if (loss > 0 && this.#chance() < loss) return 0;
    return this.weather.duplication > 0 && this.#chance() < this.weather.duplication ? 2 : 1;
  }

  #delayMs(from: Station, to: Station): number {
    const { jitterMs } = this.weather;
    const jitter = jitterMs === 0 ? 0 : this.#chance() * jitterMs;
    return this.#portDelayMs.get(from)! + this.#portDelayMs.get(to)! + jitter;
  }

  #chance(): number {
    return this.#rng.u32() / 2 ** 32;
  }
}

function sameGroup(groups: ReadonlyMap<string, number>, a: Station, b: Station): boolean {
  return groups.size === 0 || (groups.get(a.name) ?? 0) === (groups.get(b.name) ?? 0);
}

function isDeaf(deaf: ReadonlySet<string>, from: Station, to: Station): boolean {
  return deaf.size > 0 && deaf.has(`${from.name}>${to.name}`);
}
