// needs: namespaces
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { ARP_FILTER, type BpfProgram, JUMP_EQUAL, LOAD_HALF, RETURN } from "../../../lib/edge/net/bpf.ts";
import { EBADF, ENETDOWN, ENODEV, ENXIO, SysError } from "../../../lib/edge/net/errno.ts";
import { LIBC_PATHS } from "../../../lib/edge/net/libc.ts";
import { ownNamespacePath } from "../../../lib/edge/net/namespace.ts";
import { PacketSocket } from "../../../lib/edge/net/packet_socket.ts";
import { Poller } from "../../../lib/edge/net/poller.ts";
import { until } from "../../support/until.ts";
import { arpFrame, inOwnNetwork, layCable, waitForCarrier } from "./own_network.ts";

/** Bound to every EtherType, so that nothing but the filter keeps a frame away. */
const REQUESTS_ONLY: BpfProgram = {
  etherType: 3,
  instructions: [
    [LOAD_HALF, 0, 0, 12],
    [JUMP_EQUAL, 0, 3, 0x0806],
    [LOAD_HALF, 0, 0, 20],
    [JUMP_EQUAL, 0, 1, 1],
    [RETURN, 0, 0, 0x4_0000],
    [RETURN, 0, 0, 0],
  ],
};

Deno.test("PacketSocket: an interface that does not exist is ENODEV at bind, and the error says so", () =>
  inOwnNetwork(() => {
    const error = assertThrows(() => PacketSocket.open({ ifindex: 4711, filter: ARP_FILTER }), SysError);
    assertEquals([error.errno, error.operation], [ENODEV, "bind AF_PACKET to interface 4711"]);
  }));

Deno.test("PacketSocket: a filter that the kernel refuses is an error and not an open socket", () =>
  inOwnNetwork(() => {
    const filter: BpfProgram = { etherType: 3, instructions: [[LOAD_HALF, 0, 0, 12]] };
    const error = assertThrows(() => PacketSocket.open({ ifindex: 1, filter }), SysError);
    assertEquals([error.code, error.operation], ["EINVAL", "setsockopt SO_ATTACH_FILTER"]);
  }));

Deno.test("PacketSocket: a closed socket answers EBADF and stays closed", () =>
  inOwnNetwork((netlink) => {
    const socket = PacketSocket.open({ ifindex: layCable(netlink).a, filter: ARP_FILTER });
    socket.close();
    socket.close();
    assertEquals(socket.fd, -1);
    assertEquals(socket.receiveInto(new Uint8Array(64)), -EBADF);
    assertEquals(socket.send(arpFrame(1)), -EBADF);
    assertEquals(socket.discardQueued(10), 0);
  }));

Deno.test("PacketSocket: a frame too short for Ethernet is refused by the kernel", () =>
  inOwnNetwork((netlink) => {
    const socket = PacketSocket.open({ ifindex: layCable(netlink).a, filter: ARP_FILTER });
    assert(socket.send(new Uint8Array(4)) < 0);
    socket.close();
  }));

Deno.test("PacketSocket: only what passes the filter wakes the poller, in order and whole", () =>
  inOwnNetwork((netlink) => {
    const { a, b } = layCable(netlink);
    const receiver = PacketSocket.open({ ifindex: a, filter: REQUESTS_ONLY });
    const sender = PacketSocket.open({ ifindex: b, filter: ARP_FILTER });
    const poller = new Poller();
    poller.add(receiver.fd);
    const buffer = new Uint8Array(2048);
    let wakeUps = 0;
    for (let i = 0; i < 400; i++) {
      const frame = arpFrame(i % 4 === 0 ? 1 : 2, i);
      assertEquals(sender.send(frame), frame.length);
      // Frames keep their order, so a reply that passed would be received in place of the next request.
      if (i % 4 !== 0) continue;
      wakeUps += poller.wait(1000).length;
      assertEquals(receiver.receiveInto(buffer), frame.length);
      assertEquals(buffer.subarray(0, frame.length), frame);
    }
    assertEquals(wakeUps, 100);
    assertEquals(poller.wait(20), []);
    assertEquals(receiver.receiveInto(buffer), 0);
    receiver.close();
    sender.close();
  }));

Deno.test("PacketSocket: own frames are not seen, the other end sees them", () =>
  inOwnNetwork((netlink) => {
    const { a, b } = layCable(netlink);
    const [here, there] = [a, b].map((ifindex) => PacketSocket.open({ ifindex, filter: ARP_FILTER }));
    for (let i = 0; i < 5; i++) here!.send(arpFrame(1, i));
    assertEquals(receiveUntil(there!, 4).length, 5);
    assertEquals(here!.discardQueued(100), 0);
    here!.close();
    there!.close();
  }));

Deno.test("PacketSocket: discardQueued throws away as many as allowed, and what comes later is received", () =>
  inOwnNetwork((netlink) => {
    const { a, b } = layCable(netlink);
    const [here, there] = [a, b].map((ifindex) => PacketSocket.open({ ifindex, filter: ARP_FILTER }));
    const witness = PacketSocket.open({ ifindex: b, filter: ARP_FILTER });
    for (let i = 0; i < 5; i++) here!.send(arpFrame(1, i));
    receiveUntil(witness, 4);
    assertEquals([there!.discardQueued(3), there!.discardQueued(Infinity), there!.discardQueued(Infinity)], [3, 2, 0]);
    here!.send(arpFrame(1, 99));
    assertEquals(receiveUntil(there!, 99).length, 1);
    for (const socket of [here, there, witness]) socket!.close();
  }));

