/**
 * What the take-over of five thousand addresses costs the node that tells a hundred others of it: the machines of its
 * packet thread in simulated time, every message encoded and decoded as on the wire, without the system's sockets.
 *
 * A turn is one input and all that follows from it: as long as it lasts no question is answered.
 */
import { Agenda } from "../../lib/base/agenda.ts";
import { formatIpv4, type Ipv4 } from "../../lib/base/ip.ts";
import type { Mac } from "../../lib/base/mac.ts";
import { SeededRng } from "../../lib/base/rng.ts";
import { DELTA_ENTRIES_MAX, type WantedAddress } from "../../lib/base/wanted.ts";
import { PacketPlane } from "../../lib/protocol/packet_plane.ts";
import type { PacketPlaneEffect, PacketPlaneInput } from "../../lib/protocol/packet_plane_io.ts";
import {
  decodeWatchMessage,
  deriveWatchKey,
  encodeWatchMessage,
  type WatchMessage,
} from "../../lib/protocol/watch/message.ts";
import { atMost, type Measurement } from "./report.ts";
import { sum, worst } from "./stats.ts";

const ADDRESSES = 5_000;
const PEERS = 100;
const FIRST = 0x0a_09_00_00;
const PORT = 7947;
const KEY = deriveWatchKey(new Uint8Array(32).fill(7));
const HEADER_BYTES = 28;
const ROUND_TRIP_MS = 1;
const SETTLE_MS = 2_000;
/** The last receipt is there long before. */
const TAKE_OVER_MS = 10_000;
/** Half of what the packet thread takes for a pause in which it may have lost everything. */
const TURN_MS_MAX = 112;

/** Node `self` and a hundred others that answer whatever it asks; the first of them owns everything until it dies. */
class Cluster {
  readonly #rng = new SeededRng(5);
  readonly #plane = new PacketPlane(
    { node: "self", generation: 1, watch: { authenticated: true, membership: true } },
    { rng: this.#rng },
  );
  readonly #arriving = new Agenda<Uint8Array>();
  readonly #dead = new Set<string>();
  #now = 1000;
  owned = 0;
  /** Of claims. */
  sent = { messages: 0, bytes: 0 };
  /** Milliseconds of the processor, turn by turn. */
  turns: number[] = [];
  /** When the last receipt came, and how many turns there were until then. */
  confirmed = { at: 0, turns: 0 };

  constructor(peers: readonly string[]) {
    const address = (node: string) => `192.0.2.${peers.indexOf(node) + 1}`;
    this.#turn({ kind: "interface", interface: { ifindex: 2, name: "eth0", mac: 0x02_00_00_00_00_01 as Mac } });
    this.#turn({ kind: "interfaces", report: { usable: ["eth0"], ipv4Only: ["eth0"], refused: [] } });
    this.#turn({ kind: "opened" });
    let generation = 0;
    const delta = { upsertAddresses: [], removeAddresses: [], upsertPeers: [], removePeers: [], complete: false };
    const upsertPeers = peers.map((node) => ({ node, address: address(node), port: PORT }));
    this.#turn({ kind: "delta", delta: { ...delta, generation: ++generation, upsertPeers } });
    for (const node of peers) this.#meet(node, address(node));
    this.#turn({ kind: "membersKnown" });
    const wanted = Array.from({ length: ADDRESSES }, (_, index): WantedAddress => ({
      address: formatIpv4((FIRST + index) as Ipv4),
      candidates: [peers[0]!, "self", ...peers.slice(1)],
      interfaces: "all",
      services: ["default/web"],
    }));
    for (let at = 0; at < wanted.length; at += DELTA_ENTRIES_MAX) {
      const upsertAddresses = wanted.slice(at, at + DELTA_ENTRIES_MAX);
      const complete = at + DELTA_ENTRIES_MAX >= wanted.length;
      this.#turn({ kind: "delta", delta: { ...delta, generation: ++generation, upsertAddresses, complete } });
    }
    this.pass(SETTLE_MS);
  }

  kill(node: string): void {
    this.#dead.add(node);
    this.turns = [];
    this.sent = { messages: 0, bytes: 0 };
  }

  get now(): number {
    return this.#now;
  }

