// needs: namespaces
/** The packet sockets of a speaker on a real cable, with a clock that jumps as that of a process does that was stopped. */
import { assertEquals } from "@std/assert/equals";
import { invariant } from "../../../lib/base/assert.ts";
import { type Ipv4, parseIpv4 } from "../../../lib/base/ip.ts";
import type { Mac } from "../../../lib/base/mac.ts";
import { InterfaceSockets, type ReceivedFrame } from "../../../lib/app/interface_sockets.ts";
import { ARP_FILTER } from "../../../lib/edge/net/bpf.ts";
import { PacketSocket } from "../../../lib/edge/net/packet_socket.ts";
import { Poller } from "../../../lib/edge/net/poller.ts";
import { PacketLoop } from "../../../lib/edge/run/packet_loop.ts";
import { arpReply, arpRequest } from "../../../lib/wire/arp_frames.ts";
import { decodeArp, encodeArpInto } from "../../../lib/wire/arp.ts";
import { FakeClock } from "../../run/fake_poller.ts";
import { inOwnNetwork, layCable } from "../net/own_network.ts";

const US = 0x02_00_00_00_00_0a as Mac;
const FIRST = parseIpv4("198.18.0.0")!;
const GAP_MS = 225;
/** By then the others have taken the address. */
const STOPPED_MS = 1000;

interface Outcome {
  /** Last octets of the addresses that were answered for. */
  readonly answered: readonly number[];
  readonly counted: Readonly<Record<string, number>>;
}

/** Requests 1 to 6 wait in one read of the socket, and the process is stopped at the third; number 7 comes after it. */
async function answersWhenStopped(when: "before the answer" | "after the answer"): Promise<Outcome> {
  const answered: number[] = [];
  const counted: Record<string, number> = {};
  const count = (name: string, by = 1) => counted[name] = (counted[name] ?? 0) + by;
  await inOwnNetwork((netlink) => {
    const { a, b } = layCable(netlink);
    const asker = PacketSocket.open({ ifindex: b, filter: ARP_FILTER });
    const ask = (number: number) => sendRequest(asker, { mac: netlink.findLink("b")!.mac!, number });
    const clock = new FakeClock();
    const loop = new PacketLoop({ gapMsMax: GAP_MS }, {
      poller: new Poller(),
      clock,
      timed: [],
      onGap: (_gapMs, discarded) => {
        count("discarded", discarded);
        ask(7);
      },
    });
    const receive = (frame: ReceivedFrame) => {
      invariant(frame.kind === "arp", "nothing else is on this cable");
      const number = frame.record.targetIp - FIRST;
      if (number === 3 && when === "before the answer") clock.ms += STOPPED_MS;
      const record = arpReply({ request: frame.record, mac: US });
      sockets.send({ kind: "sendArp", ifindex: a, record, counter: "responsesSent", address: "" });
      if (number === 3 && when === "after the answer") clock.ms += STOPPED_MS;
      if (number === 7) loop.stop();
    };
    const sockets = new InterfaceSockets({ loop, receive, count, drop: () => {}, log: () => {} });
    sockets.open({ ifindex: a, name: "a", mac: US });
    for (let number = 1; number <= 6; number++) ask(number);
    loop.run();
    sockets.closeAll();
    const buffer = new Uint8Array(64);
    for (let length; (length = asker.receiveInto(buffer)) > 0;) {
      const decoded = decodeArp(buffer.subarray(0, length));
      if (decoded.ok && decoded.value.operation === 2) answered.push(decoded.value.senderIp - FIRST);
    }
    asker.close();
  });
  return { answered, counted };
}

function sendRequest(from: PacketSocket, { mac, number }: { mac: Mac; number: number }): void {
  const frame = new Uint8Array(60);
  const senderIp = parseIpv4("192.0.2.9")!;
  encodeArpInto(arpRequest({ mac, senderIp, targetIp: (FIRST + number) as Ipv4, to: undefined }), frame);
  from.send(frame);
}

Deno.test("InterfaceSockets: whoever is stopped while it works on a request answers neither it nor what came before it woke", async () => {
  assertEquals(await answersWhenStopped("before the answer"), {
    answered: [1, 2, 7],
    counted: { framesReceived: 4, withheld: 1, discarded: 3 },
  });
});

Deno.test("InterfaceSockets: whoever is stopped between two requests answers none of those that wait", async () => {
  assertEquals(await answersWhenStopped("after the answer"), {
    answered: [1, 2, 3, 7],
    counted: { framesReceived: 4, discarded: 3 },
  });
});
