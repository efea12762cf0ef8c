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
import { allowsInterface, hasNeighbourDiscovery, type L2Interface } from "./interface.ts";

export type GratuitousInput =
  | { readonly kind: "interface"; readonly interface: L2Interface }
  | { readonly kind: "interfaceGone"; readonly ifindex: number }
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

export interface GratuitousOptions {
  readonly intervalMs?: number;
  /** How many bursts follow a take-over, the first one included. */
  readonly bursts?: number;
  /** For each interface. */
  readonly firstFramesPerMs?: number;
  readonly repeatFramesPerMs?: number;
}

/** At once after a rest, and per millisecond however many interfaces there are: packets and deadlines get their turn. */
const FIRST_FRAMES_MAX = 256;
const REPEAT_FRAMES_MAX = 64;

interface Announced {
  readonly interfaces: "all" | readonly string[];
  /** Interfaces that the bursts go to, by ifindex, as far as the address is announced there. */
  targets: "all" | ReadonlySet<number>;
  burstsLeft: number;
  /** Interfaces that the burst under way has not told yet; `undefined` between two bursts. */
  untold: Iterator<L2Interface> | undefined;
}

export class Gratuitous implements Machine<GratuitousInput, GratuitousEffect> {
  readonly #options: Required<GratuitousOptions>;
  readonly #interfaces = new Map<number, L2Interface>();
  /** What neighbours on a new interface must hear of; a single announcement is made and forgotten. */
  readonly #announced = new Map<Ipv4 | Ipv6, Announced>();
  /** Everything that is in one of the two agendas. */
  readonly #scheduled = new Map<Ipv4 | Ipv6, Announced>();
  /** Addresses whose first burst waits for its turn, or for the rest of it. */
  readonly #first = new Agenda<Ipv4 | Ipv6>();
  /** Addresses after their first burst. */
  readonly #repeating = new Agenda<Ipv4 | Ipv6>();
  readonly #effects = new Queue<GratuitousEffect>();
  readonly #firstPacer: TokenBucket;
  readonly #repeatPacer: TokenBucket;

  constructor(options: GratuitousOptions = {}) {
    this.#options = { intervalMs: 1100, bursts: 5, firstFramesPerMs: 20, repeatFramesPerMs: 5, ...options };
    const { firstFramesPerMs, repeatFramesPerMs } = this.#options;
    this.#firstPacer = new TokenBucket({ perMs: firstFramesPerMs, burst: FIRST_FRAMES_MAX });
    this.#repeatPacer = new TokenBucket({ perMs: repeatFramesPerMs, burst: REPEAT_FRAMES_MAX });
  }

