/**
 * A speaker's gossip: the real machine, on datagrams and streams of the simulated network. In place of sockets it hands
 * messages to the gossip of another node; what becomes of them on the way is the network's business.
 */
import type { WantedDelta } from "../../lib/base/wanted.ts";
import { encodeMeta } from "../../lib/protocol/swim/meta.ts";
import { Swim, type SwimEffect, type SwimInput } from "../../lib/protocol/swim/swim.ts";
import { LAN_TIMING } from "../../lib/protocol/swim/timing.ts";
import type { ChangingFacts, MembershipEvent } from "../../lib/app/membership.ts";
import { decodePacket } from "../../lib/wire/memberlist/packet.ts";
import type { Rng } from "../../lib/base/rng.ts";
import type { Network, Station } from "./network.ts";
import { SimDriver } from "./sim_driver.ts";
import type { VirtualTime } from "./virtual_time.ts";

const PORT = 7946;
const REFUSED_MS = 5;
/**
 * Whoever missed that a member came back hears of it with the next exchange of whole states: with MetalLB's 30 s that is
 * longer than the stories; its configuration file may set less.
 */
const METALLB_TIMING = { ...LAN_TIMING, pushPullIntervalMs: 5000 };
const PLAIN = { label: new Uint8Array(0), keyring: undefined, verifyIncoming: false, verifyOutgoing: false };

/** Whose gossip it is. */
export interface GossipStation extends Station {
  readonly process: "none" | "running" | "paused";
  readonly gossip: Gossip | undefined;
  /** Something came in from the network: at once, or when the process runs again. */
  takePacket(run: () => void): void;
}

interface GossipDeps {
  readonly time: VirtualTime;
  readonly network: Network;
  readonly rng: Rng;
  readonly tell: (event: MembershipEvent) => void;
}

export class Gossip {
  readonly #station: GossipStation;
  readonly #deps: GossipDeps;
  readonly #generation: number;
  readonly #hasMeta: boolean;
  readonly #driver: SimDriver<SwimInput, SwimEffect>;
  readonly #peers = new Map<string, string>();
  /** Streams that others have opened: how to answer. */
  readonly #asked = new Map<number, (effect: SwimEffect & { kind: "replyStream" }) => void>();
  #complete = false;
  #nextStream = 1_000_000;

  constructor(
    station: GossipStation,
    { generation, hasMeta, ...deps }: GossipDeps & { readonly generation: number; readonly hasMeta: boolean },
  ) {
    this.#station = station;
    this.#deps = deps;
    this.#generation = generation;
    this.#hasMeta = hasMeta;
    const swim = new Swim({
      node: station.name,
      address: station.address,
      port: PORT,
      meta: this.#metaOf({ state: "starting", usableInterfaces: [], failedLinkProbes: [] }),
      timing: hasMeta ? LAN_TIMING : METALLB_TIMING,
      overheadBytes: 0,
    }, deps);
    this.#driver = new SimDriver(swim, {
      time: deps.time,
      apply: (effect) => this.#apply(effect),
      isAwake: () => station.process === "running",
    });
  }

  end(): void {
    this.#driver.end();
  }

  tickIfDue(): void {
    this.#driver.tickIfDue();
  }

  takePeers({ upsertPeers, removePeers, complete }: WantedDelta): void {
    for (const node of removePeers) this.#peers.delete(node);
    for (const { node, address } of upsertPeers) this.#peers.set(node, address);
    const isFirst = complete && !this.#complete;
    this.#complete ||= complete;
    if (!this.#complete || (!isFirst && upsertPeers.length + removePeers.length === 0)) return;
    this.input({ kind: "seeds", seeds: [...this.#peers.values()].map((address) => ({ address, port: PORT })) });
  }

  setFacts(facts: ChangingFacts): void {
    this.input({ kind: "meta", meta: this.#metaOf(facts) });
  }

  input(input: SwimInput): void {
    this.#driver.input(input);
  }

  #metaOf(facts: ChangingFacts): Uint8Array {
    if (!this.#hasMeta) return new Uint8Array(0);
    return encodeMeta({
      ...facts,
      version: "sim",
      capabilities: [],
      generation: this.#generation,
      watchPort: PORT + 1,
    });
  }

  #apply(effect: SwimEffect): void {
    const { network, tell } = this.#deps;
    switch (effect.kind) {
      case "sendDatagram": {
        const { address, payload } = effect.datagram;
        return network.sendDatagram(this.#station, { address }, (to) => this.#deliver(to as GossipStation, payload));
      }
      case "openStream":
        return this.#open(effect);
      case "replyStream":
        this.#asked.get(effect.id)?.(effect);
        this.#asked.delete(effect.id);
        return;
      case "closeStream":
        this.#asked.delete(effect.id);
        return;
      case "joined":
        return tell({ kind: "membersKnown" });
      default:
        return tell(effect);
    }
  }

  #deliver(to: GossipStation, payload: Uint8Array): void {
    const from = { address: this.#station.address, port: PORT };
    to.takePacket(() => {
      const { messages } = decodePacket(payload, { address: from.address, security: PLAIN });
      if (messages.length > 0) to.gossip?.input({ kind: "datagram", messages, from });
    });
  }

  /** Whoever is asked answers or not; a stream without an answer fails when its time is over. */
  #open({ id, to, message }: SwimEffect & { kind: "openStream" }): void {
    const { network, time } = this.#deps;
    let isOver = false;
    const settle = (input: SwimInput) => {
      if (isOver) return;
      isOver = true;
      this.#station.takePacket(() => this.input(input));
    };
    const fail = (reason: string) => settle({ kind: "streamFailed", id, reason });
    time.after(LAN_TIMING.streamTimeoutMs, () => fail("timeout"));
    network.sendReliably(this.#station, to.address, (station) => {
      const peer = station as GossipStation;
      if (peer.process === "none") return time.after(REFUSED_MS, () => fail("refused"));
      peer.takePacket(() =>
        peer.gossip?.answer(message, (reply) => {
          network.sendReliably(peer, this.#station.address, () => settle({ kind: "streamReply", id, message: reply }));
        })
      );
    });
  }

  /** Somebody opened a stream to us. */
  answer(
    message: (SwimInput & { kind: "streamRequest" })["message"],
    reply: (message: (SwimEffect & { kind: "replyStream" })["message"]) => void,
  ): void {
    const id = this.#nextStream++;
    this.#asked.set(id, (effect) => reply(effect.message));
    this.input({ kind: "streamRequest", id, message });
  }
}
