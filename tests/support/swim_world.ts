/**
 * Swim machines on a simulated network and clock: datagrams take a random time and may be lost, streams take longer and
 * arrive. Everything follows from the seed.
 */
import type { MemberChange, MemberState } from "../../lib/base/member.ts";
import { below, SeededRng } from "../../lib/base/rng.ts";
import type { Millis } from "../../lib/base/time.ts";
import { MinHeap } from "../../lib/decision/alloc/min_heap.ts";
import { Swim, type SwimEffect, type SwimInput, type SwimOptions } from "../../lib/protocol/swim/swim.ts";
import { LAN_TIMING } from "../../lib/protocol/swim/timing.ts";
import { MESSAGE_TYPE } from "../../lib/wire/memberlist/message.ts";
import { decodePacket, PLAIN } from "../../lib/wire/memberlist/packet.ts";
import type { StreamMessage } from "../../lib/wire/memberlist/stream_message.ts";

const PORT = 7946;
const NOTHING = new Uint8Array(0);
/** memberlist's budget for a datagram, which every node of a world has. */
const DATAGRAM_BYTES_MAX = 1400;
const STREAM_TIMEOUT_MS = 10_000;

export interface SwimWorldOptions {
  readonly seed: number;
  /** Of datagrams, in [0, 1). */
  readonly loss?: number;
  readonly delayMs?: readonly [Millis, Millis];
  readonly onStream?: (message: StreamMessage) => void;
  /** False: only what each node sees now is kept, and not how it came to that. */
  readonly history?: boolean;
}

export interface SwimNode {
  readonly name: string;
  readonly address: string;
  swim: Swim;
  /** Its process runs. */
  running: boolean;
  /** What it sees now, by node. */
  readonly states: Map<string, MemberState>;
  /** What it saw when. */
  readonly changes: { readonly at: Millis; readonly change: MemberChange }[];
  readonly logged: string[];
  datagrams: number;
  bytes: number;
  joinedAt: Millis | undefined;
  hasLeft: boolean;
}

interface Due {
  readonly at: Millis;
  readonly number: number;
  readonly act: () => void;
}

export class SwimWorld {
  now: Millis = 0;
  readonly nodes = new Map<string, SwimNode>();
  /** Whether what one sends reaches the other; `gossip` are the datagrams that neither ask nor answer. */
  reaches: (from: SwimNode, to: SwimNode, by: "datagram" | "gossip" | "stream") => boolean = () => true;
  readonly #options: SwimWorldOptions;
  readonly #rng: SeededRng;
  readonly #byAddress = new Map<string, SwimNode>();
  readonly #due = new MinHeap<Due>((a, b) => a.at - b.at || a.number - b.number);
  readonly #wakesAt = new Map<SwimNode, Millis>();
  readonly #replies = new Map<string, (reply: StreamMessage | undefined) => void>();
  #number = 0;

  constructor(options: SwimWorldOptions) {
    this.#options = options;
    this.#rng = new SeededRng(options.seed);
  }

