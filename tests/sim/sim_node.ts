/**
 * A node with a speaker on it. Its packet plane is driven as the packet loop drives it: one input at a time, full drain,
 * ticks at the deadline, the rule for gaps. Its control thread is whatever tells the plane what is wanted. The process
 * can be started, paused, killed, and told to leave; the cable can be pulled.
 */
import type { MembershipEvent } from "../../lib/app/membership.ts";
import { parseIpv6 } from "../../lib/base/ip.ts";
import type { LogEvent } from "../../lib/base/log.ts";
import { ipv6MulticastMac, type Mac } from "../../lib/base/mac.ts";
import { below, type Rng } from "../../lib/base/rng.ts";
import type { Millis } from "../../lib/base/time.ts";
import type { FromPacketThread, WantedAddress, WantedDelta } from "../../lib/base/wanted.ts";
import { PacketPlane } from "../../lib/protocol/packet_plane.ts";
import type { PacketPlaneEffect, PacketPlaneInput } from "../../lib/protocol/packet_plane_io.ts";
import type { WatchMessage } from "../../lib/protocol/watch/message.ts";
import { watchTimes } from "../../lib/protocol/watch/times.ts";
import type { ArpRecord } from "../../lib/wire/arp.ts";
import type { NdpRecord } from "../../lib/wire/ndp.ts";
import { Gossip } from "./gossip.ts";
import { Lines } from "./lines.ts";
import { MetallbPlane } from "./metallb_plane.ts";
import { FIRST_IFINDEX, NodeLink } from "./node_link.ts";
import { NodeKernel } from "./node_kernel.ts";
import type { Network, Station, Word } from "./network.ts";
import { SimDriver } from "./sim_driver.ts";
import type { VirtualTime } from "./virtual_time.ts";

const GAP_MS_MAX = watchTimes().detectionMs;
const SLEEP_MS_MAX = 100;
export const WALL_START_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
export const WATCH_PORT = 7947;

/** What the rest of the simulation drives; tests put something broken around the real one. */
export type Plane = Pick<PacketPlane, "handle" | "poll" | "deadline" | "inspect">;

/** One life of a process, as its control thread sees it. */
export interface Life {
  /** To the packet thread. */
  tell(delta: WantedDelta): void;
  /** To the packet thread too: whether the API is heard. */
  tellApi(reachable: boolean): void;
  /** Later in this life, and when the process runs. */
  later(delayMs: number, run: () => void): void;
  wallMs(): number;
  log(event: LogEvent): void;
}

/** The control thread. */
export interface SimControl {
  begin(life: Life): void;
  /** The process is gone. */
  end(): void;
}

export interface SimNodeOptions {
  readonly name: string;
  readonly mac: Mac;
  readonly address: string;
}

export interface SimNodeDeps {
  readonly time: VirtualTime;
  readonly rng: Rng;
  readonly network: Network;
  /** Of its interfaces; that for datagrams is the first. */
  readonly networks: readonly Network[];
  readonly control: SimControl;
  /** There is a membership beside the watch. */
  readonly gossips: boolean;
  /** They are run with `--safe`. */
  readonly safe: boolean;
  /** Makes something else of a new plane. */
  readonly alter?: ((plane: Plane, node: SimNode) => Plane) | undefined;
  readonly onLog: (node: SimNode, event: LogEvent) => void;
  readonly onEvent: (node: SimNode, event: FromPacketThread) => void;
}

