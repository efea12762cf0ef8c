/**
 * The gossip's streams: each carries one question and at most one answer, within one deadline.
 *
 * Whoever connects may be anybody. So there are only so many streams, of one address only some; when all are taken the
 * oldest that has said nothing whole yet makes room; and what one may send is limited by its reader.
 */
import { EAGAIN, errnoName } from "../edge/net/errno.ts";
import { type InetAddress } from "../edge/net/sockaddr.ts";
import { TcpListener, TcpSocket } from "../edge/net/tcp_socket.ts";
import type { Timed } from "../edge/run/driver.ts";
import type { PacketLoop, PacketSource } from "../edge/run/packet_loop.ts";
import type { Clock, Millis } from "../base/time.ts";
import type { Rng } from "../base/rng.ts";
import type { SwimInput } from "../protocol/swim/swim.ts";
import type { PacketSecurity } from "../wire/memberlist/packet.ts";
import { encodeStream, type StreamProblem, StreamReader } from "../wire/memberlist/stream.ts";
import type { StreamMessage } from "../wire/memberlist/stream_message.ts";

export interface GossipStreamsOptions extends InetAddress {
  readonly security: PacketSecurity;
  readonly compress: boolean;
  readonly timeoutMs: Millis;
}

export interface GossipStreamsDeps {
  readonly loop: PacketLoop;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly input: (input: SwimInput) => void;
  /** Counts what was not understood. */
  readonly drop: (reason: string) => void;
}

interface Stream {
  readonly id: number;
  readonly role: "caller" | "listener";
  readonly socket: TcpSocket;
  readonly source: PacketSource;
  readonly reader: StreamReader;
  readonly endsAt: Millis;
  outgoing: Uint8Array;
  /** Our call is not answered by a connection yet. */
  connecting: boolean;
  /** Their question is whole: whatever else they send is ignored. */
  asked: boolean;
}

const LISTENED_MAX = 64;
const LISTENED_MAX_PER_ADDRESS = 8;
const RECEIVE_BYTES = 65_536;

export class GossipStreams implements Timed {
  readonly #options: GossipStreamsOptions;
  readonly #deps: GossipStreamsDeps;
  readonly #listener: TcpListener;
  readonly #listenerSource: PacketSource;
  readonly #called = new Map<number, Stream>();
  readonly #listened = new Map<number, Stream>();
  readonly #buffer = new Uint8Array(RECEIVE_BYTES);
  #nextListened = 0;

  /** Throws `SysError` when it cannot listen. */
  constructor(options: GossipStreamsOptions, deps: GossipStreamsDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#listener = TcpListener.listen(options);
    this.#listenerSource = {
      fd: this.#listener.fd,
      drain: (budget) => this.#accept(budget),
      discard: () => this.#refuseQueued(),
    };
    deps.loop.add(this.#listenerSource);
  }

