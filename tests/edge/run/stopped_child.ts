/**
 * A packet loop over one UDP port of the loopback. Prints a line per datagram and per gap; an empty datagram ends it, and
 * one with the mark STOP_YOURSELF stops the process in the middle of its drain.
 */
import { BootClock } from "../../../lib/edge/net/boot_clock.ts";
import { Poller } from "../../../lib/edge/net/poller.ts";
import { UdpSocket } from "../../../lib/edge/net/udp_socket.ts";
import { PacketLoop } from "../../../lib/edge/run/packet_loop.ts";

const STOP_YOURSELF = 255;

const socket = UdpSocket.bind({ address: "127.0.0.1", port: 0 });
const buffer = new Uint8Array(64);
const loop = new PacketLoop({}, {
  poller: new Poller(),
  clock: new BootClock(),
  timed: [],
  onGap: (gapMs, discarded) => say({ gapMs, discarded }),
});
loop.add({
  fd: socket.fd,
  drain(budget) {
    for (let count = 0; count < budget; count++) {
      const received = socket.receiveInto(buffer);
      if (received === undefined) return count;
      if (loop.isStale()) {
        say({ discarded: 1 });
        return count;
      }
      if (received.length === 0) loop.stop();
      else if (buffer[0] === STOP_YOURSELF) Deno.kill(Deno.pid, "SIGSTOP");
      else say({ datagram: buffer[0] });
    }
    return budget;
  },
  discard: () => socket.discardQueued(Infinity),
});
say({ port: socket.port });
loop.run();
socket.close();

function say(line: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
}
