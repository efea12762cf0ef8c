/** What it costs to answer: look-ups are counted, so that a slow machine does not matter. */
import { assertEquals } from "@std/assert/equals";
import { type Ipv4, parseIpv4 } from "../../../lib/base/ip.ts";
import { type Mac, MAC_BROADCAST, MAC_ZERO } from "../../../lib/base/mac.ts";
import { ArpResponder } from "../../../lib/protocol/l2/arp_responder.ts";
import type { ArpRecord } from "../../../lib/wire/arp.ts";

const FIRST = parseIpv4("198.18.0.0")!;
const ASKER = 0x02_00_00_00_00_99 as Mac;
const ETH0 = { ifindex: 2, name: "eth0", mac: 0x02_00_00_00_00_0a as Mac };

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

/** Calls of Map's `get` with an IPv4 address, and whether an answer came. */
function lookUps(machine: ArpResponder, record: ArpRecord): { readonly lookUps: number; readonly answered: boolean } {
  const original = Map.prototype.get;
  let count = 0;
  Map.prototype.get = function (key) {
    if (typeof key === "number" && key > 0xffff) count++;
    return original.call(this, key);
  };
  try {
    machine.handle({ kind: "frame", ifindex: 2, record }, 0);
  } finally {
    Map.prototype.get = original;
  }
  let answered = false;
  for (let effect; (effect = machine.poll()) !== undefined;) answered ||= effect.kind === "send";
  return { lookUps: count, answered };
}

for (const addresses of [1, 5000]) {
  Deno.test(`ArpResponder: with ${addresses} addresses a request is one look-up of who asks and one of what is asked`, () => {
    const machine = new ArpResponder();
    machine.handle({ kind: "interface", interface: ETH0 }, 0);
    for (let i = 0; i < addresses; i++) machine.handle({ kind: "own", ip: (FIRST + i) as Ipv4, interfaces: "all" }, 0);
    assertEquals(lookUps(machine, requestFor((FIRST + addresses - 1) as Ipv4)), { lookUps: 2, answered: true });
    assertEquals(lookUps(machine, requestFor((FIRST + addresses) as Ipv4)), { lookUps: 2, answered: false });
  });
}
