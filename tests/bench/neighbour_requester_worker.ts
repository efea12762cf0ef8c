/**
 * Asks "who has this address?" on packet sockets and measures how long the answer takes, or who answers.
 *
 * Single requests are unicast, as Linux sends them to confirm an entry it has: a broadcast would wake the packet thread
 * for questions to the kernel too, and so spoil the control. Nothing is allocated between sending and receiving.
 */
import { formatPacketIp, type Ipv4, type Ipv6 } from "../../lib/base/ip.ts";
import { invariant } from "../../lib/base/assert.ts";
import { serveCalls } from "../../lib/edge/lab/call_server.ts";
import { ARP_FILTER, NDP_FILTER } from "../../lib/edge/net/bpf.ts";
import { enterNetwork } from "../../lib/edge/net/namespace.ts";
import { Netlink } from "../../lib/edge/net/netlink.ts";
import { PacketSocket } from "../../lib/edge/net/packet_socket.ts";
import { Poller } from "../../lib/edge/net/poller.ts";
import { type Mac, MAC_BROADCAST, MAC_ZERO, macFromBytes } from "../../lib/base/mac.ts";
import { encodeArpInto } from "../../lib/wire/arp.ts";
import { ARP_OPERATION_REPLY, ARP_OPERATION_REQUEST, ICMPV6_NEIGHBOR_ADVERTISEMENT } from "../../lib/wire/iana.ts";
import { encodeNdpInto, NDP_ENCODED_BYTES_MAX } from "../../lib/wire/ndp.ts";
import { neighborSolicitation } from "../../lib/wire/ndp_frames.ts";
import { ANSWER_MS_MAX } from "./move_of.ts";
import type { Answer, NeighbourRequesterCalls, Target } from "./neighbour_requester_calls.ts";

const ANSWER_LIMIT_MS = 500;
const ARP_BYTES = 60;
/** Offsets in an ARP frame. */
const OPERATION = 20;
const SENDER_MAC = 22;
const SENDER_IP = 28;
const TARGET_IP = 38;
/** Offsets in a neighbour advertisement. */
const ICMPV6_TYPE = 54;
const TARGET = 62;
/** From 10.253.0.0 on: each question of `follow` comes from an address of its own, by which its answers are known. */
const QUESTION_BLOCK = 0x0a_fd_00_00;
/** 10.254.0.0 and fd00:fe:: on: nobody's. */
const FLOOD_BLOCK = 0x0a_fe_00_00;
const FLOOD_BLOCK_IPV6 = 0xfd00_00fe_0000_0000_0000_0000_0000_0000n;
const FLOOD_ADDRESSES = 4_096;

interface Asker {
  readonly socket: PacketSocket;
  readonly poller: Poller;
}

interface Own {
  readonly mac: Mac;
  readonly ipv4: Ipv4;
  readonly ipv6: Ipv6;
  readonly arp: Asker;
  readonly ndp: Asker;
}

const received = new Uint8Array(2048);
const view = new DataView(received.buffer);
const opened: { own?: Own } = {};

serveCalls<NeighbourRequesterCalls>({
  open({ namespacePath, interface: name, ipv4, ipv6 }) {
    enterNetwork(namespacePath);
    const netlink = Netlink.open();
    const link = netlink.findLink(name);
    netlink.close();
    invariant(link?.mac !== undefined, `There is no Ethernet interface "${name}"`);
    const { ifindex, mac } = link;
    opened.own = {
      mac,
      ipv4,
      ipv6,
      arp: asker(PacketSocket.open({ ifindex, filter: ARP_FILTER })),
      ndp: asker(PacketSocket.open({ ifindex, filter: NDP_FILTER })),
    };
    return null;
  },

  ask({ target, count, paceMs }) {
    const own = isOpen();
    const asker = typeof target.ip === "number" ? own.arp : own.ndp;
    const request = requestFor(own, target);
    const roundTripsUs = new Float64Array(count);
    let answered = 0;
    for (let round = 0; round < count; round++) {
      rest(asker, paceMs);
      const sentAt = performance.now();
      invariant(asker.socket.send(request) > 0, `A request for ${formatPacketIp(target.ip)} cannot be sent`);
      if (!awaitAnswer(asker, { from: target.ip, until: sentAt + ANSWER_LIMIT_MS })) continue;
      roundTripsUs[answered++] = (performance.now() - sentAt) * 1000;
    }
    return { roundTripsUs: roundTripsUs.slice(0, answered), lost: count - answered };
  },

  follow({ ip, durationMs, intervalMs }) {
    const { arp, mac } = isOpen();
    const request = broadcastRequest(mac, { senderIp: QUESTION_BLOCK as Ipv4, targetIp: ip });
    const question = new DataView(request.buffer);
    const asked: number[] = [];
    const answers: Answer[] = [];
    const begunAt = performance.now();
    for (let now = begunAt; now < begunAt + durationMs; now = performance.now()) {
      const dueAt = begunAt + asked.length * intervalMs;
      if (now >= dueAt) {
        question.setUint32(SENDER_IP, QUESTION_BLOCK + asked.length);
        arp.socket.send(request);
        asked.push(performance.timeOrigin + now);
        continue;
      }
      if (arp.poller.wait(dueAt - now).length > 0) takeAnswers(arp.socket, { from: ip, answers });
    }
    // The last questions have as much time to be answered as all the others.
    const until = performance.now() + ANSWER_MS_MAX;
    for (let now = performance.now(); now < until; now = performance.now()) {
      if (arp.poller.wait(until - now).length > 0) takeAnswers(arp.socket, { from: ip, answers });
    }
    return { asked: Float64Array.from(asked), answers };
  },

  flood({ protocol, perSecond, durationMs }) {
    const own = isOpen();
    const { socket } = protocol === "ARP" ? own.arp : own.ndp;
    const requests = Array.from({ length: FLOOD_ADDRESSES }, (_, index) => {
      if (protocol === "ARP") {
        return broadcastRequest(own.mac, { senderIp: own.ipv4, targetIp: FLOOD_BLOCK + index as Ipv4 });
      }
      const request = new Uint8Array(NDP_ENCODED_BYTES_MAX);
      const target = FLOOD_BLOCK_IPV6 + BigInt(index) as Ipv6;
      return request.slice(0, encodeNdpInto(neighborSolicitation({ mac: own.mac, source: own.ipv6, target }), request));
    });
    const startedAt = performance.now();
    let sent = 0;
    for (let now = startedAt; now < startedAt + durationMs; now = performance.now()) {
      for (const due = (now - startedAt) * perSecond / 1000; sent < due; sent++) {
        socket.send(requests[sent % requests.length]!);
      }
    }
    socket.discardQueued(1 << 20);
    return { sentPerSecond: sent * 1000 / (performance.now() - startedAt) };
  },
});

