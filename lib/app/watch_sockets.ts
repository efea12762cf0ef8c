/**
 * The sockets of the watch: one port that everybody reaches, one socket per peer that is probed, and the lines.
 *
 * A probe goes out by a socket of its own that is connected to the peer, because only there the kernel tells that
 * nobody holds the peer's port. A line is an idle TCP connection to the same port: when the process at the other end
 * dies, its kernel ends the connection at once, long before the next probe is due. Nothing is ever said on a line, and
 * nothing is believed of it but that it ended; whoever cannot have one (a firewall) is told by the probes alone.
 */
import { KeyRotation } from "../base/key_rotation.ts";
import type { Clock } from "../base/time.ts";
import { EAGAIN, ECONNREFUSED } from "../edge/net/errno.ts";
import { ProbeSocket } from "../edge/net/probe_socket.ts";
import { TcpListener, TcpSocket } from "../edge/net/tcp_socket.ts";
import { UdpSocket } from "../edge/net/udp_socket.ts";
import type { PacketLoop, PacketSource } from "../edge/run/packet_loop.ts";
import type { PacketPlaneEffect, PacketPlaneInput } from "../protocol/packet_plane_io.ts";
import {
  decodeWatchMessage,
  deriveWatchKey,
  encodeWatchMessage,
  WATCH_MESSAGE_BYTES_MAX,
  type WatchDecodeResult,
  type WatchMessage,
} from "../protocol/watch/message.ts";

export interface WatchSocketsOptions {
  readonly address: string;
  readonly port: number;
  readonly secret: Uint8Array | undefined;
}

export interface WatchSocketsDeps {
  readonly loop: PacketLoop;
  readonly clock: Clock;
  readonly input: (input: PacketPlaneInput) => void;
  readonly count: (counter: "watchReceived" | "watchRefused" | "sendErrors" | "discarded" | "withheld") => void;
  /** Counts what is not processed, by a reason of a closed set. */
  readonly drop: (reason: string) => void;
}

type SendWatch = PacketPlaneEffect & { readonly kind: "sendWatch" };

interface Opened<Socket> {
  readonly socket: Socket;
  readonly source: PacketSource;
}

/** More than a socket's receive queue holds. */
const DISCARD_MAX = 1 << 20;
/** More peers than a cluster has nodes: beyond it a peer is probed like any stranger is answered. */
const PEERS_MAX = 1024;
/** Lines that others hold to us; whoever comes beyond it gets none. */
const HELD_MAX = 1024;
/** A speaker holds one. A stranger must neither take them all nor make the loop look after a thousand. */
const HELD_MAX_PER_ADDRESS = 16;
/** Whoever lost its power ends no line: without this its lines would be held for ever, until there is no room for one. */
const HELD_KEEP_ALIVE_S = 20;

export class WatchSockets {
  readonly #address: string;
  readonly #keys: KeyRotation | undefined;
  readonly #deps: WatchSocketsDeps;
  readonly #socket: UdpSocket;
  readonly #listener: TcpListener;
  readonly #buffer = new Uint8Array(WATCH_MESSAGE_BYTES_MAX + 1);
  readonly #probes = new Map<string, Opened<ProbeSocket>>();
  readonly #lines = new Map<string, Opened<TcpSocket>>();
  readonly #held = new Set<Opened<TcpSocket>>();