export class SimNode implements Station {
  readonly name: string;
  readonly mac: Mac;
  readonly address: string;
  process: "none" | "running" | "paused" = "none";
  /** What the next start starts, and so what runs. */
  program: "herald" | "metallb" = "herald";
  leaving = false;
  /** By the order of their numbers; datagrams take the first. */
  readonly links: readonly NodeLink[];
  /** When it had said that it is ready, in its present life. */
  readyAt: Millis | undefined;
  /** What this process has read of what is wanted, by address. */
  readonly told = new Map<string, WantedAddress>();
  /** When it last read that it is no candidate of an address any more. */
  readonly droppedAt = new Map<string, Millis>();
  readonly #deps: SimNodeDeps;
  readonly #kernel: NodeKernel;
  readonly #staying = new Set<"plane" | "gossip">();
  readonly #lines: Lines;
  #driver: SimDriver<PacketPlaneInput, PacketPlaneEffect> | undefined;
  #gossip: Gossip | undefined;
  #wallOffsetMs = 0;
  #life = 0;
  #pausedAt: Millis = 0;
  /** Read later: what came while the process was paused. */
  #queued: { readonly isPacket: boolean; readonly run: () => void }[] = [];
  #queuedRuns: (() => void)[] = [];

  constructor(options: SimNodeOptions, deps: SimNodeDeps) {
    this.name = options.name;
    this.mac = options.mac;
    this.address = options.address;
    this.#deps = deps;
    this.links = deps.networks.map((network, index) => new NodeLink(this, { index, network }));
    this.#kernel = new NodeKernel(this.links[0]!, { ...deps, address: this.address });
    this.#lines = new Lines(this, { ...deps, onLost: (node) => this.#input({ kind: "lineLost", node }) });
  }