  /** Starts a node, or one of that name anew; it knows nobody. */
  start(name: string, options: Partial<SwimOptions> = {}): SwimNode {
    const known = this.nodes.get(name);
    const number = this.nodes.size + 1;
    const address = options.address ?? known?.address ?? `10.0.${number >> 8}.${number & 0xff}`;
    const swim = new Swim({
      node: name,
      address,
      port: PORT,
      meta: NOTHING,
      timing: LAN_TIMING,
      overheadBytes: 0,
      ...options,
    }, { rng: new SeededRng(this.#rng.u32()) });
    const node: SwimNode = {
      ...{
        name,
        address,
        swim,
        running: true,
        states: new Map(),
        changes: [],
        logged: [],
        datagrams: 0,
        bytes: 0,
        joinedAt: undefined,
        hasLeft: false,
      },
    };
    this.nodes.set(name, node);
    this.#byAddress.set(address, node);
    return node;
  }

  /** As its speaker's Pods would tell it: the addresses of these nodes. */
  seed(node: SwimNode, seeds: Iterable<SwimNode>): void {
    const others = [...seeds].filter((each) => each.name !== node.name);
    this.input(node, { kind: "seeds", seeds: others.map(({ address }) => ({ address, port: PORT })) });
  }

  /** `names` that all know each other's addresses, and time for them to meet. */
  cluster(names: readonly string[], options: Partial<SwimOptions> & { readonly settleMs?: Millis } = {}): SwimNode[] {
    const nodes = names.map((name) => this.start(name, options));
    for (const node of nodes) this.seed(node, nodes);
    this.run(options.settleMs ?? 3000);
    return nodes;
  }

  input(node: SwimNode, input: SwimInput | { readonly kind: "tick" }): void {
    if (!node.running) return;
    node.swim.handle(input, this.now);
    for (let effect; (effect = node.swim.poll()) !== undefined;) this.#apply(node, effect);
    this.#wake(node);
  }

  kill(node: SwimNode): void {
    node.running = false;
  }

  /** The process stands still; datagrams that come meanwhile are discarded, as the packet loop does. */
  pause(node: SwimNode, forMs: Millis): void {
    node.running = false;
    this.#at(this.now + forMs, () => {
      node.running = true;
      this.input(node, { kind: "gap", gapMs: forMs });
    });
  }

  run(forMs: Millis): void {
    const until = this.now + forMs;
    for (let due; (due = this.#due.peek()) !== undefined && due.at <= until;) {
      this.#due.pop();
      this.now = due.at;
      due.act();
    }
    this.now = until;
  }

  /** How one sees another. */
  view(observer: SwimNode, subject: SwimNode): MemberState | undefined {
    return observer.states.get(subject.name);
  }

  /** True when each of these sees all the others alive. */
  isWhole(nodes: readonly SwimNode[]): boolean {
    return nodes.every((a) => nodes.every((b) => a === b || this.view(a, b) === "alive"));
  }

  #apply(node: SwimNode, effect: SwimEffect): void {
    switch (effect.kind) {
      case "sendDatagram": {
        const { address, payload } = effect.datagram;
        if (payload.length > DATAGRAM_BYTES_MAX) throw new Error(`${node.name} sent ${payload.length} bytes in one`);
        node.datagrams++;
        node.bytes += payload.length;
        const target = this.#byAddress.get(address);
        // Nothing but rumours for one member goes with a checksum.
        const by = payload[0] === MESSAGE_TYPE.crc ? "gossip" : "datagram";
        if (target === undefined || !this.reaches(node, target, by)) return;
        if (this.#rng.u32() / 2 ** 32 < (this.#options.loss ?? 0)) return;
        this.#at(this.now + this.#delay(), () => {
          if (!target.running || this.nodes.get(target.name) !== target) return;
          const { messages, problems } = decodePacket(payload, { address: node.address, security: PLAIN });
          if (problems.length > 0) throw new Error(`${node.name} sent what nobody understands: ${problems}`);
          this.input(target, { kind: "datagram", messages, from: { address: node.address, port: PORT } });
        });
        return;
      }
      case "openStream":
        return this.#open(node, effect);
      case "replyStream":
      case "closeStream": {
        const key = `${node.address} ${effect.id}`;
        const reply = this.#replies.get(key);
        this.#replies.delete(key);
        if (effect.kind === "replyStream") this.#options.onStream?.(effect.message);
        reply?.(effect.kind === "replyStream" ? effect.message : undefined);
        return;
      }
      case "member": {
        const { change } = effect;
        if (change.member === undefined) node.states.delete(change.node);
        else node.states.set(change.node, change.member.state);
        if (this.#options.history !== false) node.changes.push({ at: this.now, change });
        return;
      }
      case "joined":
        node.joinedAt = this.now;
        return;
      case "log":
        node.logged.push(effect.event.event);
        return;
      case "left":
        node.hasLeft = true;
    }
  }

  #open(node: SwimNode, { id, to, message }: SwimEffect & { kind: "openStream" }): void {
    this.#options.onStream?.(message);
    const target = this.#byAddress.get(to.address);
    const fail = (reason: string, afterMs: Millis) =>
      this.#at(this.now + afterMs, () => this.input(node, { kind: "streamFailed", id, reason }));
    if (target === undefined || !this.reaches(node, target, "stream")) return fail("timeout", STREAM_TIMEOUT_MS);
    this.#at(this.now + 3 * this.#delay(), () => {
      if (!target.running) return fail("refused", this.#delay());
      const theirs = ++this.#number;
      this.#replies.set(`${target.address} ${theirs}`, (reply) => {
        if (reply === undefined) return fail("closed", this.#delay());
        this.#at(this.now + this.#delay(), () => this.input(node, { kind: "streamReply", id, message: reply }));
      });
      this.input(target, { kind: "streamRequest", id: theirs, message });
    });
  }

  #delay(): Millis {
    const [least, most] = this.#options.delayMs ?? [0.1, 1];
    return least + (most - least) * below(this.#rng, 1000) / 1000;
  }

  #wake(node: SwimNode): void {
    const at = node.swim.deadline()?.at;
    if (at === undefined || at === Infinity) return;
    const planned = this.#wakesAt.get(node);
    if (planned !== undefined && planned <= at && planned > this.now) return;
    this.#wakesAt.set(node, at);
    this.#at(Math.max(at, this.now), () => {
      if (this.#wakesAt.get(node) === at) this.#wakesAt.delete(node);
      const due = node.swim.deadline()?.at ?? Infinity;
      if (due <= this.now) this.input(node, { kind: "tick" });
      else this.#wake(node);
    });
  }

  #at(at: Millis, act: () => void): void {
    this.#due.push({ at, number: ++this.#number, act });
  }
}
