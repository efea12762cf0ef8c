// needs: namespaces
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { EAGAIN, ECONNREFUSED, EINVAL, ETIMEDOUT, SysError } from "../../../lib/edge/net/errno.ts";
import { Poller } from "../../../lib/edge/net/poller.ts";
import { TcpListener, TcpSocket } from "../../../lib/edge/net/tcp_socket.ts";
import { inOwnNetwork } from "./own_network.ts";

const PORT = 7946;

function onLoopback(test: (setUp: (isUp: boolean) => void) => void): Promise<void> {
  return inOwnNetwork((netlink) => {
    netlink.setUp(1, true);
    test((isUp) => netlink.setUp(1, isUp));
  });
}

function call(address: string, options: { source?: string } = {}): TcpSocket {
  const caller = TcpSocket.connect({ address, port: PORT }, options);
  if (typeof caller === "number") throw new Error(`It cannot even begin: ${caller}`);
  return caller;
}

function connected(address: string, options: { source?: string; keepAliveS?: number } = {}) {
  const listener = TcpListener.listen({ address, port: PORT, ...options });
  const caller = call(address, options);
  const poller = new Poller();
  poller.add(caller.fd);
  poller.awaitWritable(caller.fd, true);
  assertEquals(poller.wait(1000), [caller.fd]);
  assertEquals(caller.connectError(), 0);
  const called = listener.accept();
  if (called === undefined) throw new Error("Nobody waits");
  return { listener, caller, called, poller };
}

for (const address of ["127.0.0.1", "::1"]) {
  Deno.test(`TcpSocket: bytes there and back over ${address}, then the end`, () =>
    onLoopback(() => {
      const { listener, caller, called } = connected(address);
      assertEquals(called.peer.address, address);
      const buffer = new Uint8Array(8);
      assertEquals(called.receiveInto(buffer), -EAGAIN);
      assertEquals(caller.send(new Uint8Array([1, 2, 3])), 3);
      assertEquals([called.receiveInto(buffer), ...buffer.subarray(0, 3)], [3, 1, 2, 3]);
      assertEquals(called.send(new Uint8Array([4])), 1);
      assertEquals(caller.receiveInto(buffer), 1);
      called.close();
      assertEquals(caller.receiveInto(buffer), 0);
      caller.close();
      listener.close();
      assertEquals(assertThrows(() => caller.receiveInto(buffer), SysError).code, "EBADF");
    }));
}

Deno.test("TcpSocket: it calls from the address that it is told", () =>
  onLoopback(() => {
    const { listener, caller, called } = connected("127.0.0.1", { source: "127.0.0.9" });
    assertEquals(called.peer.address, "127.0.0.9");
    for (const socket of [caller, called, listener]) socket.close();
  }));

Deno.test("TcpSocket: nobody there, an address that is none and a source that is not ours are values", () =>
  onLoopback(() => {
    const refused = call("127.0.0.1");
    const poller = new Poller();
    poller.add(refused.fd);
    poller.awaitWritable(refused.fd, true);
    poller.wait(1000);
    assertEquals(refused.connectError(), -ECONNREFUSED);
    refused.close();
    assertEquals(TcpSocket.connect({ address: "peer.example", port: PORT }), -EINVAL);
    assertEquals(
      (TcpSocket.connect({ address: "127.0.0.1", port: PORT }, { source: "192.0.2.1" }) as number) < 0,
      true,
    );
  }));

Deno.test("TcpSocket: a full send buffer is a value, and the poller tells when it takes bytes again", () =>
  onLoopback(() => {
    const { listener, caller, called, poller } = connected("127.0.0.1");
    const chunk = new Uint8Array(1 << 20);
    let sent = 0;
    // What was on its way when the buffer was full makes room when it arrives: full is what stays full.
    for (let refused = 0; refused < 3;) {
      const length = caller.send(chunk);
      if (length > 0) sent += length;
      refused = length > 0 ? 0 : refused + 1;
      new Poller().wait(100);
    }
    assertEquals(caller.send(chunk), -EAGAIN);
    assertEquals(poller.wait(0), []);
    const buffer = new Uint8Array(1 << 20);
    for (let read = 0; read < sent;) {
      const length = called.receiveInto(buffer);
      if (length > 0) read += length;
      else assertEquals(length, -EAGAIN);
    }
    assertEquals(poller.wait(10_000), [caller.fd]);
    poller.awaitWritable(caller.fd, false);
    assertEquals(poller.wait(0), []);
    for (const socket of [caller, called, listener]) socket.close();
  }));

Deno.test("TcpSocket: sending to one that has gone is a value, not a signal that ends the process", () =>
  onLoopback(() => {
    const { listener, caller, called, poller } = connected("127.0.0.1");
    called.close();
    poller.awaitWritable(caller.fd, false);
    let result = 0;
    for (let tries = 0; tries < 1000 && result >= 0; tries++) {
      result = caller.send(new Uint8Array(1));
      poller.wait(10);
    }
    assertEquals(result < 0, true);
    caller.close();
    listener.close();
  }));

Deno.test("TcpListener: an idle connection whose other end is not there any more ends by itself, if that was asked for", () =>
  onLoopback((setUp) => {
    const { listener, caller, called, poller } = connected("127.0.0.1", { keepAliveS: 1 });
    poller.remove(caller.fd);
    poller.add(called.fd);
    assertEquals(poller.wait(3000), [], "it is asked, and answers");
    setUp(false);
    assertEquals(poller.wait(30_000), [called.fd]);
    assertEquals(called.receiveInto(new Uint8Array(8)), -ETIMEDOUT);
    for (const socket of [called, caller, listener]) socket.close();
  }));

Deno.test("TcpListener: a port that is taken is EADDRINUSE; after a restart it is free at once", () =>
  onLoopback(() => {
    const { listener, caller, called } = connected("127.0.0.1");
    const again = assertThrows(() => TcpListener.listen({ address: "127.0.0.1", port: PORT }), SysError);
    assertEquals(again.code, "EADDRINUSE");
    for (const socket of [called, caller, listener]) socket.close();
    TcpListener.listen({ address: "127.0.0.1", port: PORT }).close();
  }));
