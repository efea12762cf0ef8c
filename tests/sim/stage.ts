/**
 * What every simulated cluster has: nodes with speakers, a Linux client, a witness, one segment, virtual time, a story.
 * It does what it is told and asks its checkers about everything that happens. What is wanted comes from elsewhere.
 */
import { type Ip, parseIp } from "../../lib/base/ip.ts";
import type { LogEvent } from "../../lib/base/log.ts";
import type { Mac } from "../../lib/base/mac.ts";
import { type Rng, SeededRng } from "../../lib/base/rng.ts";
import type { Millis } from "../../lib/base/time.ts";
import type { FromPacketThread, WantedPeer } from "../../lib/base/wanted.ts";
import { NodeLink } from "./node_link.ts";
import { FINE, type Network, type Spoken, type Station, type Weather } from "./network.ts";
import { Segment } from "./segment.ts";
import { type Plane, type SimControl, SimNode, WATCH_PORT } from "./sim_node.ts";
import { VirtualTime } from "./virtual_time.ts";
import type { Failback } from "./truth.ts";
import type { Asked } from "./witness.ts";

/** A cluster that is whole must have settled after this: a dead peer's probe, a hand-over to its end, one repeat. */
export const SETTLED_MS = 3500;

/** Judges what happens; returns what is wrong, if anything. It knows the world, never the machines. */
export interface Checker {
  /** A node sent a frame that speaks for an address. */
  onFrame?(from: SimNode, spoken: Spoken & { readonly on: string }): string | undefined;
  /** A request was answered by these nodes, or by none. */
  onAnswers?(asked: Asked, nodes: readonly SimNode[]): string | undefined;
  /** The client sent a packet to where its cache points; `undefined`: nowhere. */
  onPacket?(sent: { readonly address: string; readonly on: string }, to: SimNode | undefined): string | undefined;
}

export interface StageOptions {
  readonly seed: number;
  readonly nodes: number;
  /** Text of the addresses that are asked for, wanted or not. */
  readonly addresses: readonly string[];
  /** How often every address is asked for, and sent a packet. */
  readonly askEveryMs?: number;
  /** The speakers have a membership beside the watch. */
  readonly gossips?: boolean;
  /** How many interfaces each node has, and so how many segments there are. */
  readonly segments?: number;
  /** They are run with `--safe`. */
  readonly safe?: boolean;
  /** Also writes down what the speakers report. */
  readonly verbose?: boolean;
  /** Makes something else of the planes: for tests that show what the checkers find. */
  readonly alter?: (plane: Plane, node: SimNode) => Plane;
}

export class Stage {
  readonly time = new VirtualTime();
  readonly rng: Rng;
  readonly nodesRng: Rng;
  /** The first segment, which datagrams take too. */
  readonly network: Network;
  readonly segments: readonly Segment[];
  readonly nodes: SimNode[] = [];
  readonly peers: readonly WantedPeer[];
  readonly addresses: ReadonlyMap<string, Ip>;
  readonly checkers: Checker[] = [];
  /** Since when nothing is broken and nothing was changed; `undefined` while something is broken. */
  wholeSince: Millis | undefined;
  /** Since when nothing is broken; changes do not count. */
  unbrokenSince: Millis | undefined = 0;
  /** When what is wanted was changed last. */
  changedAt: Millis = 0;
  /** How long a cluster that is whole may take to settle. */
  settledMs = SETTLED_MS;
  readonly story: string[] = [];
  /** What was found first; also when whoever found it was in the middle of a promise. */
  failure: Error | undefined;
  askEveryMs: number;
  readonly #byMac = new Map<Mac, SimNode>();
  readonly #options: StageOptions;

  constructor(options: StageOptions) {
    this.#options = options;
    this.askEveryMs = options.askEveryMs ?? 5;
    // The story has dice of its own: it stays the same when the machines ask for more of theirs.
    this.rng = new SeededRng(options.seed);
    this.nodesRng = new SeededRng(options.seed + 0x1000_0000);
    const names = Array.from({ length: options.segments ?? 1 }, (_, index) => `eth${index}`);
    this.segments = names.map((name, index) =>
      new Segment({ name, seed: options.seed + 0x2000_0000 + index * 0x0100_0000 }, {
        time: this.time,
        onSpoken: (from, spoken) => this.#judgeFrame(from, spoken),
        onOutcome: (asked) => this.#judgeAnswers(asked),
      })
    );
    this.network = this.segments[0]!.network;
    this.addresses = new Map(options.addresses.map((address) => [address, parseIp(address)!]));
    this.peers = nodeNames(options.nodes).map((node, i) => ({ node, address: `192.0.2.${i + 1}`, port: WATCH_PORT }));
  }