  handle(input: GratuitousInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "announce":
        this.#start(input.ip, { interfaces: input.interfaces, targets: "all", once: input.once }, now);
        return this.#serve(now);
      // The segment can ask for many of these at a time: they only queue, and the next tick serves them.
      case "repeat":
        return this.#repeat(input.ip, now);
      case "withdraw":
        this.#announced.delete(input.ip);
        this.#unschedule(input.ip);
        return;
      case "interface":
        return this.#changeInterface(input.interface, now);
      case "interfaceGone":
        this.#interfaces.delete(input.ifindex);
        return this.#setRates(now);
      case "tick":
        return this.#serve(now);
    }
  }

  poll(): GratuitousEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    return earlier(
      nextOf(this.#first, this.#firstPacer.opensAt()),
      nextOf(this.#repeating, this.#repeatPacer.opensAt()),
    );
  }

  inspect(): Json {
    return [...this.#scheduled].map(([ip, { burstsLeft }]) => ({
      address: formatPacketIp(ip),
      burstsLeft,
      nextAt: burstsLeft > 0 ? this.#first.at(ip) ?? this.#repeating.at(ip) ?? null : null,
    }));
  }

  #start(
    ip: Ipv4 | Ipv6,
    { once, ...where }: Pick<Announced, "interfaces" | "targets"> & { once: boolean },
    now: Millis,
  ): void {
    const burstsLeft = once ? 1 : this.#options.bursts;
    const announced: Announced = { ...where, burstsLeft, untold: undefined };
    if (!once) this.#announced.set(ip, announced);
    this.#unschedule(ip);
    this.#scheduled.set(ip, announced);
    this.#first.set(ip, now);
  }

  #unschedule(ip: Ipv4 | Ipv6): void {
    this.#scheduled.delete(ip);
    this.#first.delete(ip);
    this.#repeating.delete(ip);
  }

  #repeat(ip: Ipv4 | Ipv6, now: Millis): void {
    const announced = this.#announced.get(ip);
    if (announced === undefined) return;
    announced.burstsLeft = this.#options.bursts;
    announced.targets = "all";
    const isWaiting = this.#scheduled.has(ip);
    // Instead of a single announcement, too, if it is that which waits.
    this.#scheduled.set(ip, announced);
    if (!isWaiting) this.#first.set(ip, now);
  }

  /** As much as is due and allowed now. */
  #serve(now: Millis): void {
    this.#serveFrom(this.#first, this.#firstPacer, now);
    this.#serveFrom(this.#repeating, this.#repeatPacer, now);
  }

  #serveFrom(due: Agenda<Ipv4 | Ipv6>, pacer: TokenBucket, now: Millis): void {
    // A burst puts its address at a later time, so the loop comes to an end.
    for (let next; (next = due.next()) !== undefined && next.at <= now;) {
      const ip = next.key;
      const announced = this.#scheduled.get(ip)!;
      if (announced.burstsLeft === 0 && announced.untold === undefined) {
        this.#unschedule(ip);
        continue;
      }
      if (!this.#burst(ip, announced, { pacer, now })) return;
      due.delete(ip);
      // Also after the last burst: whoever asks to repeat it waits for an interval.
      this.#repeating.set(ip, now + this.#options.intervalMs);
    }
  }

  /** Begins a burst or goes on with it. False when no more frames may be sent before all interfaces are told. */
  #burst(ip: Ipv4 | Ipv6, announced: Announced, { pacer, now }: { pacer: TokenBucket; now: Millis }): boolean {
    if (!pacer.isOpen(now)) return false;
    let frames = 0;
    const begins = announced.untold === undefined;
    if (begins) announced.burstsLeft--;
    announced.untold ??= announced.targets === "all" ? this.#interfaces.values() : this.#these(announced.targets);
    while (pacer.isOpen(now)) {
      const next = announced.untold.next();
      if (next.done === true) {
        announced.untold = undefined;
        // An address that is announced nowhere costs time as well.
        if (begins && frames === 0) pacer.spend(1, now);
        return true;
      }
      const told = this.#tell(ip, announced, next.value);
      pacer.spend(told, now);
      frames += told;
    }
    return false;
  }

  /** How many frames that took. */
  #tell(ip: Ipv4 | Ipv6, announced: Announced, on: L2Interface): number {
    const { ifindex, mac, name } = on;
    if (!allowsInterface(announced.interfaces, name)) return 0;
    if (isIpv6(ip)) {
      if (!hasNeighbourDiscovery(on)) return 0;
      this.#effects.push({ kind: "sendNdp", ip, ifindex, record: unsolicitedAdvertisement(mac, ip) });
      return 1;
    }
    this.#effects.push({ kind: "sendArp", ip, ifindex, record: gratuitousRequest(mac, ip) });
    this.#effects.push({ kind: "sendArp", ip, ifindex, record: gratuitousReply(mac, ip) });
    return 2;
  }

  #setRates(now: Millis): void {
    const { firstFramesPerMs, repeatFramesPerMs } = this.#options;
    const count = Math.max(1, this.#interfaces.size);
    this.#firstPacer.setRate(Math.min(firstFramesPerMs * count, FIRST_FRAMES_MAX), now);
    this.#repeatPacer.setRate(Math.min(repeatFramesPerMs * count, REPEAT_FRAMES_MAX), now);
  }

  *#these(targets: ReadonlySet<number>): Generator<L2Interface, void> {
    for (const ifindex of targets) {
      const on = this.#interfaces.get(ifindex);
      if (on !== undefined) yield on;
    }
  }

  /**
   * An interface that appears, or gets another MAC, has neighbours that know nothing of us: they are told everything, and
   * the neighbours on the others nothing that they were not being told anyway. The same for IPv6 when it has its
   * link-local address, which takes the kernel a second or two longer.
   */
  #changeInterface(on: L2Interface, now: Millis): void {
    const known = this.#interfaces.get(on.ifindex);
    this.#interfaces.set(on.ifindex, on);
    this.#setRates(now);
    const isSame = known !== undefined && known.mac === on.mac && known.name === on.name;
    const isSameForIpv6 = isSame && known.linkLocal === on.linkLocal;
    if (isSameForIpv6) return;
    for (const [ip, { interfaces, targets, burstsLeft, untold }] of this.#announced) {
      if (isSame && !isIpv6(ip)) continue;
      if (!allowsInterface(interfaces, on.name)) continue;
      const isAtRest = burstsLeft === 0 && untold === undefined;
      const others = isAtRest ? [] : targets;
      const all = others === "all" ? others : new Set([...others, on.ifindex]);
      this.#start(ip, { interfaces, targets: all, once: false }, now);
    }
  }
}

/** When the first one in turn is due, if frames may be sent then. */
function nextOf(due: Agenda<Ipv4 | Ipv6>, opensAt: Millis): Deadline | undefined {
  const next = due.next();
  return next === undefined ? undefined : { at: Math.max(next.at, opensAt), why: "announcements" };
}
