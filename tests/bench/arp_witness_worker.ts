/**
 * Sees every gratuitous ARP frame that reaches one host and notes when. It sleeps in poll, so that its times are not
 * those of an event loop with other work; posting a message does not need one.
 */
/// <reference lib="deno.worker" />
import { invariant } from "../../lib/base/assert.ts";
import { ARP_FILTER } from "../../lib/edge/net/bpf.ts";
import { enterNetwork } from "../../lib/edge/net/namespace.ts";
import { Netlink } from "../../lib/edge/net/netlink.ts";
import { PacketSocket } from "../../lib/edge/net/packet_socket.ts";
import { Poller } from "../../lib/edge/net/poller.ts";
import { arpReceiveWindow, decodeArpWindow } from "../../lib/wire/arp.ts";
import { isGratuitous } from "../../lib/wire/arp_frames.ts";
import type { WitnessInit, WitnessMessage } from "./arp_witness_calls.ts";

declare const self: DedicatedWorkerGlobalScope;

self.onmessage = ({ data }: MessageEvent<WitnessInit>) => {
  try {
    listen(data);
    tell({ kind: "ended" });
  } catch (error) {
    tell({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
  self.close();
};

function listen(init: WitnessInit): void {
  enterNetwork(init.namespacePath);
  const netlink = Netlink.open();
  const link = netlink.findLink(init.interface);
  netlink.close();
  invariant(link !== undefined, `There is no interface "${init.interface}"`);
  const socket = PacketSocket.open({ ifindex: link.ifindex, filter: ARP_FILTER });
  const poller = new Poller();
  poller.add(init.wakeFd);
  poller.add(socket.fd);
  tell({ kind: "listening" });
  while (!poller.wait(Infinity).includes(init.wakeFd)) drain(socket);
  socket.close();
}

function drain(socket: PacketSocket): void {
  const seenAtMs = performance.timeOrigin + performance.now();
  for (let length; (length = socket.receiveInto(arpReceiveWindow)) > 0;) {
    const decoded = decodeArpWindow(length);
    if (!decoded.ok || !isGratuitous(decoded.value)) continue;
    tell({ kind: "frame", frame: { ip: decoded.value.senderIp, mac: decoded.value.senderMac, seenAtMs } });
  }
}

function tell(message: WitnessMessage): void {
  self.postMessage(message);
}