Deno.test("ARP_FILTER: all ARP operations pass; other EtherTypes, frames of a VLAN and frames for another station do not", () =>
  inOwnNetwork((netlink) => {
    const { a, b } = layCable(netlink);
    const receiver = PacketSocket.open({ ifindex: a, filter: ARP_FILTER });
    const sender = PacketSocket.open({ ifindex: b, filter: ARP_FILTER });
    const ipv4 = arpFrame(1);
    ipv4.set([0x08, 0x00], 12);
    const tagged = new Uint8Array(64);
    tagged.set(arpFrame(1).subarray(0, 12));
    tagged.set([0x81, 0x00, 0x00, 0x07], 12);
    tagged.set(arpFrame(1).subarray(12), 16);
    const otherStation = arpFrame(2);
    otherStation.set([2, 9, 9, 9, 9, 9]);
    const unicast = arpFrame(2, 4);
    unicast.set(macBytes(netlink.findLink("a")!.mac!));
    const frames = [ipv4, tagged, otherStation, arpFrame(1, 1), arpFrame(2, 2), arpFrame(9, 3), unicast];
    for (const frame of frames) assertEquals(sender.send(frame), frame.length);
    assertEquals(receiveUntil(receiver, 4).map(markOf), [1, 2, 3, 4]);
    receiver.close();
    sender.close();
  }));

Deno.test("PacketSocket: no unfiltered frame is queued while sockets are opened in a flood", () =>
  inOwnNetwork(async (netlink) => {
    const { a, b } = layCable(netlink);
    const worker = new Worker(new URL("./flood_worker.ts", import.meta.url), {
      type: "module",
      deno: { permissions: { ffi: [...LIBC_PATHS], net: false, run: false, read: false, write: false, env: false } },
    });
    const ended = Promise.withResolvers<void>();
    worker.onmessage = () => ended.resolve();
    const [sent, isOver] = [sharedWord(), sharedWord()];
    worker.postMessage({ namespacePath: ownNamespacePath(), ifindex: b, sent, isOver });
    await until("the flood has begun", () => Atomics.load(sent, 0) > 0);
    let unfiltered = 0;
    // As many as it takes: an open socket costs the kernel a moment of quiet on all processors.
    for (let opened = 0; opened < 20 || Atomics.load(sent, 0) < 1000; opened++) {
      const socket = PacketSocket.open({ ifindex: a, filter: REQUESTS_ONLY });
      unfiltered += socket.discardQueued(1000);
      socket.close();
    }
    Atomics.store(isOver, 0, 1);
    await ended.promise;
    assertEquals(unfiltered, 0);
    worker.terminate();
  }));

Deno.test("PacketSocket: an interface that goes away under an open socket is a value, not a throw", () =>
  inOwnNetwork((netlink) => {
    const { a, b } = layCable(netlink);
    const socket = PacketSocket.open({ ifindex: a, filter: ARP_FILTER });
    const poller = new Poller();
    poller.add(socket.fd);
    assertEquals(poller.wait(0), []);
    netlink.deleteLink(b);
    assertEquals(poller.wait(1000), [socket.fd]);
    assertEquals(socket.receiveInto(new Uint8Array(64)), -ENETDOWN);
    assertEquals(socket.receiveInto(new Uint8Array(64)), 0);
    assert([-ENXIO, -ENODEV, -ENETDOWN].includes(socket.send(arpFrame(1))));
    socket.close();
  }));

Deno.test("PacketSocket: an interface that is down says ENETDOWN once, and works again when it is up", () =>
  inOwnNetwork((netlink) => {
    const { a, b } = layCable(netlink);
    const receiver = PacketSocket.open({ ifindex: a, filter: ARP_FILTER });
    const sender = PacketSocket.open({ ifindex: b, filter: ARP_FILTER });
    const buffer = new Uint8Array(64);
    const poller = new Poller();
    poller.add(receiver.fd);
    netlink.setUp(a, false);
    assertEquals(receiver.receiveInto(buffer), -ENETDOWN);
    assertEquals(receiver.send(arpFrame(1)), -ENETDOWN);
    netlink.setUp(a, true);
    waitForCarrier(netlink, [a, b]);
    assertEquals(sender.send(arpFrame(1)), 60);
    assertEquals(poller.wait(1000), [receiver.fd]);
    assertEquals(receiver.receiveInto(buffer), 60);
    receiver.close();
    sender.close();
  }));

/** Frames up to the one with this mark, or those that came within a second. */
function receiveUntil(socket: PacketSocket, mark: number): Uint8Array[] {
  const poller = new Poller();
  poller.add(socket.fd);
  const frames: Uint8Array[] = [];
  const buffer = new Uint8Array(2048);
  while (poller.wait(1000).length > 0) {
    frames.push(buffer.slice(0, socket.receiveInto(buffer)));
    if (markOf(frames.at(-1)!) === mark) break;
  }
  return frames;
}

function sharedWord(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}

function markOf(frame: Uint8Array): number {
  return frame[30]! << 8 | frame[31]!;
}

function macBytes(mac: number): number[] {
  return [40, 32, 24, 16, 8, 0].map((shift) => Math.floor(mac / 2 ** shift) % 256);
}
