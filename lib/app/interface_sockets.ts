/**
 * The packet sockets of the interfaces that a speaker announces on: one for ARP and one for neighbour discovery each, and
 * the multicast groups of the latter. Bytes end here: frames are decoded before they reach a machine.
 */
import type { FixedCounter } from "../base/shared_counters.ts";
import type { LogEvent } from "../base/log.ts";
import { ARP_FILTER, NDP_FILTER } from "../edge/net/bpf.ts";
import { ENODEV, SysError } from "../edge/net/errno.ts";
import { MulticastGroups } from "../edge/net/multicast_groups.ts";
import type { PacketSocket } from "../edge/net/packet_socket.ts";
import { PacketSocketShelf } from "../edge/net/packet_socket_shelf.ts";
import { isWireless } from "../edge/net/wireless.ts";
import type { PacketLoop, PacketSource } from "../edge/run/packet_loop.ts";
import type { SendArp, SendNdp } from "../protocol/l2/announcer.ts";
import type { L2Interface } from "../protocol/l2/interface.ts";
import type { GroupChange } from "../protocol/l2/solicited_node_groups.ts";
import { arpReceiveWindow, type ArpRecord, decodeArpWindow, encodeArpInto } from "../wire/arp.ts";
import type { DecodeResult } from "../wire/_abi.ts";
import {
  decodeNdpWindow,
  encodeNdpInto,
  NDP_ENCODED_BYTES_MAX,
  ndpReceiveWindow,
  type NdpRecord,
} from "../wire/ndp.ts";

export type ReceivedFrame =
  | { readonly kind: "arp"; readonly ifindex: number; readonly record: ArpRecord }
  | { readonly kind: "ndp"; readonly ifindex: number; readonly record: NdpRecord };

export interface InterfaceSocketsDeps {
  readonly loop: PacketLoop;
  readonly receive: (frame: ReceivedFrame) => void;
  readonly count: (counter: FixedCounter) => void;
  /** Something was not processed; the reasons are a closed set. */
  readonly drop: (reason: string) => void;
  readonly log: (event: LogEvent) => void;
}

interface Open {
  readonly sockets: Readonly<Record<"arp" | "ndp", PacketSocket>>;
  readonly sources: readonly PacketSource[];
}

/** How one protocol's frames are received. */
interface Protocol<Record> {
  readonly name: "arp" | "ndp";
  readonly window: Uint8Array<ArrayBuffer>;
  readonly decode: (length: number) => DecodeResult<Record, string>;
}

const ARP: Protocol<ArpRecord> = { name: "arp", window: arpReceiveWindow, decode: decodeArpWindow };
const NDP: Protocol<NdpRecord> = { name: "ndp", window: ndpReceiveWindow, decode: decodeNdpWindow };

/** ARP is padded to 60. */
const FRAME_BYTES = Math.max(64, NDP_ENCODED_BYTES_MAX);
const TOLD_MAX = 256;
/** More than a socket's receive queue holds. */
const DISCARD_MAX = 1 << 20;

