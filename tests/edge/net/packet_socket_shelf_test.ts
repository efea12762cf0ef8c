// needs: namespaces
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { ARP_FILTER } from "../../../lib/edge/net/bpf.ts";
import { SysError } from "../../../lib/edge/net/errno.ts";
import type { Netlink } from "../../../lib/edge/net/netlink.ts";
import { PacketSocket } from "../../../lib/edge/net/packet_socket.ts";
import { PacketSocketShelf } from "../../../lib/edge/net/packet_socket_shelf.ts";
import { arpFrame, inOwnNetwork, layCable, waitForCarrier } from "./own_network.ts";

Deno.test("PacketSocketShelf: a socket comes back to its interface and hears nothing of the time in between", () =>
  inOwnNetwork((netlink) => {
    const { a, b } = layCable(netlink);
    const shelf = new PacketSocketShelf({ filter: ARP_FILTER });
    const socket = shelf.take(a);
    const fd = socket.fd;
    const sender = PacketSocket.open({ ifindex: b, filter: ARP_FILTER });
    shelf.put(a, socket);
    sender.send(arpFrame(1, 1));
    const again = shelf.take(a);
    sender.send(arpFrame(1, 2));
    assertEquals([again.fd, marks(again)], [fd, [2]]);
    shelf.put(a, again);
    netlink.setUp(a, false);
    netlink.setUp(a, true);
    waitForCarrier(netlink, [a, b]);
    const third = shelf.take(a);
    sender.send(arpFrame(1, 3));
    assertEquals([third.fd, marks(third)], [fd, [3]]);
    third.close();
    sender.close();
    shelf.close();
  }));

Deno.test("PacketSocketShelf: with as many as may wait, the one that waits longest serves another interface", () =>
  inOwnNetwork((netlink) => {
    const { a } = layCable(netlink);
    const [gone, other] = [anotherCable(netlink, "c"), anotherCable(netlink, "e")];
    const shelf = new PacketSocketShelf({ filter: ARP_FILTER, sizeMax: 2 });
    const first = shelf.take(gone.near);
    const second = shelf.take(a);
    const fds = [first.fd, second.fd];
    shelf.put(gone.near, first);
    netlink.deleteLink(gone.near);
    const fresh = shelf.take(other.near);
    assertEquals(fds.includes(fresh.fd), false);
    fresh.close();
    shelf.put(a, second);
    const reused = shelf.take(other.near);
    assertEquals(reused.fd, fds[0]);
    const sender = PacketSocket.open({ ifindex: other.far, filter: ARP_FILTER });
    sender.send(arpFrame(1, 7));
    assertEquals(marks(reused), [7]);
    for (const socket of [reused, sender]) socket.close();
    shelf.close();
  }));

Deno.test("PacketSocketShelf: an interface that is not there is ENODEV, with a fresh socket and with one that waited", () =>
  inOwnNetwork((netlink) => {
    const { a } = layCable(netlink);
    const shelf = new PacketSocketShelf({ filter: ARP_FILTER, sizeMax: 1 });
    assertEquals(assertThrows(() => shelf.take(4711), SysError).code, "ENODEV");
    shelf.put(a, shelf.take(a));
    assertEquals(assertThrows(() => shelf.take(4711), SysError).code, "ENODEV");
    shelf.close();
  }));

function marks(socket: PacketSocket): number[] {
  const found: number[] = [];
  const frame = new Uint8Array(128);
  while (socket.receiveInto(frame) > 0) found.push(frame[30]! << 8 | frame[31]!);
  return found;
}

function anotherCable(netlink: Netlink, name: string): { near: number; far: number } {
  netlink.createVeth({ name, peer: `${name}-far` });
  const [near, far] = [netlink.findLink(name)!.ifindex, netlink.findLink(`${name}-far`)!.ifindex];
  netlink.setUp(near, true);
  netlink.setUp(far, true);
  waitForCarrier(netlink, [near, far]);
  return { near, far };
}
