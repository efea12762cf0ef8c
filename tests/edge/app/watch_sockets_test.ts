/** The watch's sockets on the loopback, with a clock that jumps as that of a process does that was stopped. */
import { assertEquals } from "@std/assert/equals";
import { WatchSockets } from "../../../lib/app/watch_sockets.ts";
import { Poller } from "../../../lib/edge/net/poller.ts";
import { UdpSocket } from "../../../lib/edge/net/udp_socket.ts";
import { PacketLoop } from "../../../lib/edge/run/packet_loop.ts";
import { decodeWatchMessage, encodeWatchMessage, type WatchMessage } from "../../../lib/protocol/watch/message.ts";
import { FakeClock } from "../../run/fake_poller.ts";

const STOPPED_MS = 1000;
const PROBE: WatchMessage = { kind: "probe", sender: "n1", generation: 1, state: "alive", nonce: "0123456789abcdef" };

function claim(address: string, givenUp = false): WatchMessage {
  return {
    ...PROBE,
    kind: "claims",
    claims: { entries: [{ address, term: 1, givenUp }], standing: true, last: true, stale: false },
  };
}

Deno.test("WatchSockets: whoever was stopped claims nothing more and hears nothing old, but gives up and probes", () => {
  const clock = new FakeClock();
  const counted: string[] = [];
  const heard: string[] = [];
  const peer = UdpSocket.bind({ address: "127.0.0.1", port: 0 });
  const loop = new PacketLoop({}, { poller: new Poller(), clock, timed: [], onGap: () => loop.stop() });
  const watch = new WatchSockets({ address: "127.0.0.1", port: 0, secret: undefined }, {
    loop,
    clock,
    count: (counter) => counted.push(counter),
    drop: () => {},
    input: (input) => {
      if (input.kind !== "watch") return;
      heard.push(input.message.nonce);
      const send = (message: WatchMessage) =>
        watch.send({ kind: "sendWatch", address: "127.0.0.1", port: peer.port, message });
      send(claim("198.18.0.1"));
      clock.ms += STOPPED_MS;
      for (const message of [claim("198.18.0.2"), claim("198.18.0.3", true), PROBE]) send(message);
    },
  });
  for (const nonce of ["0000000000000001", "0000000000000002"]) {
    peer.sendTo(encodeWatchMessage({ ...PROBE, sender: "n2", nonce }, undefined), "127.0.0.1", watch.port);
  }
  loop.run();
  watch.close();
  assertEquals(heard, ["0000000000000001"]);
  assertEquals(counted, ["watchReceived", "withheld", "discarded"]);
  assertEquals(received(peer), ["198.18.0.1", "198.18.0.3", "probe"]);
  peer.close();
});

/** Addresses of claims, and the kinds of other messages. */
function received(socket: UdpSocket): string[] {
  const buffer = new Uint8Array(2048);
  const found: string[] = [];
  for (let datagram; (datagram = socket.receiveInto(buffer)) !== undefined;) {
    const decoded = decodeWatchMessage(buffer.subarray(0, datagram.length), undefined);
    if (decoded.ok) found.push(decoded.value.claims?.entries[0]?.address ?? decoded.value.kind);
  }
  return found;
}