export class InterfaceSockets {
  readonly #deps: InterfaceSocketsDeps;
  readonly #open = new Map<number, Open>();
  readonly #shelves = {
    arp: new PacketSocketShelf({ filter: ARP_FILTER }),
    ndp: new PacketSocketShelf({ filter: NDP_FILTER }),
  };
  readonly #groups = new MulticastGroups();
  readonly #frame = new Uint8Array(FRAME_BYTES);
  /** Errors of groups and of interfaces that were told: each once. */
  readonly #told = new Set<string>();

  constructor(deps: InterfaceSocketsDeps) {
    this.#deps = deps;
  }

  /** False when the kernel refused; throws when it always will. */
  open({ ifindex, name }: L2Interface): boolean {
    const sockets: { arp?: PacketSocket; ndp?: PacketSocket } = {};
    try {
      sockets.arp = this.#shelves.arp.take(ifindex);
      sockets.ndp = this.#shelves.ndp.take(ifindex);
    } catch (error) {
      if (sockets.arp !== undefined) this.#shelves.arp.put(ifindex, sockets.arp);
      // Without the right to open packet sockets this thread is of no use; anything else concerns this interface only.
      if (!(error instanceof SysError)) throw error;
      if (error.code === "EPERM") throw new Error(`${error.message}; a speaker needs the capability CAP_NET_RAW`);
      this.#tellNotOpened(name, error);
      return false;
    }
    const { arp, ndp } = sockets;
    if (isWireless(name)) this.#hearEverything(arp, { ifindex, name });
    const sources = [
      this.#source(arp, { ...ARP, receive: (record) => this.#deps.receive({ kind: "arp", ifindex, record }) }),
      this.#source(ndp, { ...NDP, receive: (record) => this.#deps.receive({ kind: "ndp", ifindex, record }) }),
    ];
    for (const source of sources) this.#deps.loop.add(source);
    this.#open.set(ifindex, { sockets: { arp, ndp }, sources });
    this.#deps.log({ level: "info", event: "createARPResponder", interface: name });
    return true;
  }

  /** False when it was not open. */
  close({ ifindex, name }: L2Interface): boolean {
    const open = this.#open.get(ifindex);
    if (open === undefined) return false;
    this.#open.delete(ifindex);
    for (const source of open.sources) this.#deps.loop.remove(source);
    this.#shelves.arp.put(ifindex, open.sockets.arp);
    this.#shelves.ndp.put(ifindex, open.sockets.ndp);
    this.#deps.log({ level: "info", event: "deleteARPResponder", interface: name });
    return true;
  }

  /** At the end of the thread: without a word to the loop. */
  closeAll(): void {
    for (const { sockets } of this.#open.values()) for (const socket of Object.values(sockets)) socket.close();
    this.#open.clear();
    this.#shelves.arp.close();
    this.#shelves.ndp.close();
    this.#groups.close();
  }

  /**
   * True when the frame went out. The last thing before that is a look at whether this thread stood still since it was
   * decided: by now another node may have the address.
   */
  send(effect: SendArp | SendNdp): boolean {
    const sockets = this.#open.get(effect.ifindex)?.sockets;
    if (sockets === undefined) return false;
    const isArp = effect.kind === "sendArp";
    const length = isArp ? encodeArpInto(effect.record, this.#frame) : encodeNdpInto(effect.record, this.#frame);
    const socket = sockets[isArp ? "arp" : "ndp"];
    if (this.#deps.loop.isStale()) {
      this.#deps.count("withheld");
      return false;
    }
    const sent = socket.send(this.#frame, length) > 0;
    if (!sent) this.#deps.count("sendErrors");
    return sent;
  }

  changeGroup(change: GroupChange): void {
    if (change.kind === "leaveGroup") return this.#groups.leave(change);
    const errno = -this.#groups.join(change);
    if (errno === 0 || errno === ENODEV || this.#told.has(`${errno}`)) return;
    this.#told.add(`${errno}`);
    const { message: error } = new SysError(`join ${change.group} on interface ${change.ifindex}`, errno);
    this.#deps.log({ level: "warn", event: "multicastGroupNotJoined", error });
  }

  /** It is tried again every few seconds, and there may be thousands: each is told once, as far as people read. */
  #tellNotOpened(name: string, error: SysError): void {
    const key = `${error.code} ${name}`;
    // One that went away between its notice and now is nobody's fault.
    if (error.code === "ENODEV" || this.#told.has(key) || this.#told.size >= TOLD_MAX) return;
    this.#told.add(key);
    this.#deps.log({ level: "warn", event: "interfaceNotOpened", interface: name, error: error.message });
  }

  /** Of Wi-Fi interfaces: their firmware keeps requests for our addresses to itself otherwise. */
  #hearEverything(socket: PacketSocket, { ifindex, name }: { ifindex: number; name: string }): void {
    const errno = -socket.setPromiscuous(ifindex);
    if (errno === 0) return this.#deps.log({ level: "info", event: "wirelessPromiscuous", interface: name });
    const { message: error } = new SysError("set promiscuous", errno);
    this.#deps.log({ level: "warn", event: "wirelessNotPromiscuous", interface: name, error });
  }

  #source<T>(socket: PacketSocket, protocol: Protocol<T> & { readonly receive: (record: T) => void }): PacketSource {
    return {
      fd: socket.fd,
      drain: (budget) => this.#receive(socket, { budget, ...protocol }),
      discard: () => socket.discardQueued(DISCARD_MAX),
    };
  }

  #receive<T>(
    socket: PacketSocket,
    options: Protocol<T> & { readonly budget: number; readonly receive: (record: T) => void },
  ): number {
    const { budget, name, window, decode, receive } = options;
    let count = 0;
    for (; count < budget; count++) {
      const length = socket.receiveInto(window);
      if (length === 0) break;
      if (length < 0) {
        // The interface went down or away; netlink tells which.
        this.#deps.drop(`receive errno ${-length}`);
        break;
      }
      if (this.#deps.loop.isStale()) {
        this.#deps.count("discarded");
        break;
      }
      this.#deps.count("framesReceived");
      const decoded = decode(length);
      if (decoded.ok) receive(decoded.value);
      else {
        this.#deps.count("framesMalformed");
        this.#deps.drop(`${name} ${decoded.reason}`);
      }
    }
    return count;
  }
}
