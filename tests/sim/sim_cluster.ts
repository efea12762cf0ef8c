/**
 * A whole cluster in virtual time: nodes with packet planes, a Linux client, a witness, one segment; and what the API
 * says. It does what it is told, keeps the story, and asks its checkers about everything that happens.
 */
import { type Ipv4, parseIpv4 } from "../../lib/base/ip.ts";
import type { Mac } from "../../lib/base/mac.ts";
import { type Rng, SeededRng } from "../../lib/base/rng.ts";
import type { Millis } from "../../lib/base/time.ts";
import type { WantedAddress } from "../../lib/base/wanted.ts";
import { isGratuitous } from "../../lib/wire/arp_frames.ts";
import type { ArpRecord } from "../../lib/wire/arp.ts";
import { LinuxClient } from "./linux_client.ts";
import { FINE, Network, type Weather } from "./network.ts";
import { SimNode, WATCH_PORT } from "./sim_node.ts";
import { VirtualTime } from "./virtual_time.ts";
import { type Asked, Witness } from "./witness.ts";

/** How often every address is asked for, and sent a packet. */
const INTERVAL_MS = 5;

/** Judges what happens; returns what is wrong, if anything. It knows the world, never the machines. */
export interface Checker {
  /** A node sent a frame. */
  onFrame?(from: SimNode, record: ArpRecord): string | undefined;
  /** A request was answered by these nodes, or by none. */
  onAnswers?(asked: Asked, nodes: readonly SimNode[]): string | undefined;
  /** The client sent a packet to where its cache points; `undefined`: nowhere. */
  onPacket?(address: string, to: SimNode | undefined): string | undefined;
}

export interface SimClusterOptions {
  readonly seed: number;
  readonly nodes: number;
  /** Text of the addresses that are asked for, wanted or not. */
  readonly addresses: readonly string[];
}

export class SimCluster {
  readonly time = new VirtualTime();
  readonly rng: Rng;
  readonly network: Network;
  readonly nodes: SimNode[] = [];
  readonly client: LinuxClient;
  readonly witness: Witness;
  readonly wanted = new Map<string, WantedAddress>();
  readonly addresses: ReadonlyMap<string, Ipv4>;
  readonly checkers: Checker[] = [];
  /** Since when nothing is broken and nothing was changed; `undefined` while something is broken. */
  wholeSince: Millis | undefined;
  readonly story: string[] = [];
  readonly #byMac = new Map<Mac, SimNode>();
  readonly #seed: number;

  constructor(options: SimClusterOptions) {
    this.#seed = options.seed;
    this.rng = new SeededRng(options.seed);
    const { time, rng } = this;
    this.network = new Network({ time, rng });
    this.addresses = new Map(options.addresses.map((address) => [address, parseIpv4(address)!]));
    const names = Array.from({ length: options.nodes }, (_, i) => `node-${String.fromCharCode(97 + i)}`);
    const peers = names.map((node, i) => ({ node, address: `192.0.2.${i + 1}`, port: WATCH_PORT }));
    const world = { wanted: this.wanted, peers };
    for (const { node: name, address } of peers) {
      const mac = (0x02_00_00_00_0a_00 + this.nodes.length) as Mac;
      const node = new SimNode({ name, mac, address }, { time, rng, network: this.network, world });
      this.nodes.push(node);
      this.#byMac.set(mac, node);
      this.network.join(node);
    }
    this.client = new LinuxClient({ time, network: this.network });
    this.witness = new Witness({ time, network: this.network, onOutcome: (asked) => this.#judgeAnswers(asked) });
    this.network.join(this.client);
    this.network.join(this.witness);
    this.network.onFrame = (from, record) => {
      if (from instanceof SimNode) this.#judge((checker) => checker.onFrame?.(from, record));
    };
    this.#look();
  }

  node(name: string): SimNode {
    const node = this.nodes.find((candidate) => candidate.name === name);
    if (node === undefined) throw new Error(`There is no ${name}`);
    return node;
  }

  /** Does something to the cluster and writes it down. */
  act(what: string, run: () => void): void {
    this.story.push(`${this.time.now.toFixed(1)} ${what}`);
    run();
    const broken = this.network.weather !== FINE || this.nodes.some(({ process }) => process === "paused");
    this.wholeSince = broken ? undefined : this.time.now;
  }

  want(address: string, candidates: readonly string[]): void {
    this.act(`${address} is wanted on ${candidates.join(", ") || "no node"}`, () => {
      this.wanted.set(address, { address, candidates, interfaces: "all", services: ["default/a"] });
      for (const node of this.nodes) node.hearNews();
    });
  }

  unwant(address: string): void {
    this.act(`${address} is not wanted`, () => {
      this.wanted.delete(address);
      for (const node of this.nodes) node.hearNews();
    });
  }

  weather(what: string, weather: Partial<Weather>): void {
    this.act(what, () => this.network.weather = what === "fine weather" ? FINE : { ...FINE, ...weather });
  }

  start(name: string, options: { clockStepMs?: number } = {}): void {
    this.act(`start ${name}`, () => this.node(name).start(options));
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

  pass(durationMs: number): void {
    this.time.pass(durationMs);
  }

  /** The node that should answer once everything has settled. */
  expectedOwner(address: string): SimNode | undefined {
    for (const name of this.wanted.get(address)?.candidates ?? []) {
      const node = this.nodes.find((candidate) => candidate.name === name);
      if (node?.process === "running" && node.readyAt !== undefined && !node.leaving) return node;
    }
    return undefined;
  }

  /** Runs `found` on every frame that a node sends to announce an address. */
  onClaim(found: (node: SimNode, record: ArpRecord) => void): void {
    this.checkers.push({
      onFrame: (node, record) => {
        if (isGratuitous(record)) found(node, record);
        return undefined;
      },
    });
  }

  #look(): void {
    for (const [address, ip] of this.addresses) {
      this.witness.ask(address, ip);
      const mac = this.client.send(ip);
      const to = mac === undefined ? undefined : this.#byMac.get(mac);
      this.#judge((checker) => checker.onPacket?.(address, to));
    }
    this.time.after(INTERVAL_MS, () => this.#look());
  }

  #judgeAnswers(asked: Asked): void {
    const nodes = asked.answeredBy.map((mac) => this.#byMac.get(mac)!);
    this.#judge((checker) => checker.onAnswers?.(asked, nodes));
  }

  #judge(ask: (checker: Checker) => string | undefined): void {
    for (const checker of this.checkers) {
      const wrong = ask(checker);
      if (wrong === undefined) continue;
      const story = this.story.slice(-25).join("\n  ");
      throw new Error(`Seed ${this.#seed} at ${this.time.now.toFixed(1)}: ${wrong}. What happened before:\n  ${story}`);
    }
  }
}
