// needs: namespaces
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { LAN_SETTINGS } from "../../../lib/app/memberlist_settings.ts";
import { TcpSocket } from "../../../lib/edge/net/tcp_socket.ts";
import { SeededRng } from "../../../lib/base/rng.ts";
import { PLAIN } from "../../../lib/wire/memberlist/packet.ts";
import { encodeStream, StreamReader } from "../../../lib/wire/memberlist/stream.ts";
import type { StreamMessage } from "../../../lib/wire/memberlist/stream_message.ts";
import { enter } from "../app/inside.ts";
import { addressOf, GossipingSpeaker, PORT, until, withLab } from "./gossip_stage.ts";

/** Long enough to be seen before it is over, and far from the usual one. */
const TIMEOUT_MS = 3000;
/** Of one address. */
const LET_IN_MAX = 8;
const SETTINGS = { ...LAN_SETTINGS, timing: { ...LAN_SETTINGS.timing, streamTimeoutMs: TIMEOUT_MS } };
const VICTIM = addressOf(1);
const ASK: StreamMessage = { kind: "ping", seqNo: 7, node: "n1", source: undefined };

function call(): TcpSocket {
  const socket = TcpSocket.connect({ address: VICTIM, port: PORT });
  if (typeof socket === "number") throw new Error(`The call failed: ${socket}`);
  return socket;
}

function bytesOf(message: StreamMessage): Uint8Array {
  const options = { side: "caller", address: VICTIM, security: PLAIN, compress: false, now: 0 } as const;
  return encodeStream(message, { ...options, rng: new SeededRng(1) });
}

/** What comes back until the other side ends the stream; `undefined` when nothing does. */
async function answer(socket: TcpSocket): Promise<StreamMessage | undefined> {
  const reader = new StreamReader({ side: "listener", address: VICTIM, security: PLAIN });
  const buffer = new Uint8Array(65_536);
  return await until("the stream ends", () => {
    const length = socket.receiveInto(buffer);
    if (length === -11) return Promise.resolve(undefined);
    const result = length > 0 ? reader.push(buffer.subarray(0, length)) : "ended";
    socket.close();
    return Promise.resolve({ said: typeof result === "object" ? result : undefined });
  }).then(({ said }) => said);
}

async function send(socket: TcpSocket, bytes: Uint8Array): Promise<void> {
  await until("the bytes go out", () => Promise.resolve(socket.send(bytes) === bytes.length));
}

async function withVictim(test: (victim: GossipingSpeaker) => Promise<void>): Promise<void> {
  await withLab(3, async (lab) => {
    const victim = new GossipingSpeaker(lab.host("h1"), { node: "n1", address: VICTIM, settings: SETTINGS });
    const other = new GossipingSpeaker(lab.host("h3"), { node: "n3", address: addressOf(3), settings: SETTINGS });
    await victim.membership();
    const leave = enter(lab.host("h2").namespacePath);
    try {
      await test(victim);
      // Whatever was done to it, it can be joined.
      other.name([{ node: "n1", address: VICTIM }]);
      await until("it is joined", async () => await victim.stateOf("n3") === "alive");
    } finally {
      leave();
      await victim.cut();
      await other.cut();
    }
  });
}

async function listened(victim: GossipingSpeaker): Promise<number> {
  const { sockets } = await victim.membership() as unknown as { sockets: { listened: number } };
  return sockets.listened;
}

Deno.test("Gossip streams: callers who say nothing keep nobody out, and are sent away when their time is over", () =>
  withVictim(async (victim) => {
    const silent = Array.from({ length: 100 }, call);
    // The rest was closed at once.
    await until("as many are let in as may be", async () => await listened(victim) === LET_IN_MAX);
    await until("all were sent away", async () => {
      const now = await listened(victim);
      assert(now <= LET_IN_MAX, `${now} are let in`);
      return now === 0;
    }, LAN_SETTINGS.timing.streamTimeoutMs);
    silent.forEach((socket) => socket.close());
  }));

Deno.test("Gossip streams: bytes that trickle are read, as long as there is time", () =>
  withVictim(async () => {
    const socket = call();
    for (const byte of bytesOf(ASK)) await send(socket, new Uint8Array([byte]));
    assertEquals(await answer(socket), { kind: "ack", seqNo: 7, payload: new Uint8Array(0) });
  }));

const NONSENSE: readonly [what: string, bytes: Uint8Array][] = [
  ["an HTTP request", new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")],
  ["a type that there is not", new Uint8Array([99])],
  ["a stream that says it is sealed", new Uint8Array([10, 0, 0, 0, 30, ...new Uint8Array(30)])],
  ["one that says it is enormous", new Uint8Array([10, 0xff, 0xff, 0xff, 0xff])],
];

Deno.test("Gossip streams: nonsense is answered with an error, as memberlist does", () =>
  withVictim(async () => {
    for (const [what, bytes] of NONSENSE) {
      const socket = call();
      await send(socket, bytes);
      assertEquals([what, (await answer(socket))?.kind], [what, "error"]);
    }
    // Of another cluster: not a word.
    const socket = call();
    await send(socket, new Uint8Array([244, 1, 65, 0]));
    assertEquals(await answer(socket), undefined);
  }));
