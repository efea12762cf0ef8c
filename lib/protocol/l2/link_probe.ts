/**
 * Link probes: does a neighbour that must be there answer on the segment (`herald.dev/link-probe`)? It finds what a
 * carrier does not show: a switch that is cut off, a port in the wrong VLAN, a bond whose members lead nowhere.
 *
 * It asks by ARP or neighbour discovery, once a second, and unicast once the neighbour's MAC is known, so that a segment
 * full of nodes is not filled with broadcasts. An address fails when three questions in a row stay without an answer, a
 * quarter of a second each, so at most 1.75 s after the fault. Two answers in a row bring it back. What has not been judged
 * yet counts as answering, and so does what cannot be asked because no interface is usable: a carrier that is missing is
 * told as such.
 *
 * An interface in whose network the neighbour is is asked on alone; without one, all that the address is announced on
 * are, and one answer on any of them is enough. The sender address is the node's own in that network, because some
 * stations answer nobody else, or 0.0.0.0, which Linux always answers and which changes nobody's cache (RFC 5227 §2.1.1).
 * By IPv6 the question comes from the link-local address, which is near to everybody.
 */
import { invariant } from "../../base/assert.ts";
import { formatPacketIp, type Ipv4, IPV4_ZERO, type Ipv6, isIpv6, parseIpv4, parseIpv6 } from "../../base/ip.ts";
import type { Json } from "../../base/json.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { formatMac, isGroupMac, type Mac } from "../../base/mac.ts";
import { Queue } from "../../base/queue.ts";
import { RareMap } from "../../base/rare_map.ts";
import { below, type Rng } from "../../base/rng.ts";
import type { Millis } from "../../base/time.ts";
import type { WantedAddress } from "../../base/wanted.ts";
import type { ArpRecord } from "../../wire/arp.ts";
import { arpRequest } from "../../wire/arp_frames.ts";
import { ICMPV6_NEIGHBOR_ADVERTISEMENT } from "../../wire/iana.ts";
import type { NdpRecord } from "../../wire/ndp.ts";
import { neighborSolicitation } from "../../wire/ndp_frames.ts";
import { allowsInterface, type InterfaceChange, type L2Interface, linkLocalOf } from "./interface.ts";

export type LinkProbeInput =
  | InterfaceChange
  | { readonly kind: "wanted"; readonly upsert: readonly WantedAddress[]; readonly remove: readonly string[] }
  | { readonly kind: "arp"; readonly ifindex: number; readonly record: ArpRecord }
  | { readonly kind: "ndp"; readonly ifindex: number; readonly record: NdpRecord }
  /** The process stood still, and answers were discarded: silence of that time proves nothing. */
  | { readonly kind: "gap" };

export type LinkProbeEffect =
  | { readonly kind: "sendArp"; readonly ifindex: number; readonly record: ArpRecord; readonly address: string }
  | { readonly kind: "sendNdp"; readonly ifindex: number; readonly record: NdpRecord; readonly address: string }
  /** Only when it changed; an address that is never spoken of answers. */
  | { readonly kind: "linkProbe"; readonly address: string; readonly answers: boolean };

export interface LinkProbeOptions {
  readonly node: string;
  readonly intervalMs?: number;
  /** How long an answer may take. */
  readonly answerMs?: number;
  readonly lossesMax?: number;
  /** Answers in a row by which one that failed is believed again. */
  readonly answersMin?: number;
}

/** Addresses that are asked for: peers can be told of no more (`FAILED_LINK_PROBES_MAX`). */
const TARGETS_MAX = 16;
/** Interfaces that one of them is asked on. */
const INTERFACES_MAX = 16;
/** A tick that comes this late finds answers that wait in the socket behind it. */
const LATE_MS = 50;

/** One neighbour on one interface. */
interface Probe {
  readonly target: Target;
  on: L2Interface;
  /** Where its last answer came from. */
  mac: Mac | undefined;
  verdict: "unknown" | "answers" | "failed";
  /** A question is out. */
  asking: boolean;
  losses: number;
  answersInRow: number;
  nextAt: Millis;
}

interface Target {
  readonly address: string;
  readonly ip: Ipv4 | Ipv6;
  /** By ifindex. */
  readonly probes: Map<number, Probe>;
  /** Told last. */
  answers: boolean;
}

/** Which interfaces an address with link probes is announced on. */
interface Wish {
  readonly linkProbes: readonly string[];
  readonly interfaces: "all" | readonly string[];
}

export class LinkProbe implements Machine<LinkProbeInput, LinkProbeEffect> {
  readonly #options: Required<LinkProbeOptions>;
  readonly #rng: Rng;
  readonly #interfaces = new Map<number, L2Interface>();
  readonly #wishes = new Map<string, Wish>();
  readonly #targets = new RareMap<Ipv4 | Ipv6, Target>();
  readonly #effects = new Queue<LinkProbeEffect>();
  #deadline: Deadline | undefined;
  /** Wanted, but beyond the limit. */
  #leftOut = 0;