  /** A new life. `clockStepMs` sets the wall clock forward or back before it. */
  start(options: { clockStepMs?: number } = {}): void {
    if (this.process !== "none") return;
    const { rng, alter, gossips, safe, time } = this.#deps;
    this.#life++;
    this.#staying.add("plane");
    this.stepClock(options.clockStepMs ?? 0);
    const generation = Math.trunc(this.#wallMs()) + this.#life;
    const watch = { authenticated: true, membership: gossips };
    const plane = this.program === "metallb"
      ? new MetallbPlane(this)
      : new PacketPlane({ node: this.name, generation, watch, safe }, { rng });
    this.#driver = new SimDriver<PacketPlaneInput, PacketPlaneEffect>(alter?.(plane, this) ?? plane, {
      time,
      apply: (effect) => this.#apply(effect),
      isAwake: () => this.process === "running",
    });
    this.#gossip = gossips ? this.#startGossip(generation) : undefined;
    this.process = "running";
    this.leaving = false;
    this.readyAt = undefined;
    this.told.clear();
    this.droppedAt.clear();
    this.#inThisLife(below(rng, 20), () => this.#tellInterfaces(this.links));
    this.#inThisLife(20, () => this.#input({ kind: "opened" }));
    this.#deps.control.begin({
      tell: (delta) => {
        this.#input({ kind: "delta", delta });
        this.#take({ isPacket: false, run: () => this.#gossip?.takePeers(delta) });
      },
      tellApi: (reachable) => this.#input({ kind: "api", reachable }),
      later: (delayMs, run) => this.#inThisLife(delayMs, () => this.#runWhenAwake(run)),
      wallMs: () => this.#wallMs(),
      log: (event) => this.#deps.onLog(this, event),
    });
  }

  kill(): void {
    if (this.process === "none") return;
    this.process = "none";
    this.#driver?.end();
    this.#driver = undefined;
    this.#gossip?.end();
    this.#gossip = undefined;
    this.#queued = [];
    this.#queuedRuns = [];
    this.told.clear();
    this.#life++;
    for (const { groups } of this.links) groups.clear();
    this.#lines.processEnded();
    this.#deps.control.end();
  }

  pause(): void {
    if (this.process !== "running") return;
    this.process = "paused";
    // The loop may have slept for a while before it was stopped; a gap is the time between two turns.
    this.#pausedAt = this.#deps.time.now - below(this.#deps.rng, SLEEP_MS_MAX);
  }

  resume(): void {
    if (this.process !== "paused") return;
    this.process = "running";
    const gapMs = this.#deps.time.now - this.#pausedAt;
    const queued = this.#queued;
    this.#queued = [];
    if (gapMs > GAP_MS_MAX) {
      this.#input({ kind: "gap", gapMs });
      this.#gossip?.input({ kind: "gap", gapMs });
    }
    this.#driver?.tickIfDue();
    this.#gossip?.tickIfDue();
    for (const { isPacket, run } of queued) if (gapMs <= GAP_MS_MAX || !isPacket) run();
    for (const run of this.#queuedRuns.splice(0)) run();
  }

  leave(): void {
    this.leaving = true;
    this.#input({ kind: "leave" });
    this.#take({ isPacket: false, run: () => this.#gossip?.input({ kind: "leave" }) });
  }

  /** Somebody holds the port of the watch. */
  get speaksWatch(): boolean {
    return this.process !== "none" && this.program === "herald";
  }

  get gossip(): Gossip | undefined {
    return this.#gossip;
  }

  takePacket(run: () => void): void {
    this.#take({ isPacket: true, run });
  }

  /** What its kernel knows of idle connections: the other ends call it. */
  get lines(): Lines {
    return this.#lines;
  }

  /** Sets the wall clock forward or back; what Herald waits for must not notice. */
  stepClock(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** The link of an interface to its segment goes, or comes back. */
  setCarrier(link: NodeLink, hasCarrier: boolean): void {
    if (hasCarrier === link.hasCarrier) return;
    link.hasCarrier = hasCarrier;
    if (hasCarrier) link.carrierSince = this.#deps.time.now;
    this.#tellInterfaces([link]);
  }

  /** IPv6 is switched off on an interface; or on again, and its link-local address is known to be unique. */
  setIpv6(link: NodeLink, hasIpv6: boolean): void {
    if (hasIpv6 === link.hasIpv6) return;
    link.hasIpv6 = hasIpv6;
    if (hasIpv6) link.ipv6Since = this.#deps.time.now;
    this.#tellInterfaces([link]);
  }

  /** The first interface has a link. */
  get hasCarrier(): boolean {
    return this.links[0]!.hasCarrier;
  }

  receive(ifindex: number, frame: { readonly arp: ArpRecord } | { readonly ndp: NdpRecord }): void {
    if ("ndp" in frame) return this.#input({ kind: "ndp", ifindex, record: frame.ndp });
    if (ifindex === FIRST_IFINDEX) this.#kernel.onArp(frame.arp);
    this.#input({ kind: "arp", ifindex, record: frame.arp });
  }

  /** Its frames come and go by its links. */
  onArp(): void {}

  onWatch(message: WatchMessage, from: string): void {
    this.#input({ kind: "watch", message, address: from, port: WATCH_PORT });
  }

  #linkOf(ifindex: number): NodeLink {
    return this.links[ifindex - FIRST_IFINDEX]!;
  }

  /** As the kernel's notices are told: the interfaces themselves, then the list of all. */
  #tellInterfaces(links: readonly NodeLink[]): void {
    for (const { hasCarrier, ifindex, interface: known } of links) {
      this.#input(hasCarrier ? { kind: "interface", interface: known } : { kind: "interfaceGone", ifindex });
    }
    const [usable, refused] = [true, false].map((wanted) =>
      this.links.filter(({ hasCarrier }) => hasCarrier === wanted).map(({ interfaceName }) => interfaceName)
    ) as [string[], string[]];
    const ipv4Only = this.links.filter(({ hasCarrier, hasIpv6 }) => hasCarrier && !hasIpv6)
      .map(({ interfaceName }) => interfaceName);
    const report = { usable, ipv4Only, refused: refused.map((name) => ({ name, reason: "noCarrier" as const })) };
    this.#input({ kind: "interfaces", report });
  }

  #wallMs(): number {
    return WALL_START_MS + this.#deps.time.now + this.#wallOffsetMs;
  }

  #read(delta: WantedDelta): void {
    for (const address of delta.removeAddresses) this.told.delete(address);
    for (const wanted of delta.upsertAddresses) {
      const wasCandidate = this.told.get(wanted.address)?.candidates.includes(this.name) ?? false;
      if (wasCandidate) this.droppedAt.set(wanted.address, this.#deps.time.now);
      this.told.set(wanted.address, wanted);
    }
  }

  #inThisLife(delayMs: number, run: () => void): void {
    const life = this.#life;
    this.#deps.time.after(delayMs, () => life === this.#life && run());
  }

  #runWhenAwake(run: () => void): void {
    // A control thread is made of promises.
    this.#deps.time.stir();
    if (this.process === "paused") this.#queuedRuns.push(run);
    else run();
  }

  #input(input: PacketPlaneInput): void {
    const isPacket = input.kind === "arp" || input.kind === "ndp" || input.kind === "watch";
    this.#take({ isPacket, run: () => this.#inputNow(input) });
  }

  #inputNow(input: PacketPlaneInput): void {
    if (input.kind === "delta") this.#read(input.delta);
    this.#driver?.input(input);
  }

  #take(input: { readonly isPacket: boolean; readonly run: () => void }): void {
    if (this.process === "paused") this.#queued.push(input);
    else if (this.process === "running") input.run();
  }

  #apply(effect: PacketPlaneEffect): void {
    switch (effect.kind) {
      case "sendArp":
      case "sendNdp":
        return this.#send(effect);
      case "joinGroup":
        this.#linkOf(effect.ifindex).groups.add(macOfGroup(effect.group));
        return;
      case "leaveGroup":
        this.#linkOf(effect.ifindex).groups.delete(macOfGroup(effect.group));
        return;
      case "sendWatch":
        return this.#sendWatch(effect);
      case "openLine":
        return this.#lines.open(effect);
      case "closeLine":
        return this.#lines.close(effect.node);
      case "event":
        return this.#report(effect.event);
      case "serving":
        return this.#gossip?.setFacts({ state: effect.state, ...effect.serving });
      case "left":
        return this.#leaveAs("plane");
    }
  }

  #send(effect: PacketPlaneEffect & { kind: "sendArp" | "sendNdp" }): void {
    const link = this.#linkOf(effect.ifindex);
    if (effect.kind === "sendArp") link.network.sendArp(link, effect.record);
    else link.network.sendNdp(link, effect.record);
  }

  /** The process ends when everything is handed over and everybody is told. */
  #leaveAs(part: "plane" | "gossip"): void {
    this.#staying.delete(part);
    if (this.#staying.size === 0) this.kill();
  }

  #startGossip(generation: number): Gossip {
    this.#staying.add("gossip");
    return new Gossip(this, {
      ...this.#deps,
      generation,
      hasMeta: this.program === "herald",
      tell: (event) => this.#takeGossip(event),
    });
  }

  #takeGossip(event: MembershipEvent): void {
    switch (event.kind) {
      case "member":
      case "membersKnown":
        return this.#input(event);
      case "log":
        return this.#deps.onLog(this, event.event);
      case "left":
        return this.#leaveAs("gossip");
    }
  }

  #sendWatch({ address, message, probed }: PacketPlaneEffect & { kind: "sendWatch" }): void {
    const { network } = this.#deps;
    const life = this.#life;
    this.#kernel.resolve(address);
    network.sendDatagram(this, { address, word: wordOf(message) }, (to) => {
      if (!(to instanceof SimNode)) return;
      if (to.speaksWatch) return to.onWatch(message, this.address);
      // Its kernel says that nobody holds the port.
      if (probed === undefined) return;
      network.sendDatagram(to, { address: this.address }, () => {
        if (life === this.#life) this.#input({ kind: "refused", node: probed });
      });
    });
  }

  #report(event: FromPacketThread): void {
    if (event.kind === "ready") this.readyAt = this.#deps.time.now;
    if (event.kind === "log") this.#deps.onLog(this, event.event);
    else this.#deps.onEvent(this, event);
  }
}

function wordOf({ claims }: WatchMessage): Word | undefined {
  if (claims === undefined || claims.entries.length === 0) return undefined;
  return claims.entries.some(({ givenUp }) => givenUp) ? "givenUp" : "claimed";
}

function macOfGroup(group: string): Mac {
  return ipv6MulticastMac(parseIpv6(group)!);
}
