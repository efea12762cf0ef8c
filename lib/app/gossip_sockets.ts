/**
 * The gossip's sockets in the packet thread: one UDP and one TCP port of the same number. Bytes end here: what comes in
 * is opened and decoded, what goes out is sealed.
 */
import type { SharedCounters } from "../base/shared_counters.ts";
import type { InetAddress } from "../edge/net/sockaddr.ts";
import { UdpSocket } from "../edge/net/udp_socket.ts";
import type { Timed } from "../edge/run/driver.ts";
import type { PacketSource } from "../edge/run/packet_loop.ts";
import type { SwimEffect } from "../protocol/swim/swim.ts";
import { decodePacket, encodePacket, type PacketSecurity } from "../wire/memberlist/packet.ts";
import { GossipStreams, type GossipStreamsDeps } from "./gossip_streams.ts";

export interface GossipSocketsOptions extends InetAddress {
  readonly security: PacketSecurity;
  /** Streams only: datagrams are short. */
  readonly compress: boolean;
  readonly streamTimeoutMs: number;
}

export interface GossipSocketsDeps extends GossipStreamsDeps {
  readonly counters: SharedCounters;
}

/** What of the machine's effects concerns sockets. */
export type GossipSocketEffect = SwimEffect & {
  readonly kind: "sendDatagram" | "openStream" | "replyStream" | "closeStream";
};

const DATAGRAM_BYTES_MAX = 65_536;
/** More than a socket's receive queue holds. */
const DISCARD_MAX = 1 << 20;

export class GossipSockets {
  readonly #options: GossipSocketsOptions;
  readonly #deps: GossipSocketsDeps;
  readonly #socket: UdpSocket;
  readonly #source: PacketSource;
  readonly #streams: GossipStreams;
  readonly #buffer = new Uint8Array(DATAGRAM_BYTES_MAX);

  /** Throws `SysError` when an address or port cannot be had. */
  constructor(options: GossipSocketsOptions, deps: GossipSocketsDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#socket = UdpSocket.bind(options);
    this.#streams = new GossipStreams({ ...options, timeoutMs: options.streamTimeoutMs }, deps);
    const socket = this.#socket;
    this.#source = {
      fd: socket.fd,
      drain: (budget) => this.#receive(budget),
      discard: () => socket.discardQueued(DISCARD_MAX),
    };
    deps.loop.add(this.#source);
  }

  /** What lives in time here: the ends of streams. */
  get timed(): Timed {
    return this.#streams;
  }

  apply(effect: GossipSocketEffect): void {
    switch (effect.kind) {
      case "sendDatagram":
        return this.#send(effect.datagram);
      case "openStream":
        return this.#streams.open(effect.id, effect.to, effect.message);
      case "replyStream":
        return this.#streams.reply(effect.id, effect.message);
      case "closeStream":
        return this.#streams.closeListened(effect.id);
    }
  }

  inspect(): { readonly called: number; readonly listened: number; readonly keys: number } {
    return { ...this.#streams.inspect(), keys: this.#options.security.keyring?.size ?? 0 };
  }

  close(): void {
    this.#deps.loop.remove(this.#source);
    this.#socket.close();
    this.#streams.close();
  }

  #send({ address, port, payload }: (SwimEffect & { kind: "sendDatagram" })["datagram"]): void {
    const { rng, clock, counters } = this.#deps;
    const bytes = encodePacket(payload, { address, security: this.#options.security, rng, now: clock.now() });
    if (this.#socket.sendTo(bytes, address, port) < 0) return counters.increment("sendErrors");
    counters.increment("gossipSent");
    counters.increment("gossipBytesSent", bytes.length);
  }

  #receive(budget: number): number {
    const { counters, input, drop } = this.#deps;
    let count = 0;
    for (; count < budget; count++) {
      const received = this.#socket.receiveInto(this.#buffer);
      if (received === undefined) break;
      if (this.#deps.loop.isStale()) {
        counters.increment("discarded");
        break;
      }
      counters.increment("gossipReceived");
      const { address, port } = received;
      const bytes = this.#buffer.subarray(0, received.length);
      const { messages, problems } = decodePacket(bytes, { address, security: this.#options.security });
      for (const problem of problems) {
        counters.increment("gossipRefused");
        drop(`gossip ${problem}`);
      }
      if (messages.length > 0) input({ kind: "datagram", messages, from: { address, port } });
    }
    return count;
  }
}