  constructor(options: LinkProbeOptions, deps: { rng: Rng }) {
    this.#options = { intervalMs: 1000, answerMs: 250, lossesMax: 3, answersMin: 2, ...options };
    this.#rng = deps.rng;
  }

  handle(input: LinkProbeInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "arp": {
        const { senderIp, senderMac } = input.record;
        if (!this.#hear({ ip: senderIp, mac: senderMac, ifindex: input.ifindex }, now)) return;
        break;
      }
      case "ndp": {
        const { type, target, linkLayerAddress, etherSource } = input.record;
        if (type !== ICMPV6_NEIGHBOR_ADVERTISEMENT) return;
        if (!this.#hear({ ip: target, mac: linkLayerAddress ?? etherSource, ifindex: input.ifindex }, now)) return;
        break;
      }
      case "interface":
        this.#interfaces.set(input.interface.ifindex, input.interface);
        this.#arrange(now);
        break;
      case "interfaceGone":
        this.#interfaces.delete(input.ifindex);
        this.#arrange(now);
        break;
      case "wanted":
        if (!this.#wish(input.upsert, input.remove)) return;
        this.#arrange(now);
        break;
      case "gap":
        for (const probe of this.#probes()) {
          probe.asking = false;
          probe.nextAt = now;
        }
        break;
      case "tick":
        for (const probe of this.#probes()) if (probe.nextAt <= now) this.#continue(probe, now);
    }
    this.#judge();
    this.#deadline = this.#findDeadline();
  }

  poll(): LinkProbeEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    return this.#deadline;
  }

  inspect(): Json {
    return {
      targets: [...this.#targets.values()].map(({ address, answers, probes }) => ({
        address,
        answers,
        on: [...probes.values()].map(({ on, verdict, mac }) => ({
          interface: on.name,
          verdict,
          mac: mac === undefined ? null : formatMac(mac),
        })),
      })),
      leftOut: this.#leftOut,
    };
  }

  /** False when nothing about link probes changed. */
  #wish(upsert: readonly WantedAddress[], remove: readonly string[]): boolean {
    let changed = false;
    for (const address of remove) if (this.#wishes.delete(address)) changed = true;
    for (const { address, candidates, interfaces, policy } of upsert) {
      const linkProbes = candidates.includes(this.#options.node) ? policy?.linkProbes ?? [] : [];
      if (linkProbes.length > 0) this.#wishes.set(address, { linkProbes, interfaces });
      else if (!this.#wishes.delete(address)) continue;
      changed = true;
    }
    return changed;
  }

  /** Brings the probes to what the wishes and the interfaces say; those that stay go on undisturbed. */
  #arrange(now: Millis): void {
    const wanted = this.#wantedTargets();
    for (const [ip, target] of this.#targets) {
      if (wanted.has(ip)) continue;
      this.#targets.delete(ip);
      // Nobody asks for it any more, so nobody must stand back for it.
      if (!target.answers) this.#effects.push({ kind: "linkProbe", address: target.address, answers: true });
    }
    for (const [ip, lists] of wanted) {
      const target = this.#targets.get(ip) ?? { address: formatPacketIp(ip), ip, probes: new Map(), answers: true };
      this.#targets.set(ip, target);
      const on = this.#interfacesFor(ip, lists);
      for (const ifindex of target.probes.keys()) if (!on.has(ifindex)) target.probes.delete(ifindex);
      for (const [ifindex, known] of on) {
        const probe = target.probes.get(ifindex);
        if (probe === undefined) target.probes.set(ifindex, this.#begin(target, known, now));
        else probe.on = known;
      }
    }
  }

  #wantedTargets(): Map<Ipv4 | Ipv6, ("all" | readonly string[])[]> {
    const wanted = new Map<Ipv4 | Ipv6, ("all" | readonly string[])[]>();
    const leftOut = new Set<string>();
    for (const { linkProbes, interfaces } of this.#wishes.values()) {
      for (const address of linkProbes) {
        const ip = parseIpv4(address) ?? parseIpv6(address);
        const lists = ip === undefined ? undefined : wanted.get(ip);
        if (lists !== undefined) lists.push(interfaces);
        else if (ip !== undefined && wanted.size < TARGETS_MAX) wanted.set(ip, [interfaces]);
        else leftOut.add(address);
      }
    }
    this.#leftOut = leftOut.size;
    return wanted;
  }

  /** None for an address of this node itself: its kernel does not answer it, and it is surely there. */
  #interfacesFor(
    ip: Ipv4 | Ipv6,
    lists: readonly ("all" | readonly string[])[],
  ): ReadonlyMap<number, L2Interface> {
    const all = [...this.#interfaces.values()];
    if (all.some((on) => isOwn(on, ip))) return new Map();
    const allowed = all.filter((on) => lists.some((list) => allowsInterface(list, on.name)) && canAsk(on, ip));
    const near = isIpv6(ip) ? [] : allowed.filter((on) => ownAddressNear(on, ip) !== undefined);
    const chosen = near.length > 0 ? near : allowed;
    return new Map(chosen.slice(0, INTERFACES_MAX).map((on) => [on.ifindex, on]));
  }

  /** At a random phase: the nodes of a cluster take up an advertisement at the same moment. */
  #begin(target: Target, on: L2Interface, now: Millis): Probe {
    const nextAt = now + below(this.#rng, this.#options.answerMs);
    return {
      target,
      on,
      mac: undefined,
      verdict: "unknown",
      asking: false,
      losses: 0,
      answersInRow: 0,
      nextAt,
    };
  }

  #continue(probe: Probe, now: Millis): void {
    if (!probe.asking) return this.#ask(probe, now);
    const isLate = now - probe.nextAt > LATE_MS;
    if (!isLate) {
      probe.answersInRow = 0;
      probe.losses++;
      // One that failed already is asked once a second.
      if (probe.losses >= this.#options.lossesMax) {
        probe.verdict = "failed";
        return this.#rest(probe, now);
      }
    }
    // It may have another MAC by now.
    probe.mac = undefined;
    this.#ask(probe, now);
  }

