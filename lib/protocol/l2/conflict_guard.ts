/**
 * Stands between ownership and the responders, and looks after one thing: that no stranger on the segment has the
 * address that we answer for (RFC 5227 for ARP, RFC 4862 §5.4 for IPv6). Speakers of the cluster are no strangers: what
 * they claim is between them and ownership.
 *
 *     own, cold ── beside ──> tentative ── nobody ────────────> settled ──> asked about once a minute
 *               ── strict ──> proving ──── nobody ─────────────────^
 *                                │ a stranger has it               │ a stranger claims it: told, and defended at most
 *                                v                                 v every 10 s (RFC 5227 §2.4 (c))
 *                             yielded ── asked again, nobody ──> settled
 *
 * Cold means that the cluster did not have the address before, as far as we can tell; only then a stranger has the better
 * right. On a fail-over the address is ours: nothing is asked before it is announced, and a stranger is a conflict
 * that is told and defended. What a claim of each means is in `strangers.ts`; here is when and how often is asked.
 *
 * Probes are three within 0.6 s instead of RFC 5227's three within 7 s: those seconds are for hosts that all boot at once
 * on slow bridges, and every one of them is a second without the Service. One probe and a second for IPv6, as RFC 4862
 * has it. Whoever yielded asks again after 1 s, then ever later, up to RATE_LIMIT_INTERVAL.
 */
import { Agenda } from "../../base/agenda.ts";
import type { Json } from "../../base/json.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { formatMac, type Mac } from "../../base/mac.ts";
import { Queue } from "../../base/queue.ts";
import { below, type Rng } from "../../base/rng.ts";
import type { Millis } from "../../base/time.ts";
import { TokenBucket } from "../../base/token_bucket.ts";
import { DEFAULT_ADDRESS_POLICY, type WantedAddress } from "../../base/wanted.ts";
import type { ConflictGuardEffect, ConflictGuardInput, ConflictGuardOptions } from "./conflict_io.ts";
import { guard, type Guarded, isAnswered, isElsewhere, isIpv6, roundOf } from "./guarded_address.ts";
import { allowsInterface, hasNeighbourDiscovery, type L2Interface } from "./interface.ts";
import { KnownStations } from "./known_stations.ts";
import type { OwnershipDecision } from "./ownership_io.ts";
import { Strangers } from "./strangers.ts";

/** After a take-over the node before us may still answer for a while. */
const FIRST_CHECK_MS = 5_000;
const PICTURE_MAX = 100;

export class ConflictGuard implements Machine<ConflictGuardInput, ConflictGuardEffect> {
  readonly #options: Required<ConflictGuardOptions>;
  readonly #rng: Rng;
  readonly #stations = new KnownStations();
  readonly #interfaces = new Map<number, L2Interface>();
  readonly #addresses = new Map<string, Guarded>();
  /** When to go on asking for each address. */
  readonly #agenda = new Agenda<Guarded>();
  readonly #strangers: Strangers;
  readonly #pacer: TokenBucket;
  readonly #effects = new Queue<ConflictGuardEffect>();