  /** To be called once by whoever makes a cluster of this. */
  protected populate(controlOf: (peer: WantedPeer) => SimControl): void {
    const { time, nodesRng: rng, network } = this;
    for (const peer of this.peers) {
      const mac = (0x02_00_00_00_0a_00 + this.nodes.length) as Mac;
      const node = new SimNode({ name: peer.node, mac, address: peer.address }, {
        time,
        rng,
        network,
        networks: this.segments.map((segment) => segment.network),
        control: controlOf(peer),
        gossips: this.#options.gossips ?? false,
        safe: this.#options.safe ?? false,
        alter: this.#options.alter,
        onLog: (from, event) => this.log(from.name, event),
        onEvent: (from, event) => this.#hear(from, event),
      });
      this.nodes.push(node);
      for (const link of node.links) {
        this.#byMac.set(link.mac, node);
        link.network.join(link);
      }
      network.joinForDatagrams(node, node.links[0]!);
    }
    for (const segment of this.segments) segment.join();
    this.#look();
  }

  node(name: string): SimNode {
    const node = this.nodes.find((candidate) => candidate.name === name);
    if (node === undefined) throw new Error(`There is no ${name}`);
    return node;
  }

  /** Does something to the cluster and writes it down. */
  act(what: string, run: () => void): void {
    this.note(what);
    this.time.stir();
    const wasMixed = this.isMixed;
    run();
    // When the others know that the policies hold again is the gossip's business.
    if (wasMixed && !this.isMixed) this.changedAt = this.time.now + this.settledMs;
    const isBroken = this.isBroken();
    this.wholeSince = isBroken ? undefined : this.time.now;
    this.unbrokenSince = isBroken ? undefined : this.unbrokenSince ?? this.time.now;
  }

  note(what: string): void {
    this.story.push(`${this.time.now.toFixed(1).padStart(9)} ${what}`);
  }

  weather(what: string, weather: Partial<Weather>): void {
    this.act(what, () => {
      const present = what === "fine weather" ? FINE : { ...FINE, ...weather };
      for (const { network } of this.segments) network.weather = present;
    });
  }

  start(name: string, options: { clockStepMs?: number } = {}): void {
    const step = options.clockStepMs ?? 0;
    const clock = step === 0 ? "" : `, its clock ${step} ms off`;
    this.act(`start ${name}${clock}`, () => this.node(name).start(options));
  }

  kill(name: string): void {
    this.act(`kill ${name}`, () => this.node(name).kill());
  }

  leave(name: string): void {
    this.act(`${name} leaves`, () => this.node(name).leave());
  }

  pause(name: string): void {
    this.act(`pause ${name}`, () => this.node(name).pause());
  }

  resume(name: string): void {
    this.act(`resume ${name}`, () => this.node(name).resume());
  }

  /** Pulls the first cable, beside which there is another way for datagrams; with `isolated` all that there are. */
  cutCarrier(name: string, options: { isolated: boolean }): void {
    this.act(`${name} loses ${options.isolated ? "all its links" : "the link to the segment"}`, () => {
      const node = this.node(name);
      if (options.isolated) this.network.isolated.add(node);
      for (const link of options.isolated ? node.links : node.links.slice(0, 1)) this.#plug(link, false);
    });
  }

  restoreCarrier(name: string): void {
    this.act(`${name} has its link again`, () => {
      const node = this.node(name);
      const wasIsolated = this.network.isolated.delete(node);
      for (const link of wasIsolated ? node.links : node.links.slice(0, 1)) this.#plug(link, true);
    });
  }

  /** Another interface than the first one. */
  setSecondCarrier(name: string, hasCarrier: boolean): void {
    this.act(`${name} ${hasCarrier ? "has its second link again" : "loses its second link"}`, () => {
      this.#plug(this.node(name).links[1]!, hasCarrier);
    });
  }