  #ask(probe: Probe, now: Millis): void {
    const { on, target, mac } = probe;
    probe.asking = true;
    probe.nextAt = now + this.#options.answerMs;
    const { ifindex } = on;
    const { ip, address } = target;
    if (isIpv6(ip)) {
      this.#effects.push({ kind: "sendNdp", ifindex, address, record: solicitation(on, { ip, to: mac }) });
      return;
    }
    const senderIp = ownAddressNear(on, ip) ?? IPV4_ZERO;
    const record = arpRequest({ mac: on.mac, senderIp, targetIp: ip, to: mac });
    this.#effects.push({ kind: "sendArp", ifindex, address, record });
  }

  /** False when the frame says nothing about any probe. */
  #hear({ ip, mac, ifindex }: { ip: Ipv4 | Ipv6; mac: Mac; ifindex: number }, now: Millis): boolean {
    const probe = this.#targets.get(ip)?.probes.get(ifindex);
    // Whatever it says, it is there. But only a question is answered, and once: nobody comes back by speaking twice.
    if (probe === undefined || !probe.asking) return false;
    probe.mac = isGroupMac(mac) ? undefined : mac;
    probe.losses = 0;
    probe.answersInRow++;
    if (probe.verdict !== "failed" || probe.answersInRow >= this.#options.answersMin) {
      probe.verdict = "answers";
      this.#rest(probe, now);
    } else {
      probe.asking = false;
      probe.nextAt = now + this.#options.answerMs;
    }
    return true;
  }

  #rest(probe: Probe, now: Millis): void {
    const { intervalMs } = this.#options;
    probe.asking = false;
    // Down to nine tenths of the interval, so that probes do not stay in step.
    probe.nextAt = now + intervalMs - below(this.#rng, Math.ceil(intervalMs / 10));
  }

  #judge(): void {
    for (const target of this.#targets.values()) {
      const probes = [...target.probes.values()];
      const answers = probes.length === 0 || probes.some(({ verdict }) => verdict !== "failed");
      if (answers === target.answers) continue;
      target.answers = answers;
      this.#effects.push({ kind: "linkProbe", address: target.address, answers });
    }
  }

  #findDeadline(): Deadline | undefined {
    let next: Deadline | undefined;
    for (const { nextAt, target } of this.#probes()) {
      if (next === undefined || nextAt < next.at) next = { at: nextAt, why: `link probe of ${target.address}` };
    }
    return next;
  }

  *#probes(): Iterable<Probe> {
    for (const { probes } of this.#targets.values()) yield* probes.values();
  }
}

/** The node's address on this interface in the network of `ip`. */
function ownAddressNear({ ipv4 = [] }: L2Interface, ip: Ipv4): Ipv4 | undefined {
  return ipv4.find(({ ip: own, prefixLength }) => ((own ^ ip) >>> 0) < 2 ** (32 - prefixLength))?.ip;
}

function isOwn(on: L2Interface, ip: Ipv4 | Ipv6): boolean {
  return isIpv6(ip) ? linkLocalOf(on) === ip : (on.ipv4 ?? []).some((own) => own.ip === ip);
}

/** Without a link-local address there is no neighbour discovery on an interface. */
function canAsk(on: L2Interface, ip: Ipv4 | Ipv6): boolean {
  return !isIpv6(ip) || linkLocalOf(on) !== undefined;
}

/** To the group of those that may have the address, or to the station that is thought to have it (RFC 4861 §7.3.3). */
function solicitation(on: L2Interface, { ip, to }: { ip: Ipv6; to: Mac | undefined }): NdpRecord {
  const source = linkLocalOf(on);
  invariant(source !== undefined, "An interface without a link-local address is not asked on");
  const record = neighborSolicitation({ mac: on.mac, source, target: ip });
  return to === undefined ? record : { ...record, etherDestination: to, destination: ip };
}
