import { assertEquals } from "@std/assert/equals";
import { type Ipv4, IPV4_ZERO, parseIpv4 } from "../../../lib/base/ip.ts";
import { type Mac, MAC_BROADCAST, MAC_ZERO } from "../../../lib/base/mac.ts";
import { ArpResponder, type ArpResponderEffect } from "../../../lib/protocol/l2/arp_responder.ts";
import type { ArpRecord } from "../../../lib/wire/arp.ts";

const VIP = parseIpv4("198.51.100.1")!;
const ASKER_IP = parseIpv4("198.51.100.9")!;
const ASKER = 0x02_00_00_00_00_99 as Mac;
const OTHER = 0x02_00_00_00_00_77 as Mac;
const ETH0 = { ifindex: 2, name: "eth0", mac: 0x02_00_00_00_00_0a as Mac };
const ETH1 = { ifindex: 3, name: "eth1", mac: 0x02_00_00_00_00_0b as Mac };

const REQUEST: ArpRecord = {
  etherDestination: MAC_BROADCAST,
  etherSource: ASKER,
  operation: 1,
  senderMac: ASKER,
  senderIp: ASKER_IP,
  targetMac: MAC_ZERO,
  targetIp: VIP,
};

/** Has two interfaces and answers for the VIP on eth0. */
function responder(interfaces: "all" | readonly string[] = ["eth0"]): ArpResponder {
  const machine = new ArpResponder();
  for (const on of [ETH0, ETH1]) machine.handle({ kind: "interface", interface: on }, 0);
  machine.handle({ kind: "own", ip: VIP, interfaces }, 0);
  return machine;
}

function hear(machine: ArpResponder, change: Partial<ArpRecord> = {}, ifindex = 2): ArpResponderEffect[] {
  machine.handle({ kind: "arp", ifindex, record: { ...REQUEST, ...change } }, 0);
  const effects: ArpResponderEffect[] = [];
  for (let effect; (effect = machine.poll()) !== undefined;) effects.push(effect);
  return effects;
}

const SILENT: readonly { readonly what: string; readonly change: Partial<ArpRecord>; readonly ifindex?: number }[] = [
  { what: "for another address", change: { targetIp: (VIP + 1) as Ipv4 } },
  { what: "for 0.0.0.0", change: { targetIp: IPV4_ZERO } },
  { what: "on an interface that the address is not announced on", change: {}, ifindex: 3 },
  { what: "on an interface that is not used", change: {}, ifindex: 4 },
  { what: "sent to another station", change: { etherDestination: OTHER } },
  { what: "sent to a group that is not everybody", change: { etherDestination: 0x01_00_5e_00_00_01 as Mac } },
  { what: "from a group address", change: { senderMac: MAC_BROADCAST } },
  { what: "in a frame from a group address", change: { etherSource: 0x03_00_00_00_00_01 as Mac } },
  { what: "of our own, brought back by a bridge", change: { senderMac: ETH0.mac, etherSource: ETH0.mac } },
  { what: "of our own on the other interface", change: { senderMac: ETH1.mac, etherSource: ETH1.mac } },
  { what: "that is an answer", change: { operation: 2 } },
  { what: "that is RARP", change: { operation: 3 } },
  { what: "of operation 0", change: { operation: 0 } },
];

for (const { what, change, ifindex } of SILENT) {
  Deno.test(`ArpResponder: a request ${what} is not answered`, () => {
    assertEquals(hear(responder(), change, ifindex), []);
  });
}

const ANSWERED: readonly { readonly what: string; readonly change: Partial<ArpRecord> }[] = [
  { what: "to everybody", change: {} },
  { what: "to our MAC alone (a neighbour that checks)", change: { etherDestination: ETH0.mac } },
  {
    what: "from 0.0.0.0 to our MAC alone (a switch that tracks its hosts)",
    change: { senderIp: IPV4_ZERO, etherDestination: ETH0.mac },
  },
  { what: "that somebody relays", change: { etherSource: OTHER } },
];

for (const { what, change } of ANSWERED) {
  Deno.test(`ArpResponder: a request ${what} is answered to the station that sent it`, () => {
    const request = { ...REQUEST, ...change };
    assertEquals(hear(responder(), change), [
      {
        kind: "answer",
        address: "198.51.100.1",
        ifindex: 2,
        record: {
          etherDestination: request.etherSource,
          etherSource: ETH0.mac,
          operation: 2,
          senderMac: ETH0.mac,
          senderIp: VIP,
          targetMac: request.senderMac,
          targetIp: request.senderIp,
        },
      },
    ]);
  });
}