  pass(durationMs: number): void {
    const until = this.#now + durationMs;
    for (;;) {
      const arrivesAt = this.#arriving.next()?.at ?? Infinity;
      const dueAt = this.#plane.deadline()?.at ?? Infinity;
      const at = Math.min(arrivesAt, dueAt);
      if (at > until) break;
      this.#now = Math.max(this.#now, at);
      if (arrivesAt <= dueAt) this.#arrive(this.#arriving.takeDue(this.#now)!);
      else this.#turn({ kind: "tick" });
    }
    this.#now = until;
  }

  #meet(node: string, address: string): void {
    const facts = {
      ...{ version: "1", capabilities: [], generation: 1, watchPort: PORT, state: "alive" as const },
      ...{ usableInterfaces: ["eth0"], failedLinkProbes: [], listsAreCut: false },
    };
    const member = { node, address, port: PORT - 1, state: "alive" as const, facts };
    this.#turn({ kind: "member", change: { node, member } });
  }

  #arrive(bytes: Uint8Array): void {
    const begunAt = performance.now();
    const decoded = decodeWatchMessage(bytes, KEY);
    if (!decoded.ok) throw new Error(`A message is refused: ${decoded.reason}`);
    this.#turn({ kind: "watch", message: decoded.value, address: "192.0.2.1", port: PORT }, begunAt);
    if (decoded.value.kind === "receipt") this.confirmed = { at: this.#now, turns: this.turns.length };
  }

  #turn(input: PacketPlaneInput | { readonly kind: "tick" }, begunAt = performance.now()): void {
    this.#plane.handle(input, this.#now);
    const sent: (readonly [WatchMessage, string])[] = [];
    for (let effect; (effect = this.#plane.poll()) !== undefined;) this.#carryOut(effect, sent);
    this.turns.push(performance.now() - begunAt);
    // What the others do costs this node nothing.
    for (const [message, to] of sent) this.#answer(message, to);
  }

  #carryOut(effect: PacketPlaneEffect, sent: (readonly [WatchMessage, string])[]): void {
    if (effect.kind === "event" && effect.event.kind === "ownership" && effect.event.owned) this.owned++;
    if (effect.kind !== "sendWatch") return;
    const bytes = encodeWatchMessage(effect.message, KEY);
    sent.push([effect.message, effect.address]);
    if (effect.message.kind !== "claims") return;
    this.sent.messages++;
    this.sent.bytes += bytes.length + HEADER_BYTES;
  }

  #answer({ kind, nonce }: WatchMessage, address: string): void {
    const sender = nameOf(Number(address.split(".")[3]) - 1);
    if (this.#dead.has(sender)) return;
    const common = { sender, generation: 1, state: "alive" as const, nonce };
    const serving = { sequence: 1, usableInterfaces: ["eth0"], failedLinkProbes: [] };
    const claims = { entries: [], standing: false, last: true, stale: false };
    if (kind === "probe") this.#send({ ...common, kind: "ack", serving });
    else if (kind === "claims") this.#send({ ...common, kind: "receipt" });
    else if (kind === "query") this.#send({ ...common, kind: "claims", claims });
  }

  #send(message: WatchMessage): void {
    this.#arriving.set(encodeWatchMessage(message, KEY), this.#now + ROUND_TRIP_MS);
  }
}

function nameOf(index: number): string {
  return `worker-${String(index).padStart(3, "0")}.example`;
}

export function benchClaims(): Promise<Measurement[]> {
  const peers = Array.from({ length: PEERS + 1 }, (_, index) => nameOf(index));
  const cluster = new Cluster(peers);
  if (cluster.owned > 0) throw new Error("It owns addresses although the owner lives");
  cluster.kill(peers[0]!);
  const diedAt = cluster.now;
  cluster.pass(TAKE_OVER_MS);
  const { sent, turns, owned, confirmed } = cluster;
  const what = `${ADDRESSES} addresses to ${PEERS} peers:`;
  return Promise.resolve([
    { what: `${what} taken over`, unit: "", value: owned, bound: { text: "all", holds: owned === ADDRESSES } },
    { what: `${what} datagrams`, unit: "", value: sent.messages },
    { what: `${what} bytes per address and peer`, unit: "", value: sent.bytes / (PEERS * ADDRESSES) },
    { what: `${what} from the death to the last receipt, simulated`, unit: "ms", value: confirmed.at - diedAt },
    { what: `${what} processor until then`, unit: "ms", value: sum(turns.slice(0, confirmed.turns)) },
    {
      what: `${what} longest turn`,
      unit: "ms",
      value: worst(turns),
      bound: atMost(worst(turns), TURN_MS_MAX, `<= ${TURN_MS_MAX} ms`),
    },
  ]);
}