  setIpv6({ name, interfaceName: on }: NodeLink, hasIpv6: boolean): void {
    this.act(`${name} ${hasIpv6 ? "has IPv6 again" : "loses IPv6"} on ${on}`, () => {
      const node = this.node(name);
      node.setIpv6(node.links.find(({ interfaceName }) => interfaceName === on)!, hasIpv6);
    });
  }

  #plug(link: NodeLink, hasCarrier: boolean): void {
    if (hasCarrier) link.network.unplugged.delete(link);
    else link.network.unplugged.add(link);
    this.node(link.name).setCarrier(link, hasCarrier);
  }

  /** True while something keeps the cluster from settling. */
  isBroken(): boolean {
    return this.network.weather !== FINE || this.nodes.some(({ process }) => process === "paused");
  }

  /** All nodes that may announce an address, the preferred one first, living or not. */
  candidates(_address: string): readonly string[] {
    return [];
  }

  /** The node that should answer once everything has settled. */
  expectedOwner(address: string): SimNode | undefined {
    return this.#able(address)[0];
  }

  /** The node that everybody takes for the owner: where MetalLB is among them, one without a link may be. */
  elected(address: string): SimNode | undefined {
    if (!this.isMixed) return this.expectedOwner(address);
    return this.candidates(address).map((name) => this.node(name)).find((node) => this.isMember(node));
  }

  /** Who can serve the address, the preferred one first; if nobody has all that it needs, the first that has a link. */
  #able(address: string): readonly SimNode[] {
    const candidates = this.candidates(address).map((name) => this.node(name));
    if (this.isMixed) {
      const first = candidates.filter((node) => this.isMember(node)).slice(0, 1);
      return first.filter((node) => this.servesOn(node, address).length > 0);
    }
    const serving = candidates.filter((node) => this.serves(node, address));
    const linked = serving.filter((node) => this.isLinked(node));
    return linked.length > 0 ? linked : serving.slice(0, 1);
  }

  /**
   * The nodes of which one should answer once everything has settled: the expected owner, and where addresses stay where
   * they are, whoever else can.
   */
  possibleOwners(address: string): readonly SimNode[] {
    const able = this.#able(address);
    return this.isSticky ? able : able.slice(0, 1);
  }

  /** What the possible owners of an address mean for one segment: who may answer there, and whether somebody must. */
  answerers(address: string, on: string): { readonly nodes: readonly SimNode[]; readonly must: boolean } {
    const possible = this.possibleOwners(address);
    const nodes = possible.filter((node) => this.servesOn(node, address).includes(on));
    return { nodes, must: nodes.length > 0 && nodes.length === possible.length };
  }

  /** Whether a better candidate takes an address from who answers for it. */
  get failback(): Failback {
    return "immediate";
  }

  /** An address may be with another node than the expected owner, because that one came back, or came to be the best. */
  get isSticky(): boolean {
    if (this.isMixed) return false;
    if (typeof this.failback !== "number") return this.failback === "never";
    return this.wholeSince === undefined || this.time.now - this.wholeSince < this.failback + this.settledMs;
  }

  /** News of what is wanted reach everybody soon. */
  get isPrompt(): boolean {
    return true;
  }

  /** Since when it could serve the address without a break; `undefined`: it cannot. */
  servesSince(node: SimNode, address: string): Millis | undefined {
    if (!this.serves(node, address) || !this.isLinked(node)) return undefined;
    const names = this.servesOn(node, address);
    const links = node.links.filter(({ interfaceName }) => names.includes(interfaceName));
    const since = links.map(({ carrierSince, ipv6Since }) =>
      isIpv6(address) ? Math.max(carrierSince, ipv6Since) : carrierSince
    );
    return Math.max(node.readyAt!, Math.min(...since));
  }

  /** Some speaker is not Herald, and knows the members of the gossip and their order alone: so all go by that. */
  get isMixed(): boolean {
    return this.nodes.some((node) => node.program === "metallb" && this.isMember(node));
  }

  /** The gossip of the others reaches it. */
  isMember(node: SimNode): boolean {
    return isAlive(node) && !this.network.isolated.has(node);
  }

  /** Its link leads to where it must lead. */
  isLinked(_node: SimNode): boolean {
    return true;
  }

  /** It would answer, if it were its turn. */
  serves(node: SimNode, address: string): boolean {
    return isAlive(node) && this.servesOn(node, address).length > 0;
  }

  /** Names of the interfaces that the address is to be announced on from this node and that have a link, and its family. */
  servesOn(node: SimNode, address: string): string[] {
    const wanted = this.interfacesOf(node);
    const linked = node.links.filter(({ hasCarrier, hasIpv6 }) => hasCarrier && (hasIpv6 || !isIpv6(address)))
      .map(({ interfaceName }) => interfaceName);
    return wanted === "all" ? linked : linked.filter((name) => wanted.includes(name));
  }

  /** On which interfaces this node is to announce what it has. */
  interfacesOf(_node: SimNode): "all" | readonly string[] {
    return "all";
  }

  /** Runs `found` on every frame that a node sends to announce an address. */
  onClaim(found: (node: SimNode, address: string) => void): void {
    this.checkers.push({
      onFrame: (node, { address, isAnnouncement }) => {
        if (isAnnouncement) found(node, address);
        return undefined;
      },
    });
  }

  /** Whoever logs an error has a bug. */
  log(who: string, event: LogEvent): void {
    if (this.#options.verbose === true && event.level !== "trace" && event.level !== "debug") {
      this.note(`${who} logs ${JSON.stringify(event)}`);
    }
    if (event.level === "error") this.fail(`${who} logs an error: ${JSON.stringify(event)}`);
  }

  fail(wrong: string): never {
    const story = this.story.slice(this.#options.verbose === true ? 0 : -25).join("\n  ");
    const { seed, nodes } = this.#options;
    const at = this.time.now.toFixed(1);
    this.failure ??= new Error(
      `Seed ${seed} with ${nodes} nodes at ${at}: ${wrong}. What happened before:\n  ${story}`,
    );
    throw this.failure;
  }

  #hear(node: SimNode, event: FromPacketThread): void {
    if (this.#options.verbose !== true) return;
    if (event.kind === "ownership") {
      const { address, owned, reason, elected } = event;
      this.note(`  ${node.name} ${owned ? "answers" : "is silent"} for ${address}: ${reason}, elected ${elected}`);
    } else if (event.kind === "peer") this.note(`  ${node.name} sees ${event.node} ${event.state}`);
    else if (event.kind === "ready") this.note(`  ${node.name} is ready`);
  }

  #look(): void {
    for (const { client, name: on, witness } of this.segments) {
      for (const [address, ip] of this.addresses) {
        witness.ask(address, ip);
        const mac = client.send(ip);
        const to = mac === undefined ? undefined : this.#byMac.get(mac);
        this.#judge((checker) => checker.onPacket?.({ address, on }, to));
      }
    }
    this.time.after(this.askEveryMs, () => this.#look());
  }

  #judgeFrame(from: Station, spoken: Spoken & { readonly on: string }): void {
    if (!(from instanceof NodeLink)) return;
    const node = this.node(from.name);
    this.#judge((checker) => checker.onFrame?.(node, spoken));
  }

  #judgeAnswers(asked: Asked): void {
    const nodes = asked.answeredBy.map((mac) => this.#byMac.get(mac)!);
    this.#judge((checker) => checker.onAnswers?.(asked, nodes));
  }

  #judge(ask: (checker: Checker) => string | undefined): void {
    for (const checker of this.checkers) {
      const wrong = ask(checker);
      if (wrong !== undefined) this.fail(wrong);
    }
  }
}

/** Its speaker runs, and does not leave. */
export function isAlive(node: SimNode): boolean {
  return node.process === "running" && node.readyAt !== undefined && !node.leaving;
}

function isIpv6(address: string): boolean {
  return address.includes(":");
}

/** `node-a` to `node-z`, then `node-aa` and so on. */
function nodeNames(count: number): string[] {
  const letter = (i: number) => String.fromCharCode(97 + i);
  return Array.from(
    { length: count },
    (_, i) => `node-${i < 26 ? "" : letter(Math.floor(i / 26) - 1)}${letter(i % 26)}`,
  );
}