  /** Throws `SysError` when the address or the port cannot be had. */
  constructor(options: WatchSocketsOptions, deps: WatchSocketsDeps) {
    this.#address = options.address;
    this.#deps = deps;
    this.#keys = options.secret === undefined ? undefined : new KeyRotation(deriveWatchKey(options.secret));
    this.#socket = UdpSocket.bind(options);
    this.#listener = TcpListener.listen({
      address: options.address,
      port: this.#socket.port,
      keepAliveS: HELD_KEEP_ALIVE_S,
    });
    deps.loop.add({
      fd: this.#socket.fd,
      drain: (budget) => this.#receive(budget),
      discard: () => this.#socket.discardQueued(DISCARD_MAX),
    });
    deps.loop.add({ fd: this.#listener.fd, drain: (budget) => this.#accept(budget), discard: () => 0 });
  }

  /** The one in use, also when port 0 was asked for. */
  get port(): number {
    return this.#socket.port;
  }

  /** The cluster's secret changed: messages by the new one are believed from now on, and made by it after a while. */
  changeSecret(secret: Uint8Array): void {
    this.#keys?.install(deriveWatchKey(secret), this.#deps.clock.now());
  }

  send(effect: SendWatch): void {
    const bytes = encodeWatchMessage(effect.message, this.#keys?.keyFor(effect.address, this.#deps.clock.now()));
    // What this node answered for before it stood still may be another one's by now.
    if (claimsAddress(effect.message) && this.#deps.loop.isStale()) return this.#deps.count("withheld");
    const probe = effect.probed === undefined ? undefined : this.#probeSocket(effect, effect.probed);
    if (probe === undefined) {
      if (this.#socket.sendTo(bytes, effect.address, effect.port) < 0) this.#deps.count("sendErrors");
      return;
    }
    let sent = probe.send(bytes);
    if (sent === -ECONNREFUSED) {
      this.#deps.input({ kind: "refused", node: effect.probed! });
      sent = probe.send(bytes);
    }
    if (sent < 0) this.#deps.count("sendErrors");
  }

  openLine({ node, address, port }: PacketPlaneEffect & { readonly kind: "openLine" }): void {
    this.closeLine(node);
    const socket = TcpSocket.connect({ address, port }, { source: this.#address });
    if (typeof socket === "number") return this.#deps.input({ kind: "lineLost", node });
    const source = { fd: socket.fd, drain: () => this.#readLine(node, socket), discard: () => 0 };
    this.#lines.set(node, { socket, source });
    this.#deps.loop.add(source);
  }

  closeLine(node: string): void {
    const line = this.#lines.get(node);
    this.#lines.delete(node);
    if (line !== undefined) this.#close(line);
  }

  close(): void {
    for (const opened of [...this.#probes.values(), ...this.#lines.values(), ...this.#held]) this.#close(opened);
    this.#socket.close();
    this.#listener.close();
  }

  #close({ socket, source }: Opened<ProbeSocket | TcpSocket>): void {
    this.#deps.loop.remove(source);
    socket.close();
  }

  /** `undefined` when there is no way to the peer now. */
  #probeSocket({ address, port }: SendWatch, node: string): ProbeSocket | undefined {
    const known = this.#probes.get(node);
    if (known?.socket.peer.address === address && known.socket.peer.port === port) return known.socket;
    if (known !== undefined) {
      this.#probes.delete(node);
      this.#close(known);
    }
    if (this.#probes.size >= PEERS_MAX) return undefined;
    const socket = ProbeSocket.connect({ address, port }, { source: this.#address });
    if (typeof socket === "number") return undefined;
    const source = {
      fd: socket.fd,
      drain: (budget: number) => this.#receiveAnswers(node, socket, budget),
      discard: () => socket.discardQueued(DISCARD_MAX),
    };
    this.#probes.set(node, { socket, source });
    this.#deps.loop.add(source);
    return socket;
  }

  #receiveAnswers(node: string, socket: ProbeSocket, budget: number): number {
    const { address, port } = socket.peer;
    for (let count = 0; count < budget; count++) {
      const length = socket.receiveInto(this.#buffer);
      if (length >= 0) {
        if (this.#isDiscarded()) return count;
        this.#take(length, { address, port });
      } else if (length === -ECONNREFUSED) this.#deps.input({ kind: "refused", node });
      // Other errors tell of a network that is not there; the probes find out by themselves.
      else if (length === -EAGAIN) return count;
    }
    return budget;
  }

  #receive(budget: number): number {
    let count = 0;
    for (; count < budget; count++) {
      const received = this.#socket.receiveInto(this.#buffer);
      if (received === undefined || this.#isDiscarded()) break;
      this.#take(received.length, received);
    }
    return count;
  }

  /** True when what was just read is old. */
  #isDiscarded(): boolean {
    if (!this.#deps.loop.isStale()) return false;
    this.#deps.count("discarded");
    return true;
  }

  #take(length: number, from: { readonly address: string; readonly port: number }): void {
    this.#deps.count("watchReceived");
    const decoded = this.#decode(this.#buffer.subarray(0, length), from.address);
    if (decoded.ok) {
      const { address, port } = from;
      this.#deps.input({ kind: "watch", message: decoded.value, address, port });
      return;
    }
    this.#deps.count("watchRefused");
    this.#deps.drop(`watch ${decoded.reason}`);
  }

  #decode(bytes: Uint8Array, address: string): WatchDecodeResult {
    const keys = this.#keys;
    if (keys === undefined) return decodeWatchMessage(bytes, undefined);
    let decoded: WatchDecodeResult = { ok: false, reason: "tagMismatch" };
    for (const key of keys.keys) {
      decoded = decodeWatchMessage(bytes, key);
      if (decoded.ok) keys.heard(address, key);
      if (decoded.ok || decoded.reason !== "tagMismatch") return decoded;
    }
    return decoded;
  }

  /** A line is readable when it ended, or could not be had, or somebody broke the rule that nothing is said on it. */
  #readLine(node: string, socket: TcpSocket): number {
    if (socket.receiveInto(this.#buffer) === -EAGAIN) return 0;
    this.closeLine(node);
    this.#deps.input({ kind: "lineLost", node });
    return 1;
  }

  #accept(budget: number): number {
    let count = 0;
    for (; count < budget; count++) {
      const socket = this.#listener.accept();
      if (socket === undefined) break;
      if (!this.#hasRoomFor(socket.peer.address)) {
        this.#deps.drop("watch line refused");
        socket.close();
        continue;
      }
      const held: Opened<TcpSocket> = {
        socket,
        source: { fd: socket.fd, drain: () => this.#readHeld(held), discard: () => 0 },
      };
      this.#held.add(held);
      this.#deps.loop.add(held.source);
    }
    return count;
  }

  #hasRoomFor(address: string): boolean {
    if (this.#held.size >= HELD_MAX) return false;
    const ofAddress = [...this.#held].filter(({ socket }) => socket.peer.address === address);
    return ofAddress.length < HELD_MAX_PER_ADDRESS;
  }

  #readHeld(held: Opened<TcpSocket>): number {
    if (held.socket.receiveInto(this.#buffer) === -EAGAIN) return 0;
    this.#held.delete(held);
    this.#close(held);
    return 1;
  }
}

function claimsAddress({ claims }: WatchMessage): boolean {
  return claims !== undefined && claims.entries.some(({ givenUp }) => !givenUp);
}
