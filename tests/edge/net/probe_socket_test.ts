// needs: namespaces
import { assertEquals } from "@std/assert/equals";
import { EAGAIN, ECONNREFUSED, EINVAL } from "../../../lib/edge/net/errno.ts";
import { Poller } from "../../../lib/edge/net/poller.ts";
import { ProbeSocket } from "../../../lib/edge/net/probe_socket.ts";
import { UdpSocket } from "../../../lib/edge/net/udp_socket.ts";
import { inOwnNetwork } from "./own_network.ts";

function onLoopback(test: () => void): Promise<void> {
  return inOwnNetwork((netlink) => {
    netlink.setUp(1, true);
    test();
  });
}

function connected(peer: { address: string; port: number }): ProbeSocket {
  const socket = ProbeSocket.connect(peer, { source: peer.address });
  if (typeof socket === "number") throw new Error(`connect: errno ${-socket}`);
  return socket;
}

for (const address of ["127.0.0.1", "::1"]) {
  Deno.test(`ProbeSocket: over ${address}, a question, its answer, and nothing more`, () =>
    onLoopback(() => {
      const peer = UdpSocket.bind({ address, port: 0 });
      const socket = connected({ address, port: peer.port });
      const buffer = new Uint8Array(8);
      assertEquals(socket.send(Uint8Array.of(1, 2, 3)), 3);
      const { length, port, ...from } = peer.receiveInto(buffer)!;
      assertEquals([length, from.address], [3, address]);
      peer.sendTo(Uint8Array.of(4), address, port);
      assertEquals([socket.receiveInto(buffer), buffer[0]], [1, 4]);
      assertEquals(socket.receiveInto(buffer), -EAGAIN);
      socket.close();
      peer.close();
    }));

  Deno.test(`ProbeSocket: over ${address}, a port that nobody holds wakes the poller and is told once`, () =>
    onLoopback(() => {
      const peer = UdpSocket.bind({ address, port: 0 });
      const { port } = peer;
      peer.close();
      const socket = connected({ address, port });
      const poller = new Poller();
      poller.add(socket.fd);
      assertEquals(socket.send(Uint8Array.of(1)), 1);
      assertEquals(poller.wait(1000), [socket.fd]);
      assertEquals(socket.receiveInto(new Uint8Array(8)), -ECONNREFUSED);
      assertEquals(socket.receiveInto(new Uint8Array(8)), -EAGAIN);
      assertEquals(socket.send(Uint8Array.of(1)), 1);
      poller.wait(1000);
      assertEquals(socket.send(Uint8Array.of(1)), -ECONNREFUSED, "also where it is not read first");
      const again = UdpSocket.bind({ address, port });
      assertEquals(socket.send(Uint8Array.of(7)), 1, "the same socket reaches who comes later");
      assertEquals(again.receiveInto(new Uint8Array(8))?.length, 1);
      socket.close();
      again.close();
    }));
}

Deno.test("ProbeSocket: no way, no address and two families are values", () =>
  onLoopback(() => {
    assertEquals(ProbeSocket.connect({ address: "peer.example", port: 1 }, { source: "127.0.0.1" }), -EINVAL);
    assertEquals(ProbeSocket.connect({ address: "::1", port: 1 }, { source: "127.0.0.1" }), -EINVAL);
    assertEquals(typeof ProbeSocket.connect({ address: "198.51.100.1", port: 1 }, { source: "127.0.0.1" }), "number");
    assertEquals(typeof ProbeSocket.connect({ address: "127.0.0.1", port: 1 }, { source: "192.0.2.1" }), "number");
  }));
