/**
 * Membership in the packet thread: the gossip's machine on its sockets, beside the packet plane.
 *
 *     deltas ── peers ──> Swim <── datagrams, streams ──> GossipSockets
 *     what this node says of itself ──^  └── members, log ──> tell
 */
import type { LogEvent } from "../base/log.ts";
import type { MemberChange, SpeakerFacts } from "../base/member.ts";
import type { JsonObject } from "../base/json.ts";
import type { WantedDelta } from "../base/wanted.ts";
import type { Millis } from "../base/time.ts";
import { Driver, type Timed } from "../edge/run/driver.ts";
import { encodeMeta } from "../protocol/swim/meta.ts";
import { Swim, type SwimEffect, type SwimInput } from "../protocol/swim/swim.ts";
import type { MemberVersions } from "../wire/memberlist/message.ts";
import { deriveMemberlistKey, Keyring } from "../wire/memberlist/keyring.ts";
import { type PacketSecurity, securityOverhead } from "../wire/memberlist/packet.ts";
import { GossipSockets, type GossipSocketsDeps } from "./gossip_sockets.ts";
import type { MemberlistSettings } from "./memberlist_settings.ts";
import { VERSION } from "./version.ts";

/** What the control thread hands over at start; all of it can be posted to a Worker. */
export interface MembershipInit {
  /** At which the other speakers reach this one. */
  readonly address: string;
  readonly port: number;
  /** `undefined`: nothing is sealed. */
  readonly secret: Uint8Array | undefined;
  readonly settings: MemberlistSettings;
  /** Other versions than MetalLB's, to join nodes that demand a delegate protocol, as serf's agents do. */
  readonly versions?: MemberVersions;
}

export interface MembershipOptions extends MembershipInit {
  readonly node: string;
  readonly generation: number;
}

export type MembershipEvent =
  | { readonly kind: "member"; readonly change: MemberChange }
  /** The first attempt to join is over, whatever came of it. */
  | { readonly kind: "membersKnown" }
  | { readonly kind: "log"; readonly event: LogEvent }
  /** After `leave`: the others know. */
  | { readonly kind: "left" };

export interface MembershipDeps extends Omit<GossipSocketsDeps, "input"> {
  readonly tell: (event: MembershipEvent) => void;
}

/** What changes of a speaker's facts while it lives. */
export type ChangingFacts = Pick<
  SpeakerFacts,
  "state" | "usableInterfaces" | "ipv4OnlyInterfaces" | "failedLinkProbes"
>;

export class Membership {
  readonly #options: MembershipOptions;
  readonly #deps: MembershipDeps;
  readonly #keyring: Keyring | undefined;
  readonly #swim: Swim;
  readonly #driver: Driver<SwimInput, SwimEffect>;
  readonly #sockets: GossipSockets;
  /** By node. */
  readonly #peers = new Map<string, string>();
  #complete = false;

  /** Throws `SysError` when an address or port cannot be had. */
  constructor(options: MembershipOptions, deps: MembershipDeps) {
    this.#options = options;
    this.#deps = deps;
    const { secret, settings, address, port } = options;
    this.#keyring = secret === undefined ? undefined : new Keyring(deriveMemberlistKey(secret));
    const { verifyIncoming, verifyOutgoing } = settings;
    const security: PacketSecurity = {
      label: new Uint8Array(0),
      keyring: this.#keyring,
      verifyIncoming,
      verifyOutgoing,
    };
    this.#swim = new Swim({
      ...options,
      meta: this.#metaOf({ state: "starting", usableInterfaces: [], failedLinkProbes: [] }),
      timing: settings.timing,
      overheadBytes: securityOverhead(security),
    }, deps);
    this.#driver = new Driver({ name: "membership" }, {
      machine: this.#swim,
      clock: deps.clock,
      apply: (effect) => this.#apply(effect),
    });
    this.#sockets = new GossipSockets({
      address,
      port,
      security,
      compress: settings.compress,
      streamTimeoutMs: settings.timing.streamTimeoutMs,
    }, { ...deps, input: (input) => this.#receive(input) });
  }

  get timed(): readonly Timed[] {
    return [this.#driver, this.#sockets.timed];
  }

  /** Every speaker that the API names is joined if the gossip does not know it; none before the first snapshot is whole. */
  takePeers({ upsertPeers, removePeers, complete }: WantedDelta): void {
    for (const node of removePeers) this.#peers.delete(node);
    for (const { node, address } of upsertPeers) this.#peers.set(node, address);
    const isFirst = complete && !this.#complete;
    if (complete) this.#complete = true;
    if (!this.#complete || (!isFirst && upsertPeers.length + removePeers.length === 0)) return;
    const { port } = this.#options;
    this.#driver.input({ kind: "seeds", seeds: [...this.#peers.values()].map((address) => ({ address, port })) });
  }

  /** What all others are to know of this node. */
  setFacts(facts: ChangingFacts): void {
    this.#driver.input({ kind: "meta", meta: this.#metaOf(facts) });
  }

  /** The cluster's secret changed: its new key is understood from now on and used after a while. */
  changeSecret(secret: Uint8Array): void {
    const isNew = this.#keyring?.install(deriveMemberlistKey(secret), this.#deps.clock.now());
    if (isNew) this.#deps.tell({ kind: "log", event: { level: "info", event: "memberlistKeyInstalled" } });
  }

  /** The loop stood still; what had queued was discarded. */
  takeGap(gapMs: Millis): void {
    this.#driver.input({ kind: "gap", gapMs });
  }

  leave(): void {
    this.#driver.input({ kind: "leave" });
  }

  inspect(): JsonObject {
    return { ...this.#swim.inspect() as JsonObject, sockets: this.#sockets.inspect() };
  }

  close(): void {
    this.#sockets.close();
  }

  #receive(input: SwimInput): void {
    if (input.kind === "streamFailed") this.#deps.counters.increment("gossipStreamsFailed");
    this.#driver.input(input);
  }

  #metaOf(facts: ChangingFacts): Uint8Array {
    const { generation, port } = this.#options;
    return encodeMeta({ ...facts, version: VERSION, capabilities: [], generation, watchPort: port + 1 });
  }

  #apply(effect: SwimEffect): void {
    switch (effect.kind) {
      case "sendDatagram":
      case "openStream":
      case "replyStream":
      case "closeStream":
        return this.#sockets.apply(effect);
      case "joined":
        return this.#deps.tell({ kind: "membersKnown" });
      default:
        return this.#deps.tell(effect);
    }
  }
}
