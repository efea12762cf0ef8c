/**
 * Tells the segment that an address is here now: bursts of gratuitous ARP or unsolicited neighbour advertisements after
 * a take-over.
 *
 * The schedule is MetalLB's (reference §6.5): one burst at once and four more, 1.1 s apart, within 5 s. A burst is two
 * ARP frames per interface, the request and the reply form: Linux takes the first for an existing entry and the second
 * only when its target hardware address is the sender's (wire-facts §5.2). The 1.1 s lie above Linux's `locktime` of one
 * second, in which it refuses to change an entry, so that the repeat reaches who refused the first. For IPv6 it is one
 * advertisement per interface; Linux takes it at any time.
 *
 * Frames are paced, so that the take-over of thousands of addresses floods neither the switches' control planes nor our own
 * queue: after a first handful, twenty a millisecond and interface (13 Mbit/s on the wire; five thousand addresses in half
 * a second), and five for repeats, which only reach whoever missed the first. First bursts go before repeats and
 * otherwise in the order of the take-overs; a burst that does not fit goes on where it stopped, and the interval begins
 * when its last interface was told, so that it is never shorter for any.
 *
 * An interface that comes later is told everything by bursts of its own, behind the first bursts of take-overs and at the
 * rate of one interface. The neighbours on the others hear nothing of it.
 *
 * After that there is silence, unless the operator wants everything told again now and then, at the rate of repeats.
 *
 * It does not withdraw anything: there is no "address gone" in either protocol.
 */
