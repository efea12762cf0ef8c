/** What it costs to answer: look-ups are counted, so that a slow machine does not matter. */
import { assertEquals } from "@std/assert/equals";
import { type Ipv4, type Ipv6, parseIpv4, parseIpv6 } from "../../../lib/base/ip.ts";
import { type Mac, MAC_BROADCAST, MAC_ZERO } from "../../../lib/base/mac.ts";
import { ArpResponder } from "../../../lib/protocol/l2/arp_responder.ts";
import { NdpResponder } from "../../../lib/protocol/l2/ndp_responder.ts";
import type { ArpRecord } from "../../../lib/wire/arp.ts";
import { neighborSolicitation } from "../../../lib/wire/ndp_frames.ts";

const FIRST = parseIpv4("198.18.0.0")!;
const FIRST_IPV6 = parseIpv6("2001:db8::1:0")!;
const ASKER = 0x02_00_00_00_00_99 as Mac;
const ETH0 = { ifindex: 2, name: "eth0", mac: 0x02_00_00_00_00_0a as Mac, linkLocal: "fe80::a" };

function requestFor(targetIp: Ipv4): ArpRecord {
  return {
    etherDestination: MAC_BROADCAST,
    etherSource: ASKER,
    operation: 1,
    senderMac: ASKER,
    senderIp: parseIpv4("192.0.2.9")!,
    targetMac: MAC_ZERO,
    targetIp,
  };
}

/** Calls of Map's `get` with an IP address while `hear` runs. */
function lookUps(hear: () => void): number {
  const original = Map.prototype.get;
  let count = 0;
  Map.prototype.get = function (key) {
    if (typeof key === "bigint" || (typeof key === "number" && key > 0xffff)) count++;
    return original.call(this, key);
  };
  try {
    hear();
  } finally {
    Map.prototype.get = original;
  }
  return count;
}

function hasAnswered(machine: ArpResponder | NdpResponder): boolean {
  let answered = false;
  for (let effect; (effect = machine.poll()) !== undefined;) answered ||= effect.kind === "send";
  return answered;
}

for (const addresses of [1, 5000]) {
  Deno.test(`ArpResponder: with ${addresses} addresses a request is one look-up of who asks and one of what is asked`, () => {
    const machine = new ArpResponder();
    machine.handle({ kind: "interface", interface: ETH0 }, 0);
    for (let i = 0; i < addresses; i++) machine.handle({ kind: "own", ip: (FIRST + i) as Ipv4, interfaces: "all" }, 0);
    for (const [index, answered] of [[addresses - 1, true], [addresses, false]] as const) {
      const record = requestFor((FIRST + index) as Ipv4);
      assertEquals(lookUps(() => machine.handle({ kind: "frame", ifindex: 2, record }, 0)), 2);
      assertEquals(hasAnswered(machine), answered);
    }
  });

  Deno.test(`NdpResponder: with ${addresses} addresses a solicitation is one look-up of who asks and one of what is asked`, () => {
    const machine = new NdpResponder();
    machine.handle({ kind: "interface", interface: ETH0 }, 0);
    for (let i = 0; i < addresses; i++) {
      machine.handle({ kind: "own", ip: (FIRST_IPV6 + BigInt(i)) as Ipv6, interfaces: "all" }, 0);
    }
    const source = parseIpv6("2001:db8::99")!;
    for (const [index, answered] of [[addresses - 1, true], [addresses, false]] as const) {
      const target = (FIRST_IPV6 + BigInt(index)) as Ipv6;
      const record = neighborSolicitation({ mac: ASKER, source, target });
      assertEquals(lookUps(() => machine.handle({ kind: "frame", ifindex: 2, record }, 0)), 2);
      assertEquals(hasAnswered(machine), answered);
    }
  });
}