function takeAnswers(socket: PacketSocket, { from, answers }: { from: Ipv4; answers: Answer[] }): void {
  while (socket.receiveInto(received) > 0) {
    // Gratuitous replies go to everybody; an answer comes to us.
    if (!isArpAnswer(from) || received[0]! % 2 === 1) continue;
    answers.push({
      question: view.getUint32(TARGET_IP) - QUESTION_BLOCK,
      atMs: performance.timeOrigin + performance.now(),
      mac: macFromBytes(received, SENDER_MAC),
    });
  }
}

function isOpen(): Own {
  invariant(opened.own !== undefined, "The requester is open");
  return opened.own;
}

function asker(socket: PacketSocket): Asker {
  const poller = new Poller();
  poller.add(socket.fd);
  return { socket, poller };
}

function requestFor(own: Own, { ip, mac }: Target): Uint8Array<ArrayBuffer> {
  if (typeof ip === "bigint") {
    const request = new Uint8Array(NDP_ENCODED_BYTES_MAX);
    const solicitation = neighborSolicitation({ mac: own.mac, source: own.ipv6, target: ip });
    const length = encodeNdpInto({ ...solicitation, etherDestination: mac, destination: ip }, request);
    return request.slice(0, length);
  }
  const request = broadcastRequest(own.mac, { senderIp: own.ipv4, targetIp: ip });
  const destination = new DataView(request.buffer);
  destination.setUint16(0, Math.floor(mac / 2 ** 32));
  destination.setUint32(2, mac % 2 ** 32);
  return request;
}

function broadcastRequest(mac: Mac, { senderIp, targetIp }: { senderIp: Ipv4; targetIp: Ipv4 }) {
  const request = new Uint8Array(ARP_BYTES);
  encodeArpInto({
    etherDestination: MAC_BROADCAST,
    etherSource: mac,
    operation: ARP_OPERATION_REQUEST,
    senderMac: mac,
    senderIp,
    targetMac: MAC_ZERO,
    targetIp,
  }, request);
  return request;
}

/** Lets `paceMs` pass asleep, and throws away what comes meanwhile. */
function rest({ poller, socket }: Asker, paceMs: number): void {
  const until = performance.now() + paceMs;
  for (let now = performance.now(); now < until; now = performance.now()) {
    if (poller.wait(until - now).length > 0) socket.discardQueued(64);
  }
}

function awaitAnswer({ poller, socket }: Asker, { from, until }: { from: Ipv4 | Ipv6; until: number }): boolean {
  for (;;) {
    const length = socket.receiveInto(received);
    if (length === 0) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) return false;
      poller.wait(leftMs);
      continue;
    }
    invariant(length > 0, `Receiving failed with errno ${-length}`);
    if (typeof from === "number" ? isArpAnswer(from) : isAdvertisement(from)) return true;
  }
}

function isArpAnswer(from: Ipv4): boolean {
  return view.getUint16(OPERATION) === ARP_OPERATION_REPLY && view.getUint32(SENDER_IP) === from;
}

function isAdvertisement(from: Ipv6): boolean {
  return received[ICMPV6_TYPE] === ICMPV6_NEIGHBOR_ADVERTISEMENT &&
    view.getBigUint64(TARGET) === from >> 64n && view.getBigUint64(TARGET + 8) === (from & 0xffff_ffff_ffff_ffffn);
}