import { Agenda } from "../../base/agenda.ts";
import { formatPacketIp, type Ipv4, type Ipv6, isIpv6 } from "../../base/ip.ts";
import type { Json } from "../../base/json.ts";
import { type Deadline, earlier, type Machine, type Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import type { Millis } from "../../base/time.ts";
import { TokenBucket } from "../../base/token_bucket.ts";
import type { ArpRecord } from "../../wire/arp.ts";
import { gratuitousReply, gratuitousRequest } from "../../wire/arp_frames.ts";
import type { NdpRecord } from "../../wire/ndp.ts";
import { unsolicitedAdvertisement } from "../../wire/ndp_frames.ts";
import { allowsInterface, hasNeighbourDiscovery, type InterfaceChange, type L2Interface } from "./interface.ts";

export type GratuitousInput =
  | InterfaceChange
  /** Starts the bursts anew, or a single one, also for an address that is announced already. */
  | {
    readonly kind: "announce";
    readonly ip: Ipv4 | Ipv6;
    readonly interfaces: "all" | readonly string[];
    readonly once: boolean;
  }
  /** The whole schedule again, but no sooner than one interval after the last burst: whatever asks for it, and however
   * often, there is no storm. */
  | { readonly kind: "repeat"; readonly ip: Ipv4 | Ipv6 }
  | { readonly kind: "withdraw"; readonly ip: Ipv4 | Ipv6 };

export type GratuitousEffect =
  | { readonly kind: "sendArp"; readonly ip: Ipv4; readonly ifindex: number; readonly record: ArpRecord }
  | { readonly kind: "sendNdp"; readonly ip: Ipv6; readonly ifindex: number; readonly record: NdpRecord };

/** What an operator may set. */
export interface GratuitousSchedule {
  /** How many bursts follow a take-over, the first one included. */
  readonly bursts?: number;
  readonly intervalMs?: number;
  /** How long everything is at rest before all of it is told once more; 0: for ever. */
  readonly refreshMs?: number;
}

export interface GratuitousOptions extends GratuitousSchedule {
  /** For each interface. */
  readonly firstFramesPerMs?: number;
  readonly repeatFramesPerMs?: number;
}

/** At once after a rest, and per millisecond however many interfaces there are: packets and deadlines get their turn. */
const FIRST_FRAMES_MAX = 256;
const REPEAT_FRAMES_MAX = 64;

type Ip = Ipv4 | Ipv6;
type Interfaces = "all" | readonly string[];
/** What one burst tells. */
type Tellings = Iterator<readonly [Ip, L2Interface], void>;

/** The bursts for one address everywhere, for everything on one interface that is new, or for everything now and then. */
interface Round {
  /** Of rounds for everything: what all may have together is too much for one interface, and others have their turn. */
  readonly bucket: TokenBucket | undefined;
  begin: () => Tellings;
  readonly end: () => void;
  readonly pauseMs: Millis;
  burstsLeft: number;
  /** What the burst under way has not told yet; `undefined` between two bursts. */
  untold: Tellings | undefined;
}

export class Gratuitous implements Machine<GratuitousInput, GratuitousEffect> {
  readonly #options: Required<GratuitousOptions>;
  readonly #interfaces = new Map<number, L2Interface>();
  /** What neighbours on a new interface must hear of, and where; a single announcement is made and forgotten. */
  readonly #announced = new Map<Ip, Interfaces>();
  /** The rounds that are not over, each in one of the three agendas. */
  readonly #ofAddress = new Map<Ip, Round>();
  readonly #ofNewcomer = new Map<number, Round & { readonly onlyIpv6: boolean }>();
  /** First bursts of addresses, which wait for their turn or for the rest of it. */
  readonly #first = new Agenda<Round>();
  /** First bursts on new interfaces. */
  readonly #firstOfNewcomer = new Agenda<Round>();
  /** The refreshing round as well, which is never over. */
  readonly #repeating = new Agenda<Round>();
  #refreshing = false;
  readonly #effects = new Queue<GratuitousEffect>();
  readonly #firstBucket: TokenBucket;
  readonly #repeatBucket: TokenBucket;

  constructor(options: GratuitousOptions = {}) {
    this.#options = {
      intervalMs: 1100,
      bursts: 5,
      refreshMs: 0,
      firstFramesPerMs: 20,
      repeatFramesPerMs: 5,
      ...options,
    };
    const { firstFramesPerMs, repeatFramesPerMs } = this.#options;
    this.#firstBucket = new TokenBucket({ perMs: firstFramesPerMs, burst: FIRST_FRAMES_MAX });
    this.#repeatBucket = new TokenBucket({ perMs: repeatFramesPerMs, burst: REPEAT_FRAMES_MAX });
  }

  handle(input: GratuitousInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "announce":
        if (!input.once) this.#announced.set(input.ip, input.interfaces);
        this.#refreshLater(now);
        this.#startAddress(input.ip, { ...input, bursts: input.once ? 1 : this.#options.bursts }, now);
        return this.#serve(now);
      // The segment can ask for many of these at a time: they only queue, and the next tick serves them.
      case "repeat":
        return this.#repeat(input.ip, now);
      case "withdraw":
        this.#announced.delete(input.ip);
        return this.#end(this.#ofAddress, input.ip);
      case "interface":
        return this.#changeInterface(input.interface, now);
      case "interfaceGone":
        this.#interfaces.delete(input.ifindex);
        this.#end(this.#ofNewcomer, input.ifindex);
        return this.#setRates(now);
      case "tick":
        return this.#serve(now);
    }
  }

  poll(): GratuitousEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    const opensAt = this.#firstBucket.opensAt();
    const first = earlier(nextOf(this.#first, opensAt), nextOf(this.#firstOfNewcomer, opensAt));
    return earlier(first, nextOf(this.#repeating, this.#repeatBucket.opensAt()));
  }

  inspect(): Json {
    const picture = (round: Round) => ({ burstsLeft: round.burstsLeft, nextAt: this.#nextAt(round) });
    return [
      ...[...this.#ofAddress].map(([ip, round]) => ({ address: formatPacketIp(ip), ...picture(round) })),
      ...[...this.#ofNewcomer].map(([ifindex, round]) => ({ newInterface: ifindex, ...picture(round) })),
    ];
  }

  #nextAt(round: Round): Millis | null {
    if (round.burstsLeft === 0) return null;
    return this.#first.at(round) ?? this.#firstOfNewcomer.at(round) ?? this.#repeating.at(round) ?? null;
  }

  #startAddress(ip: Ip, { interfaces, bursts }: { interfaces: Interfaces; bursts: number }, now: Millis): void {
    this.#end(this.#ofAddress, ip);
    const begin = () => this.#everywhere(ip, interfaces);
    const end = () => this.#end(this.#ofAddress, ip);
    const pauseMs = this.#options.intervalMs;
    const round: Round = { bucket: undefined, begin, end, pauseMs, burstsLeft: bursts, untold: undefined };
    this.#ofAddress.set(ip, round);
    this.#first.set(round, now);
  }

  #repeat(ip: Ip, now: Millis): void {
    const interfaces = this.#announced.get(ip);
    if (interfaces === undefined) return;
    const { bursts } = this.#options;
    const waiting = this.#ofAddress.get(ip);
    if (waiting === undefined) return this.#startAddress(ip, { interfaces, bursts }, now);
    waiting.burstsLeft = bursts;
    // Instead of a single announcement, too, if it is that which waits.
    waiting.begin = () => this.#everywhere(ip, interfaces);
  }

  #startNewcomer(on: L2Interface, { onlyIpv6 }: { onlyIpv6: boolean }, now: Millis): void {
    this.#end(this.#ofNewcomer, on.ifindex);
    if (this.#announced.size === 0) return;
    const bucket = new TokenBucket({ perMs: this.#options.firstFramesPerMs, burst: REPEAT_FRAMES_MAX });
    const begin = () => this.#everything(on, onlyIpv6);
    const end = () => this.#end(this.#ofNewcomer, on.ifindex);
    const { bursts: burstsLeft, intervalMs: pauseMs } = this.#options;
    const round = { bucket, begin, end, pauseMs, burstsLeft, untold: undefined, onlyIpv6 };
    this.#ofNewcomer.set(on.ifindex, round);
    this.#firstOfNewcomer.set(round, now);
  }

  /** For switches and neighbours that forget, or that did not hear any of the first bursts. */
  #refreshLater(now: Millis): void {
    const { refreshMs: pauseMs, repeatFramesPerMs: perMs } = this.#options;
    if (pauseMs === 0 || this.#refreshing) return;
    this.#refreshing = true;
    const bucket = new TokenBucket({ perMs, burst: REPEAT_FRAMES_MAX });
    const begin = () => this.#everythingEverywhere();
    const round: Round = { bucket, begin, end: () => {}, pauseMs, burstsLeft: Infinity, untold: undefined };
    this.#repeating.set(round, now + pauseMs);
  }

  #end<Key>(rounds: Map<Key, Round>, key: Key): void {
    const round = rounds.get(key);
    if (round === undefined) return;
    rounds.delete(key);
    for (const agenda of [this.#first, this.#firstOfNewcomer, this.#repeating]) agenda.delete(round);
  }

  /** As much as is due and allowed now. */
  #serve(now: Millis): void {
    this.#serveFrom(this.#first, this.#firstBucket, now);
    this.#serveFrom(this.#firstOfNewcomer, this.#firstBucket, now);
    this.#serveFrom(this.#repeating, this.#repeatBucket, now);
  }

  #serveFrom(due: Agenda<Round>, bucket: TokenBucket, now: Millis): void {
    // A burst puts its round at a later time, so the loop comes to an end.
    for (let next; (next = due.next()) !== undefined && next.at <= now;) {
      const round = next.key;
      if (round.burstsLeft === 0 && round.untold === undefined) {
        round.end();
        continue;
      }
      if (!bucket.isOpen(now)) return;
      if (this.#burst(round, bucket, now)) {
        due.delete(round);
        round.bucket?.setRate(this.#options.repeatFramesPerMs, now);
        // Also after the last burst: whoever asks to repeat it waits for an interval.
        this.#repeating.set(round, now + round.pauseMs);
      } else if (round.bucket?.isOpen(now) === false) {
        due.set(round, round.bucket.opensAt());
      }
    }
  }

  /** Begins a burst or goes on with it. False when no more frames may be sent before everything is told. */
  #burst(round: Round, bucket: TokenBucket, now: Millis): boolean {
    let frames = 0;
    const begins = round.untold === undefined;
    if (begins) round.burstsLeft--;
    round.untold ??= round.begin();
    while (bucket.isOpen(now) && round.bucket?.isOpen(now) !== false) {
      const next = round.untold.next();
      if (next.done === true) {
        round.untold = undefined;
        // An address that is announced nowhere costs time as well.
        if (begins && frames === 0) bucket.spend(1, now);
        return true;
      }
      const told = this.#tell(...next.value);
      bucket.spend(told, now);
      round.bucket?.spend(told, now);
      frames += told;
    }
    return false;
  }

  /** How many frames that took. */
  #tell(ip: Ip, on: L2Interface): number {
    const { ifindex, mac } = on;
    if (isIpv6(ip)) {
      if (!hasNeighbourDiscovery(on)) return 0;
      this.#effects.push({ kind: "sendNdp", ip, ifindex, record: unsolicitedAdvertisement(mac, ip) });
      return 1;
    }
    this.#effects.push({ kind: "sendArp", ip, ifindex, record: gratuitousRequest(mac, ip) });
    this.#effects.push({ kind: "sendArp", ip, ifindex, record: gratuitousReply(mac, ip) });
    return 2;
  }

  *#everywhere(ip: Ip, interfaces: Interfaces): Generator<readonly [Ip, L2Interface], void> {
    for (const on of this.#interfaces.values()) if (allowsInterface(interfaces, on.name)) yield [ip, on];
  }

  *#everything(on: L2Interface, onlyIpv6: boolean): Generator<readonly [Ip, L2Interface], void> {
    for (const [ip, interfaces] of this.#announced) {
      if (allowsInterface(interfaces, on.name) && (isIpv6(ip) || !onlyIpv6)) yield [ip, on];
    }
  }

  *#everythingEverywhere(): Generator<readonly [Ip, L2Interface], void> {
    for (const on of this.#interfaces.values()) yield* this.#everything(on, false);
  }

  #setRates(now: Millis): void {
    const { firstFramesPerMs, repeatFramesPerMs } = this.#options;
    const count = Math.max(1, this.#interfaces.size);
    this.#firstBucket.setRate(Math.min(firstFramesPerMs * count, FIRST_FRAMES_MAX), now);
    this.#repeatBucket.setRate(Math.min(repeatFramesPerMs * count, REPEAT_FRAMES_MAX), now);
  }

  /**
   * An interface that appears, or gets another MAC, has neighbours that know nothing of us. The same for IPv6 when it has
   * its link-local address, which takes the kernel a second or two longer.
   */
  #changeInterface(on: L2Interface, now: Millis): void {
    const known = this.#interfaces.get(on.ifindex);
    this.#interfaces.set(on.ifindex, on);
    this.#setRates(now);
    const isSame = known !== undefined && known.mac === on.mac && known.name === on.name;
    if (!isSame) this.#startNewcomer(on, { onlyIpv6: false }, now);
    else if (known.linkLocal !== on.linkLocal) {
      const running = this.#ofNewcomer.get(on.ifindex);
      this.#startNewcomer(on, { onlyIpv6: running?.onlyIpv6 ?? true }, now);
    }
  }
}

/** When the first one in turn is due, if frames may be sent then. */
function nextOf(due: Agenda<Round>, opensAt: Millis): Deadline | undefined {
  const next = due.next();
  return next === undefined ? undefined : { at: Math.max(next.at, opensAt), why: "announcements" };
}
