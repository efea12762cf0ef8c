/**
 * What the gossip costs each node of a cluster of 10, 100 and 1,000, with the real machine on a simulated network: at
 * rest, and when a node dies. Bytes are those on the wire: sealed, with UDP and IP headers; of streams what is in them.
 */
import { SeededRng } from "../../lib/base/rng.ts";
import { METALLB_VERSIONS } from "../../lib/protocol/swim/swim.ts";
import { Keyring } from "../../lib/wire/memberlist/keyring.ts";
import { PLAIN } from "../../lib/wire/memberlist/packet.ts";
import { SEAL_OVERHEAD_BYTES } from "../../lib/wire/memberlist/sealed.ts";
import { encodeStream } from "../../lib/wire/memberlist/stream.ts";
import type { StreamMessage } from "../../lib/wire/memberlist/stream_message.ts";
import { type SwimNode, SwimWorld } from "../support/swim_world.ts";
import { atMost, type Measurement } from "./report.ts";

const HEADER_BYTES = 28;
/** Every node tells of every other a dozen times; at 1,000 nodes that takes nearly a minute. */
const SETTLE_MS = 65_000;
/** More are introduced to each other: sixteen million rumours, nearly all of them old, say nothing of a cluster at rest. */
const MEET_MAX = 100;
/** In which each of 1,000 nodes exchanges its state once. */
const REST_S = 180;
const DEATH_S = 60;
/** One ping and one answer each second, and now and then a second try: it must not grow with the cluster. */
const DATAGRAMS_MAX = 2.5;
/** Whole states are exchanged ever less often as they grow; at 1,000 nodes they are most of it. */
const BYTES_PER_SECOND_MAX = 2000;
const NOTHING = new Uint8Array(0);
const KEY = new Keyring(new Uint8Array(32).fill(1));

interface Traffic {
  readonly datagrams: number;
  readonly datagramBytes: number;
  readonly streamBytes: number;
}

export function benchMembershipTraffic(options: { quick: boolean }): Promise<Measurement[]> {
  const sizes = options.quick ? [10, 100] : [10, 100, 1000];
  return Promise.resolve(sizes.flatMap(measure));
}

function measure(size: number): Measurement[] {
  let streamBytes = 0;
  let isCounting = false;
  const onStream = (message: StreamMessage) => {
    if (isCounting) streamBytes += bytesOf(message);
  };
  const world = new SwimWorld({ seed: size, onStream, history: false });
  const names = Array.from({ length: size }, (_, i) => `worker-${String(i).padStart(4, "0")}.example`);
  const nodes = names.map((name) => world.start(name, { overheadBytes: SEAL_OVERHEAD_BYTES }));
  // Each is told of three others, which is enough to meet all; then their rumours come to rest.
  for (const [i, node] of nodes.entries()) {
    world.seed(node, [1, 7, 31].map((step) => nodes[(i + step) % size]!));
  }
  if (size > MEET_MAX) introduce(world, nodes);
  world.run(SETTLE_MS);
  if (!world.isWhole(nodes)) throw new Error(`${size} nodes did not meet`);
  world.reaches = () => true;
  const count = (seconds: number): Traffic => {
    const before = nodes.map(({ datagrams, bytes }) => ({ datagrams, bytes }));
    streamBytes = 0;
    isCounting = true;
    world.run(seconds * 1000);
    isCounting = false;
    const perNodeAndSecond = (sum: number) => sum / size / seconds;
    const datagrams = nodes.reduce((sum, node, i) => sum + node.datagrams - before[i]!.datagrams, 0);
    const payload = nodes.reduce((sum, node, i) => sum + node.bytes - before[i]!.bytes, 0);
    return {
      datagrams: perNodeAndSecond(datagrams),
      datagramBytes: perNodeAndSecond(payload + datagrams * (SEAL_OVERHEAD_BYTES + HEADER_BYTES)),
      streamBytes: perNodeAndSecond(streamBytes),
    };
  };
  const idle = count(REST_S);
  world.kill(nodes[0]!);
  const busy = count(DEATH_S);
  const found = nodes.slice(1).filter((node) => world.view(node, nodes[0]!) !== "alive").length;
  const bytes = idle.datagramBytes + idle.streamBytes;
  return [
    {
      what: `${size} nodes at rest: datagrams per node and second`,
      unit: "",
      value: idle.datagrams,
      bound: atMost(idle.datagrams, DATAGRAMS_MAX, `<= ${DATAGRAMS_MAX}, whatever the size`),
    },
    {
      what: `${size} nodes at rest: bytes per node and second`,
      unit: "",
      value: bytes,
      bound: atMost(bytes, BYTES_PER_SECOND_MAX, `<= ${BYTES_PER_SECOND_MAX}`),
    },
    { what: `${size} nodes at rest: of them in streams`, unit: "", value: idle.streamBytes },
    {
      what: `${size} nodes, one dies: datagrams per node and second in that minute`,
      unit: "",
      value: busy.datagrams,
      control: { what: "at rest", value: idle.datagrams },
    },
    {
      what: `${size} nodes, one dies: nodes that did not find out in a minute`,
      unit: "",
      value: size - 1 - found,
      bound: atMost(size - 1 - found, 0, "none"),
    },
  ];
}

/** Each hears of all others over streams. What they go on telling of it is sent and gets lost. */
function introduce(world: SwimWorld, nodes: readonly SwimNode[]): void {
  const members = nodes.map(({ name, address }) => ({
    ...{ node: name, address, port: 7946, incarnation: 1, meta: NOTHING },
    versions: METALLB_VERSIONS,
    state: "alive" as const,
  }));
  world.reaches = (_from, _to, by) => by !== "gossip";
  for (let at = 0; at < members.length; at += MEET_MAX) {
    const message = { kind: "pushPull" as const, join: true, members: members.slice(at, at + MEET_MAX) };
    for (const node of nodes) {
      world.input(node, { kind: "streamRequest", id: 0, message: { ...message, userState: NOTHING } });
    }
    world.run(SETTLE_MS * MEET_MAX / members.length);
  }
}

function bytesOf(message: StreamMessage): number {
  const security = { ...PLAIN, keyring: KEY };
  const options = { side: "caller", address: "192.0.2.1", security, compress: true, now: 0 } as const;
  return encodeStream(message, { ...options, rng: new SeededRng(1) }).length;
}
