/**
 * Asks "who has this address?" on a packet socket and measures how long the answer takes.
 *
 * Requests are unicast, as Linux sends them to confirm an entry it has: a broadcast would wake the packet thread for
 * questions to the kernel too, and so spoil the control. Nothing is allocated between sending and receiving.
 */
import { formatIpv4, type Ipv4 } from "../../lib/base/ip.ts";
import { invariant } from "../../lib/base/assert.ts";
import { serveCalls } from "../../lib/edge/lab/call_server.ts";
import { ARP_FILTER } from "../../lib/edge/net/bpf.ts";
import { enterNetwork } from "../../lib/edge/net/namespace.ts";
import { Netlink } from "../../lib/edge/net/netlink.ts";
import { PacketSocket } from "../../lib/edge/net/packet_socket.ts";
import { Poller } from "../../lib/edge/net/poller.ts";
import { type Mac, MAC_BROADCAST, MAC_ZERO, macFromBytes } from "../../lib/base/mac.ts";
import { encodeArpInto } from "../../lib/wire/arp.ts";
import { ARP_OPERATION_REPLY, ARP_OPERATION_REQUEST } from "../../lib/wire/iana.ts";
import type { Answer, ArpRequesterCalls } from "./arp_requester_calls.ts";

const ANSWER_LIMIT_MS = 500;
const OPERATION_OFFSET = 20;
const SENDER_MAC_OFFSET = 22;
const SENDER_IP_OFFSET = 28;
const FRAME_BYTES = 60;

const poller = new Poller();
const received = new Uint8Array(2048);
const view = new DataView(received.buffer);
const own: { socket?: PacketSocket; mac?: Mac; ip?: Ipv4 } = {};

serveCalls<ArpRequesterCalls>({
  open({ namespacePath, interface: name, ip }) {
    enterNetwork(namespacePath);
    const netlink = Netlink.open();
    const link = netlink.findLink(name);
    netlink.close();
    invariant(link?.mac !== undefined, `There is no Ethernet interface "${name}"`);
    own.socket = PacketSocket.open({ ifindex: link.ifindex, filter: ARP_FILTER });
    own.mac = link.mac;
    own.ip = ip;
    poller.add(own.socket.fd);
    return null;
  },

  ask({ target, count, paceMs }) {
    const { socket, mac, ip } = own;
    invariant(socket !== undefined && mac !== undefined && ip !== undefined, "The requester is open");
    const request = new Uint8Array(FRAME_BYTES);
    encodeArpInto({
      etherDestination: target.mac,
      etherSource: mac,
      operation: ARP_OPERATION_REQUEST,
      senderMac: mac,
      senderIp: ip,
      targetMac: MAC_ZERO,
      targetIp: target.ip,
    }, request);
    const roundTripsUs = new Float64Array(count);
    let answered = 0;
    for (let round = 0; round < count; round++) {
      rest(socket, paceMs);
      const sentAt = performance.now();
      invariant(socket.send(request) > 0, `A request for ${formatIpv4(target.ip)} cannot be sent`);
      if (!awaitAnswer(socket, { from: target.ip, until: sentAt + ANSWER_LIMIT_MS })) continue;
      roundTripsUs[answered++] = (performance.now() - sentAt) * 1000;
    }
    return { roundTripsUs: roundTripsUs.slice(0, answered), lost: count - answered };
  },

  follow({ ip: target, durationMs, intervalMs }) {
    const { socket, mac, ip } = own;
    invariant(socket !== undefined && mac !== undefined && ip !== undefined, "The requester is open");
    const request = new Uint8Array(FRAME_BYTES);
    encodeArpInto({
      etherDestination: MAC_BROADCAST,
      etherSource: mac,
      operation: ARP_OPERATION_REQUEST,
      senderMac: mac,
      senderIp: ip,
      targetMac: MAC_ZERO,
      targetIp: target,
    }, request);
    const asked: number[] = [];
    const answers: Answer[] = [];
    const begunAt = performance.now();
    for (let now = begunAt; now < begunAt + durationMs; now = performance.now()) {
      const dueAt = begunAt + asked.length * intervalMs;
      if (now >= dueAt) {
        socket.send(request);
        asked.push(performance.timeOrigin + now);
        continue;
      }
      if (poller.wait(dueAt - now).length > 0) takeAnswers(socket, { from: target, answers });
    }
    return { asked: Float64Array.from(asked), answers };
  },
});

function takeAnswers(socket: PacketSocket, { from, answers }: { from: Ipv4; answers: Answer[] }): void {
  while (socket.receiveInto(received) > 0) {
    if (view.getUint16(OPERATION_OFFSET) !== ARP_OPERATION_REPLY || view.getUint32(SENDER_IP_OFFSET) !== from) continue;
    // Gratuitous replies go to everybody; an answer comes to us.
    if (received[0]! % 2 === 1) continue;
    answers.push({ atMs: performance.timeOrigin + performance.now(), mac: macFromBytes(received, SENDER_MAC_OFFSET) });
  }
}

/** Lets `paceMs` pass asleep, and throws away what comes meanwhile. */
function rest(socket: PacketSocket, paceMs: number): void {
  const until = performance.now() + paceMs;
  for (let now = performance.now(); now < until; now = performance.now()) {
    if (poller.wait(until - now).length > 0) socket.discardQueued(64);
  }
}

function awaitAnswer(socket: PacketSocket, { from, until }: { from: Ipv4; until: number }): boolean {
  for (;;) {
    const length = socket.receiveInto(received);
    if (length === 0) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) return false;
      poller.wait(leftMs);
      continue;
    }
    invariant(length > 0, `Receiving failed with errno ${-length}`);
    if (view.getUint16(OPERATION_OFFSET) === ARP_OPERATION_REPLY && view.getUint32(SENDER_IP_OFFSET) === from) {
      return true;
    }
  }
}