  constructor(options: ConflictGuardOptions, deps: { rng: Rng }) {
    this.#options = {
      framesPerMs: 4,
      burst: 64,
      quietMs: 60_000,
      defendMs: 10_000,
      checkMs: 60_000,
      retryMs: 1000,
      retryMsMax: 60_000,
      ...options,
    };
    this.#rng = deps.rng;
    this.#strangers = new Strangers(this.#options, {
      ...deps,
      addresses: this.#addresses,
      interfaces: this.#interfaces,
      stations: this.#stations,
      agenda: this.#agenda,
      effects: this.#effects,
    });
    this.#pacer = new TokenBucket({ perMs: this.#options.framesPerMs, burst: this.#options.burst });
  }

  handle(input: ConflictGuardInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "wanted":
        for (const address of input.remove) this.#forget(address);
        for (const wanted of input.upsert) this.#want(wanted, now);
        return;
      case "interface":
        return this.#changeInterface(input.interface, now);
      case "interfaceGone":
        this.#interfaces.delete(input.ifindex);
        return this.#stations.setOwn(input.ifindex, undefined);
      case "stationExpected":
        return this.#stations.expect(input.node, now);
      case "station":
        if (this.#stations.learn(input.node, input.mac)) this.#pardon(input.mac, now);
        return;
      case "stationsGone":
        this.#strangers.forgetNode(input.node);
        return this.#stations.leave(input.node, now);
      case "decision":
        return this.#decide(input.decision, now);
      case "claim":
        return this.#strangers.claim(input.claim, now);
      case "tick":
        return this.#ask(now);
    }
  }

  poll(): ConflictGuardEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    const next = this.#agenda.next();
    if (next === undefined) return undefined;
    return { at: Math.max(next.at, this.#pacer.opensAt()), why: `probe ${next.key.address}` };
  }

  inspect(): Json {
    const picture: Json[] = [];
    for (const { address, phase, stranger } of this.#addresses.values()) {
      if ((phase === "idle" || phase === "settled") && stranger === undefined) continue;
      if (picture.length === PICTURE_MAX) break;
      picture.push({
        address,
        phase,
        stranger: stranger === undefined ? null : {
          mac: formatMac(stranger.mac),
          interface: stranger.interfaceName,
          form: stranger.form,
          claimedAt: stranger.claimedAt,
        },
      });
    }
    return picture;
  }

  #want({ address, policy = DEFAULT_ADDRESS_POLICY }: WantedAddress, now: Millis): void {
    const known = this.#addresses.get(address);
    if (known !== undefined) {
      known.policy = policy;
      // Nobody is to be asked any more, so nobody is waited for.
      if (policy.probe === "off" && known.probesLeft >= 0) this.#settle(known, now);
      return;
    }
    this.#addresses.set(address, guard(address, policy));
  }

  /** A station turns out to be a speaker: what it said of addresses was no conflict. */
  #pardon(mac: Mac, now: Millis): void {
    for (const guarded of this.#addresses.values()) {
      const { phase, stranger, yieldedTo } = guarded;
      if (yieldedTo === mac) {
        guarded.yieldedTo = undefined;
        guarded.retries = 0;
        guarded.isKnownToCluster = true;
      }
      if (stranger !== undefined && stranger.mac !== mac) continue;
      if (phase === "yielded" && yieldedTo === mac) this.#settle(guarded, now);
      else if (stranger !== undefined) {
        this.#strangers.tell(guarded, "gone");
        guarded.stranger = undefined;
      }
    }
  }

  #forget(address: string): void {
    const guarded = this.#addresses.get(address);
    if (guarded === undefined) return;
    this.#release(guarded);
    this.#addresses.delete(address);
  }

  #decide(decision: OwnershipDecision, now: Millis): void {
    const guarded = this.#addresses.get(decision.address);
    // Ownership's last words about an address that is wanted no more.
    if (guarded === undefined) return this.#effects.push(decision);
    switch (decision.kind) {
      case "own":
        return this.#own(guarded, decision.interfaces, now);
      case "announce":
        if (isAnswered(guarded)) this.#effects.push(decision);
        else guarded.announceLater = true;
        return;
      case "repeat":
        if (isAnswered(guarded)) this.#effects.push(decision);
        return;
      case "hush":
        guarded.announceLater = false;
        return this.#effects.push(decision);
      case "disown":
        this.#release(guarded);
        return this.#effects.push(decision);
      case "changed":
        guarded.report = decision;
        if (isElsewhere(decision)) {
          // The cluster has it by now: whoever takes it over from another node has a right to it.
          guarded.isKnownToCluster = true;
          guarded.retries = 0;
        }
        return this.#strangers.report(guarded);
    }
  }

  #own(guarded: Guarded, interfaces: "all" | readonly string[], now: Millis): void {
    guarded.interfaces = interfaces;
    if (guarded.phase === "idle") return this.#begin(guarded, now);
    this.#effects.push({ kind: isAnswered(guarded) ? "own" : "listen", address: guarded.address, interfaces });
  }

  #begin(guarded: Guarded, now: Millis): void {
    const { address, interfaces, isKnownToCluster, policy } = guarded;
    const isCold = !isKnownToCluster;
    // Whoever had to yield before, and lost and regained the address since, still has no right to it.
    if (guarded.retries > 0 && policy.probe !== "off") guarded.phase = "yielded";
    else if (!isCold || policy.probe === "off") guarded.phase = "settled";
    else guarded.phase = policy.probe === "strict" ? "proving" : "tentative";
    this.#effects.push({ kind: isAnswered(guarded) ? "own" : "listen", address, interfaces });
    if (guarded.phase === "settled") {
      guarded.isKnownToCluster = true;
      return this.#checkLater(guarded, now);
    }
    guarded.probesLeft = roundOf(guarded).probes;
    this.#agenda.set(guarded, now);
    this.#ask(now);
  }

  /** Not ours to answer for any more. */
  #release(guarded: Guarded): void {
    this.#agenda.delete(guarded);
    if (guarded.stranger !== undefined) this.#strangers.tell(guarded, "gone");
    guarded.stranger = undefined;
    guarded.rival = undefined;
    this.#strangers.endDoubleAnswers(guarded);
    guarded.phase = "idle";
    guarded.probesLeft = -1;
    guarded.announceLater = false;
  }

  /** Whatever is due, as far as the frames go. */
  #ask(now: Millis): void {
    while (this.#pacer.isOpen(now)) {
      const guarded = this.#agenda.takeDue(now);
      if (guarded === undefined) return;
      this.#step(guarded, now);
    }
  }

  #step(guarded: Guarded, now: Millis): void {
    const { probes, intervalMs } = roundOf(guarded);
    if (guarded.phase === "settled") return this.#check(guarded, now);
    if (guarded.probesLeft === 0) return this.#settle(guarded, now);
    // A new round of somebody who yielded.
    if (guarded.probesLeft < 0) guarded.probesLeft = probes;
    // Where nobody can be asked there is nobody to wait for, and nobody to answer: until an interface comes.
    if (this.#probe(guarded, now) === 0) return this.#agenda.set(guarded, now + this.#options.checkMs);
    guarded.probesLeft--;
    this.#agenda.set(guarded, now + intervalMs);
  }

  /** What is behind an interface that comes, or that neighbour discovery begins to work on, was not asked yet. */
  #changeInterface(on: L2Interface, now: Millis): void {
    const known = this.#interfaces.get(on.ifindex);
    this.#interfaces.set(on.ifindex, on);
    this.#stations.setOwn(on.ifindex, on.mac);
    const isSame = known !== undefined && known.mac === on.mac && known.name === on.name;
    for (const guarded of this.#addresses.values()) {
      if (isSame && !(isIpv6(guarded) && hasNeighbourDiscovery(on) && !hasNeighbourDiscovery(known))) continue;
      if (!allowsInterface(guarded.interfaces, on.name)) continue;
      if (guarded.phase === "idle" || guarded.phase === "yielded" || guarded.policy.probe === "off") continue;
      if (guarded.phase !== "settled") guarded.probesLeft = roundOf(guarded).probes;
      this.#agenda.set(guarded, now);
    }
    this.#ask(now);
  }

  /** On how many interfaces it was asked. */
  #probe(guarded: Guarded, now: Millis): number {
    const { address, interfaces } = guarded;
    let frames = 0;
    for (const on of this.#interfaces.values()) {
      if (!allowsInterface(interfaces, on.name) || (isIpv6(guarded) && !hasNeighbourDiscovery(on))) continue;
      this.#effects.push({ kind: "probe", address, on, answered: isAnswered(guarded) });
      frames++;
    }
    // An address without an interface costs time as well.
    this.#pacer.spend(Math.max(1, frames), now);
    return frames;
  }

  /** Nobody has it. */
  #settle(guarded: Guarded, now: Millis): void {
    const wasSilent = !isAnswered(guarded);
    const { address, interfaces } = guarded;
    if (guarded.stranger !== undefined) this.#strangers.tell(guarded, "gone");
    guarded.stranger = undefined;
    guarded.phase = "settled";
    guarded.isKnownToCluster = true;
    guarded.probesLeft = -1;
    guarded.retries = 0;
    this.#checkLater(guarded, now);
    if (!wasSilent) return;
    this.#effects.push({ kind: "own", address, interfaces });
    if (guarded.announceLater) this.#effects.push({ kind: "announce", address, interfaces, once: false });
    guarded.announceLater = false;
    this.#strangers.report(guarded);
  }

  /** The occasional look at an address that we answer for. */
  #check(guarded: Guarded, now: Millis): void {
    const { stranger } = guarded;
    const { checkMs, defendMs, quietMs } = this.#options;
    if (stranger !== undefined && now - stranger.claimedAt >= quietMs) {
      this.#strangers.tell(guarded, "gone");
      guarded.stranger = undefined;
    }
    this.#strangers.checkDoubleAnswers(guarded, now);
    if (guarded.policy.probe !== "off") this.#probe(guarded, now);
    const isWatched = guarded.stranger !== undefined || this.#strangers.hasDoubleAnswer(guarded);
    this.#agenda.set(guarded, now + (isWatched ? defendMs : checkMs));
  }

  /** At a random moment, so that the addresses of one take-over are not all due at once from then on. */
  #checkLater(guarded: Guarded, now: Millis): void {
    const { checkMs } = this.#options;
    this.#agenda.set(guarded, now + FIRST_CHECK_MS + below(this.#rng, Math.max(1, checkMs - FIRST_CHECK_MS)));
  }
}