  inspect(): { readonly called: number; readonly listened: number } {
    return { called: this.#called.size, listened: this.#listened.size };
  }

  /** Calls somebody; the answer or the failure comes back as an input. */
  open(id: number, to: InetAddress, message: StreamMessage): void {
    const socket = TcpSocket.connect(to, { source: this.#options.address });
    if (typeof socket === "number") {
      return this.#deps.input({ kind: "streamFailed", id, reason: errnoName(-socket) });
    }
    const outgoing = this.#encode(message, { side: "caller", address: to.address });
    const stream = this.#stream(socket, { id, role: "caller", outgoing });
    this.#called.set(id, stream);
    this.#deps.loop.awaitWritable(stream.source, true);
  }

  /** Answers a question; the stream ends when the answer is out. */
  reply(id: number, message: StreamMessage): void {
    const stream = this.#listened.get(id);
    if (stream === undefined) return;
    stream.outgoing = this.#encode(message, { side: "listener", address: stream.socket.peer.address });
    this.#write(stream);
  }

  closeListened(id: number): void {
    const stream = this.#listened.get(id);
    if (stream !== undefined) this.#end(stream, "closed");
  }

  close(): void {
    for (const stream of [...this.#called.values(), ...this.#listened.values()]) this.#release(stream);
    this.#deps.loop.remove(this.#listenerSource);
    this.#listener.close();
  }

  tickIfDue(): void {
    if (this.timeoutMs() > 0) return;
    const now = this.#deps.clock.now();
    for (const stream of [...this.#called.values(), ...this.#listened.values()]) {
      if (stream.endsAt <= now) this.#end(stream, "timeout");
    }
  }

  timeoutMs(): number {
    // Both are in the order of their ends, since all have the same time.
    const [called] = this.#called.values();
    const [listened] = this.#listened.values();
    const endsAt = Math.min(called?.endsAt ?? Infinity, listened?.endsAt ?? Infinity);
    return endsAt === Infinity ? Infinity : Math.max(endsAt - this.#deps.clock.now(), 0);
  }

  #accept(budget: number): number {
    let count = 0;
    for (; count < budget; count++) {
      const socket = this.#listener.accept();
      if (socket === undefined) break;
      if (!this.#makeRoom(socket.peer.address)) {
        socket.close();
        this.#deps.drop("gossip stream refused");
        continue;
      }
      const id = ++this.#nextListened;
      this.#listened.set(id, this.#stream(socket, { id, role: "listener", outgoing: new Uint8Array(0) }));
    }
    return count;
  }

  #makeRoom(address: string): boolean {
    const streams = [...this.#listened.values()];
    const ofAddress = streams.filter(({ socket }) => socket.peer.address === address);
    if (ofAddress.length >= LISTENED_MAX_PER_ADDRESS) return false;
    if (streams.length < LISTENED_MAX) return true;
    const silent = streams.find(({ asked }) => !asked);
    if (silent === undefined) return false;
    this.#end(silent, "gave way");
    return true;
  }

  /** After a gap: who called then has given up by now. */
  #refuseQueued(): number {
    let count = 0;
    for (let socket; count < LISTENED_MAX && (socket = this.#listener.accept()) !== undefined; count++) socket.close();
    return count;
  }

  #stream(socket: TcpSocket, { id, role, outgoing }: Pick<Stream, "id" | "role" | "outgoing">): Stream {
    const { security, timeoutMs } = this.#options;
    const stream: Stream = {
      id,
      role,
      socket,
      outgoing,
      source: {
        fd: socket.fd,
        drain: () => this.#serve(stream),
        discard: () => {
          this.#end(stream, "gap");
          return 1;
        },
      },
      reader: new StreamReader({
        side: role === "caller" ? "listener" : "caller",
        address: socket.peer.address,
        security,
      }),
      endsAt: this.#deps.clock.now() + timeoutMs,
      connecting: role === "caller",
      asked: false,
    };
    this.#deps.loop.add(stream.source);
    return stream;
  }

  /** Once for each time that the descriptor is ready: the loop comes back while it is. */
  #serve(stream: Stream): number {
    if (stream.connecting) {
      const result = stream.socket.connectError();
      if (result < 0) {
        this.#end(stream, errnoName(-result));
        return 1;
      }
      stream.connecting = false;
    }
    if (stream.outgoing.length > 0) this.#write(stream);
    if (stream.socket.fd >= 0) this.#read(stream);
    return 1;
  }

  #write(stream: Stream): void {
    const sent = stream.socket.send(stream.outgoing);
    if (sent < 0 && sent !== -EAGAIN) return this.#end(stream, errnoName(-sent));
    stream.outgoing = stream.outgoing.subarray(Math.max(sent, 0));
    if (stream.outgoing.length === 0 && stream.role === "listener") return this.#end(stream, "answered");
    this.#deps.loop.awaitWritable(stream.source, stream.outgoing.length > 0);
  }

  #read(stream: Stream): void {
    const length = stream.socket.receiveInto(this.#buffer);
    if (length === -EAGAIN) return;
    if (length <= 0) return this.#end(stream, length === 0 ? "ended early" : errnoName(-length));
    // Nobody who waits for an answer has more to say; unread it would keep the loop awake.
    if (stream.asked) return;
    const result = stream.reader.push(this.#buffer.subarray(0, length));
    if (result === undefined) return;
    if (typeof result === "string") return this.#refuse(stream, result);
    if (stream.role === "caller") {
      this.#release(stream);
      return this.#deps.input({ kind: "streamReply", id: stream.id, message: result });
    }
    stream.asked = true;
    this.#deps.input({ kind: "streamRequest", id: stream.id, message: result });
  }

  /** A caller is told, as memberlist does, unless it belongs to another cluster. */
  #refuse(stream: Stream, problem: StreamProblem): void {
    this.#deps.drop(`gossip stream ${problem}`);
    if (stream.role === "caller" || problem === "label") return this.#end(stream, problem);
    stream.asked = true;
    this.reply(stream.id, { kind: "error", text: `this stream was not understood: ${problem}` });
  }

  #encode(
    message: StreamMessage,
    to: { readonly side: "caller" | "listener"; readonly address: string },
  ): Uint8Array<ArrayBuffer> {
    const { security, compress } = this.#options;
    return encodeStream(message, { ...to, security, compress, rng: this.#deps.rng, now: this.#deps.clock.now() });
  }

  #end(stream: Stream, reason: string): void {
    this.#release(stream);
    if (stream.role === "caller") this.#deps.input({ kind: "streamFailed", id: stream.id, reason });
  }

  #release(stream: Stream): void {
    (stream.role === "caller" ? this.#called : this.#listened).delete(stream.id);
    this.#deps.loop.remove(stream.source);
    stream.socket.close();
  }
}