Deno.test("ArpResponder: each interface answers with its own MAC", () => {
  const machine = responder("all");
  const macs = [2, 3].map((ifindex) =>
    hear(machine, {}, ifindex).flatMap((e) => e.kind === "answer" ? e.record.senderMac : [])
  );
  assertEquals(macs, [[ETH0.mac], [ETH1.mac]]);
});

for (
  const { what, change, form } of [
    { what: "the request form of an announcement", change: { senderIp: VIP }, form: "gratuitous" },
    { what: "the reply form of an announcement", change: { senderIp: VIP, operation: 2 }, form: "gratuitous" },
    { what: "a request for something else", change: { senderIp: VIP, targetIp: ASKER_IP }, form: "request" },
    { what: "an answer", change: { senderIp: VIP, targetIp: ASKER_IP, operation: 2 }, form: "reply" },
  ] as const
) {
  Deno.test(`ArpResponder: ${what} from an address that we own is a foreign claim, and not answered`, () => {
    assertEquals(hear(responder(), change), [{ kind: "foreignClaim", ip: VIP, ifindex: 2, mac: ASKER, form }]);
  });
}

for (const mac of [MAC_ZERO, MAC_BROADCAST, 0x03_bf_c6_33_64_01 as Mac]) {
  Deno.test(`ArpResponder: a claim by an address that no single station has is one: Linux believes it (${mac.toString(16)})`, () => {
    const effects = hear(responder(), { senderIp: VIP, senderMac: mac });
    assertEquals(effects, [{ kind: "foreignClaim", ip: VIP, ifindex: 2, mac, form: "gratuitous" }]);
  });
}

Deno.test("ArpResponder: a stranger's claim in a frame that bears our own address is one", () => {
  const effects = hear(responder(), { senderIp: VIP, senderMac: OTHER, etherSource: ETH0.mac });
  assertEquals(effects, [{ kind: "foreignClaim", ip: VIP, ifindex: 2, mac: OTHER, form: "gratuitous" }]);
});

Deno.test("ArpResponder: an address that is listened for is not answered, but its claims and probes are told", () => {
  const machine = responder();
  machine.handle({ kind: "listen", ip: VIP, interfaces: ["eth0"] }, 0);
  const claim = { kind: "foreignClaim", ip: VIP, ifindex: 2, mac: ASKER };
  assertEquals(hear(machine), []);
  assertEquals(hear(machine, { senderIp: IPV4_ZERO }), [{ ...claim, form: "probe" } as ArpResponderEffect]);
  assertEquals(hear(machine, { senderIp: VIP }), [{ ...claim, form: "gratuitous" } as ArpResponderEffect]);
  machine.handle({ kind: "own", ip: VIP, interfaces: ["eth0"] }, 0);
  assertEquals(hear(machine).length, 1);
});

Deno.test("ArpResponder: a probe to everybody is answered and told, one to our MAC alone is only answered", () => {
  const kinds = (change: Partial<ArpRecord>) =>
    hear(responder(), { senderIp: IPV4_ZERO, ...change }).map((e) => e.kind);
  assertEquals(kinds({}), ["foreignClaim", "answer"]);
  assertEquals(kinds({ etherDestination: ETH0.mac }), ["answer"]);
});

Deno.test("ArpResponder: a claim on an interface that the address is not announced on is none", () => {
  assertEquals(hear(responder(), { senderIp: VIP }, 3), []);
});

Deno.test("ArpResponder: a disowned address is not answered, an owned one again is", () => {
  const machine = responder();
  machine.handle({ kind: "disown", ip: VIP }, 0);
  assertEquals(hear(machine), []);
  assertEquals(hear(machine, { senderIp: VIP }), []);
  machine.handle({ kind: "own", ip: VIP, interfaces: ["eth1"] }, 0);
  assertEquals([hear(machine).length, hear(machine, {}, 3).length], [0, 1]);
});

Deno.test("ArpResponder: an interface that went away is not answered on, and its MAC is a stranger's", () => {
  const machine = responder("all");
  machine.handle({ kind: "interfaceGone", ifindex: 2 }, 0);
  assertEquals(hear(machine), []);
  assertEquals(hear(machine, { senderMac: ETH0.mac, etherSource: ETH0.mac }, 3).length, 1);
});

Deno.test("ArpResponder: it waits for nothing", () => {
  assertEquals(responder().deadline(), undefined);
});
