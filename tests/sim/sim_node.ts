/**
 * A node with a speaker's packet plane on it, driven as the packet loop drives it: one input at a time, full drain, ticks
 * at the deadline, the rule for gaps. The process can be started, paused, killed, and told to leave.
 */
import type { Mac } from "../../lib/base/mac.ts";
import { below, type Rng } from "../../lib/base/rng.ts";
import type { Millis } from "../../lib/base/time.ts";
import type { WantedAddress, WantedDelta, WantedPeer } from "../../lib/base/wanted.ts";
import { PacketPlane, type PacketPlaneInput } from "../../lib/protocol/packet_plane.ts";
import type { WatchMessage } from "../../lib/protocol/watch/message.ts";
import type { ArpRecord } from "../../lib/wire/arp.ts";
import type { Network, Station } from "./network.ts";
import type { VirtualTime } from "./virtual_time.ts";

const GAP_MS_MAX = 250;
const SLEEP_MS_MAX = 100;
export const WATCH_PORT = 7947;

/** What the API says at present; nodes hear of it later. */
export interface World {
  readonly wanted: ReadonlyMap<string, WantedAddress>;
  readonly peers: readonly WantedPeer[];
}

export interface SimNodeOptions {
  readonly name: string;
  readonly mac: Mac;
  readonly address: string;
}

export class SimNode implements Station {
  readonly name: string;
  readonly mac: Mac;
  readonly address: string;
  process: "none" | "running" | "paused" = "none";
  leaving = false;
  /** When it had said that it is ready, in its present life. */
  readyAt: Millis | undefined;
  /** What this process has read of the API, by address. */
  readonly told = new Map<string, WantedAddress>();
  readonly #deps: { time: VirtualTime; rng: Rng; network: Network; world: World };
  /** When it last read that it is no candidate of an address any more. */
  readonly droppedAt = new Map<string, Millis>();
  /** What was sent to it, read or not. */
  readonly #sent = new Map<string, WantedAddress>();
  #plane: PacketPlane | undefined;
  #generation = 1_000_000;
  #delta = 0;
  #life = 0;
  #tickAt = Infinity;
  #pausedAt: Millis = 0;
  /** Read later: what came while the process was paused. */
  #queued: PacketPlaneInput[] = [];
  #toldPeers = false;
  #nextNewsAt: Millis = 0;

  constructor(options: SimNodeOptions, deps: { time: VirtualTime; rng: Rng; network: Network; world: World }) {
    this.name = options.name;
    this.mac = options.mac;
    this.address = options.address;
    this.#deps = deps;
  }

  /** A new life. `clockStepMs` lets the wall clock go back between two of them. */
  start(options: { clockStepMs?: number } = {}): void {
    if (this.process !== "none") return;
    const { rng, time } = this.#deps;
    this.#life++;
    this.#generation += 1000 + (options.clockStepMs ?? 0);
    this.#plane = new PacketPlane(
      { node: this.name, generation: this.#generation, watch: { authenticated: true } },
      { rng },
    );
    this.process = "running";
    this.leaving = false;
    this.readyAt = undefined;
    this.told.clear();
    this.#sent.clear();
    this.#delta = 0;
    this.#toldPeers = false;
    this.#tickAt = Infinity;
    const interfaceInput: PacketPlaneInput = {
      kind: "interface",
      interface: { ifindex: 2, name: "eth0", mac: this.mac },
    };
    this.#inThisLife(below(rng, 20), () => this.#input(interfaceInput));
    this.#inThisLife(20, () => this.#input({ kind: "opened" }));
    this.#nextNewsAt = time.now + 5 + below(rng, 60);
    this.hearNews();
  }

  kill(): void {
    this.process = "none";
    this.#plane = undefined;
    this.#queued = [];
    this.told.clear();
    this.#life++;
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
    if (gapMs > GAP_MS_MAX) this.#input({ kind: "gap", gapMs });
    else this.#handleTickIfDue();
    for (const input of queued) {
      const isPacket = input.kind === "arp" || input.kind === "watch";
      if (gapMs <= GAP_MS_MAX || !isPacket) this.#input(input);
    }
  }

  leave(): void {
    this.leaving = true;
    this.#input({ kind: "leave" });
  }

  onArp(record: ArpRecord): void {
    this.#input({ kind: "arp", ifindex: 2, record });
  }

  onWatch(message: WatchMessage, from: string): void {
    this.#input({ kind: "watch", message, address: from, port: WATCH_PORT });
  }

  /** The API changed: after a while this process is told whatever it was not told yet. */
  hearNews(): void {
    if (this.process === "none") return;
    const { time, rng } = this.#deps;
    this.#nextNewsAt = Math.max(this.#nextNewsAt, time.now + 1 + below(rng, 40));
    this.#inThisLife(this.#nextNewsAt - time.now, () => this.#tell());
  }

  #tell(): void {
    const { wanted, peers } = this.#deps.world;
    const upsertAddresses = [...wanted.values()].filter((address) => this.#sent.get(address.address) !== address);
    const removeAddresses = [...this.#sent.keys()].filter((address) => !wanted.has(address));
    for (const address of removeAddresses) this.#sent.delete(address);
    for (const address of upsertAddresses) this.#sent.set(address.address, address);
    const upsertPeers = this.#toldPeers ? [] : peers;
    this.#toldPeers = true;
    const generation = ++this.#delta;
    const delta = { generation, upsertAddresses, removeAddresses, upsertPeers, removePeers: [], complete: true };
    this.#input({ kind: "delta", delta });
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

  #input(input: PacketPlaneInput | { readonly kind: "tick" }): void {
    const plane = this.#plane;
    if (plane === undefined) return;
    if (this.process === "paused") {
      if (input.kind !== "tick") this.#queued.push(input);
      return;
    }
    if (input.kind === "delta") this.#read(input.delta);
    plane.handle(input, this.#deps.time.now);
    this.#drain(plane);
    this.#scheduleTick();
  }

  #drain(plane: PacketPlane): void {
    for (let effect; (effect = plane.poll()) !== undefined;) {
      if (effect.kind === "sendArp") this.#deps.network.sendArp(this, effect.record);
      else if (effect.kind === "sendWatch") this.#deps.network.sendWatch(this, effect.address, effect.message);
      else if (effect.kind === "event" && effect.event.kind === "ready") this.readyAt = this.#deps.time.now;
      else if (effect.kind === "left") return this.kill();
    }
  }

  #scheduleTick(): void {
    const at = this.#plane?.deadline()?.at;
    if (at === undefined || at === this.#tickAt) return;
    this.#tickAt = at;
    this.#inThisLife(at - this.#deps.time.now, () => {
      if (this.#tickAt === at) this.#handleTickIfDue();
    });
  }

  #handleTickIfDue(): void {
    this.#tickAt = Infinity;
    if (this.process !== "running") return;
    if ((this.#plane?.deadline()?.at ?? Infinity) <= this.#deps.time.now) this.#input({ kind: "tick" });
    else this.#scheduleTick();
  }
}
