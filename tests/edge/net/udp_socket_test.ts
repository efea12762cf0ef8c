// needs: namespaces
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { EINVAL, SysError } from "../../../lib/edge/net/errno.ts";
import type { Netlink } from "../../../lib/edge/net/netlink.ts";
import { Poller } from "../../../lib/edge/net/poller.ts";
import { UdpSocket } from "../../../lib/edge/net/udp_socket.ts";
import { inOwnNetwork, layCable } from "./own_network.ts";

function onLoopback(test: (netlink: Netlink) => void): Promise<void> {
  return inOwnNetwork((netlink) => {
    netlink.setUp(1, true);
    return test(netlink);
  });
}

const REFUSED: readonly [address: string, port: number, code: string][] = [
  ["localhost", 7946, "EINVAL"],
  ["127.0.0.1", 65_536, "EINVAL"],
  ["127.0.0.1%1", 7946, "EINVAL"],
  ["::1%lo", 7946, "EINVAL"],
  ["192.0.2.1", 7946, "EADDRNOTAVAIL"],
  ["2001:db8::1", 7946, "EADDRNOTAVAIL"],
  ["fe80::1", 7946, "EINVAL"],
];

for (const [address, port, code] of REFUSED) {
  Deno.test(`UdpSocket: bind to ${address} port ${port} is ${code}`, () =>
    onLoopback(() => {
      const error = assertThrows(() => UdpSocket.bind({ address, port }), SysError);
      assertEquals([error.code, error.operation], [code, `bind UDP ${address} port ${port}`]);
    }));
}

Deno.test("UdpSocket: a port that is taken is EADDRINUSE", () =>
  onLoopback(() => {
    const first = UdpSocket.bind({ address: "127.0.0.1", port: 0 });
    assertEquals(
      assertThrows(() => UdpSocket.bind({ address: "127.0.0.1", port: first.port }), SysError).code,
      "EADDRINUSE",
    );
    first.close();
  }));

Deno.test("UdpSocket: sending to no address, to another family or to nowhere is a value", () =>
  onLoopback(() => {
    const socket = UdpSocket.bind({ address: "127.0.0.1", port: 0 });
    const bytes = new Uint8Array(4);
    assertEquals(socket.sendTo(bytes, "peer.example", 1), -EINVAL);
    assertEquals(socket.sendTo(bytes, "::1", 1) < 0, true);
    assertEquals(socket.sendTo(bytes, "198.51.100.1", 1) < 0, true);
    socket.close();
    assertEquals(assertThrows(() => socket.receiveInto(new Uint8Array(4)), SysError).code, "EBADF");
  }));

for (const address of ["127.0.0.1", "::1"]) {
  Deno.test(`UdpSocket: a round trip over ${address}, with empty and cut datagrams`, () =>
    onLoopback(() => {
      const [one, two] = [0, 0].map((port) => UdpSocket.bind({ address, port }));
      const buffer = new Uint8Array(8);
      assertEquals(two!.receiveInto(buffer), undefined);
      for (const length of [3, 0, 20]) {
        assertEquals(one!.sendTo(new Uint8Array(length).fill(7), address, two!.port), length);
      }
      const poller = new Poller();
      poller.add(two!.fd);
      assertEquals(poller.wait(1000), [two!.fd]);
      const from = { address, port: one!.port };
      assertEquals(two!.receiveInto(buffer), { length: 3, ...from });
      assertEquals(buffer, new Uint8Array([7, 7, 7, 0, 0, 0, 0, 0]));
      assertEquals(two!.receiveInto(buffer), { length: 0, ...from });
      assertEquals(two!.receiveInto(buffer), { length: 8, ...from });
      assertEquals(two!.receiveInto(buffer), undefined);
      for (let i = 0; i < 5; i++) {
        one!.sendTo(new Uint8Array(1), address, two!.port);
      }
      assertEquals([two!.discardQueued(2), two!.discardQueued(Infinity)], [2, 3]);
      one!.close();
      two!.close();
    }));
}

Deno.test("UdpSocket: a refusal by the peer's host does not hide the next datagram", () =>
  onLoopback(() => {
    const socket = UdpSocket.bind({ address: "127.0.0.1", port: 0 });
    const other = UdpSocket.bind({ address: "127.0.0.1", port: 0 });
    const gone = UdpSocket.bind({ address: "127.0.0.1", port: 0 });
    gone.close();
    const { port: gonePort } = gone;
    socket.sendTo(new Uint8Array(1), "127.0.0.1", gonePort);
    other.sendTo(new Uint8Array(2), "127.0.0.1", socket.port);
    const poller = new Poller();
    poller.add(socket.fd);
    poller.wait(1000);
    assertEquals(socket.receiveInto(new Uint8Array(8))?.length, 2);
    socket.close();
    other.close();
  }));

Deno.test("UdpSocket: an IPv6 link-local address needs its interface and tells it", () =>
  onLoopback((netlink) => {
    const { a } = layCable(netlink);
    netlink.addAddress(a, "fe80::5/64");
    const address = `fe80::5%${a}`;
    const [one, two] = [0, 0].map((port) => UdpSocket.bind({ address, port }));
    const poller = new Poller();
    poller.add(two!.fd);
    // The kernel makes the route to its new address in a work queue; until then it looks for the address on the cable.
    for (let tries = 0; tries < 1000; tries++) {
      assertEquals(one!.sendTo(new Uint8Array(2), address, two!.port), 2);
      if (poller.wait(20).length > 0) break;
    }
    assertEquals(two!.receiveInto(new Uint8Array(8)), { length: 2, address, port: one!.port });
    one!.close();
    two!.close();
  }));
