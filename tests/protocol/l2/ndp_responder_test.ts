import { assertEquals } from "@std/assert/equals";
import { type Ipv6, IPV6_UNSPECIFIED, parseIpv6 } from "../../../lib/base/ip.ts";
import { type Mac, MAC_BROADCAST, MAC_ZERO, parseMac } from "../../../lib/base/mac.ts";
import { NdpResponder, type NdpResponderEffect } from "../../../lib/protocol/l2/ndp_responder.ts";
import type { NdpRecord } from "../../../lib/wire/ndp.ts";
import { duplicateProbe, neighborSolicitation, unsolicitedAdvertisement } from "../../../lib/wire/ndp_frames.ts";

const VIP = parseIpv6("2001:db8::210")!;
const ASKER_IP = parseIpv6("2001:db8::99")!;
const ASKER = 0x02_00_00_00_00_99 as Mac;
const OTHER = 0x02_00_00_00_00_77 as Mac;
const ETH0 = { ifindex: 2, name: "eth0", mac: 0x02_00_00_00_00_0a as Mac, linkLocal: "fe80::a" };
const ETH1 = { ifindex: 3, name: "eth1", mac: 0x02_00_00_00_00_0b as Mac, linkLocal: "fe80::b" };
const WITHOUT_IPV6 = { ifindex: 4, name: "eth2", mac: 0x02_00_00_00_00_0c as Mac };

const SOLICITATION = neighborSolicitation({ mac: ASKER, source: ASKER_IP, target: VIP });
const PROBE = duplicateProbe(ASKER, VIP);
const CLAIM = unsolicitedAdvertisement(OTHER, VIP);

function responder(interfaces: "all" | readonly string[] = ["eth0", "eth2"]): NdpResponder {
  const machine = new NdpResponder();
  for (const on of [ETH0, ETH1, WITHOUT_IPV6]) machine.handle({ kind: "interface", interface: on }, 0);
  machine.handle({ kind: "own", ip: VIP, interfaces }, 0);
  return machine;
}

function hear(machine: NdpResponder, record: NdpRecord, ifindex = 2): NdpResponderEffect[] {
  machine.handle({ kind: "ndp", ifindex, record }, 0);
  const effects: NdpResponderEffect[] = [];
  for (let effect; (effect = machine.poll()) !== undefined;) effects.push(effect);
  return effects;
}

/** The one frame that is sent for `record`. */
function answerTo(record: NdpRecord, machine = responder()): NdpRecord | undefined {
  return hear(machine, record).flatMap((effect) => effect.kind === "answer" ? [effect.record] : [])[0];
}

const SILENT: readonly (readonly [what: string, change: Partial<NdpRecord>, ifindex?: number])[] = [
  ["for another address", { target: (VIP + 1n) as Ipv6 }],
  ["for ::", { target: IPV6_UNSPECIFIED }],
  ["on an interface that the address is not announced on", {}, 3],
  ["on an interface without a link-local address", {}, 4],
  ["on an interface that is not used", {}, 5],
  ["sent to another station", { etherDestination: OTHER }],
  ["that names a group as its address", { linkLayerAddress: MAC_BROADCAST }],
  ["from a group address", { etherSource: MAC_BROADCAST, linkLayerAddress: undefined }],
  ["of our own, brought back by a bridge", { etherSource: ETH0.mac, linkLayerAddress: ETH0.mac }],
  ["of our own on the other interface", { etherSource: ETH1.mac, linkLayerAddress: ETH1.mac }],
];

for (const [what, change, ifindex] of SILENT) {
  Deno.test(`NdpResponder: a solicitation ${what} is not answered`, () => {
    assertEquals(hear(responder(), { ...SOLICITATION, ...change }, ifindex), []);
  });
}

Deno.test("NdpResponder, RFC 4861 §7.2.4: a solicitation is answered to who asked: solicited, override, no router", () => {
  assertEquals(hear(responder(), SOLICITATION), [
    {
      kind: "answer",
      address: "2001:db8::210",
      ifindex: 2,
      record: {
        etherDestination: ASKER,
        etherSource: ETH0.mac,
        type: 136,
        flags: 0x6000_0000,
        linkLayerAddress: ETH0.mac,
        source: VIP,
        destination: ASKER_IP,
        target: VIP,
      },
    },
  ]);
});

Deno.test("NdpResponder: the answer goes to the address in the option, and without one to where the frame came from", () => {
  const gateway = parseMac("02:00:00:00:00:55")!;
  assertEquals(answerTo({ ...SOLICITATION, etherSource: gateway })?.etherDestination, ASKER);
  const bare = { ...SOLICITATION, etherSource: gateway, linkLayerAddress: undefined };
  assertEquals(answerTo(bare)?.etherDestination, gateway);
});

Deno.test("NdpResponder, RFC 4861 §7.3.1: a unicast probe of reachability is answered, also without an option", () => {
  const probe = { ...SOLICITATION, etherDestination: ETH0.mac, destination: VIP, linkLayerAddress: undefined };
  const answer = answerTo(probe);
  assertEquals([answer?.destination, answer?.flags, answer?.linkLayerAddress], [ASKER_IP, 0x6000_0000, ETH0.mac]);
});

Deno.test("NdpResponder, RFC 4862 §5.4.4: a probe for duplicates is a claim, and answered before all nodes", () => {
  const effects = hear(responder(), PROBE);
  assertEquals(effects.map(({ kind }) => kind), ["foreignClaim", "answer"]);
  assertEquals(effects[0], { kind: "foreignClaim", ip: VIP, ifindex: 2, mac: ASKER, form: "probe" });
  const answer = answerTo(PROBE)!;
  assertEquals(answer.etherDestination, 0x3333_0000_0001 as Mac);
  assertEquals([answer.destination, answer.flags], [parseIpv6("ff02::1")!, 0x2000_0000]);
});

Deno.test("NdpResponder: while an address is handed over nothing overrides, whatever else is said about it", () => {
  const machine = responder();
  machine.handle({ kind: "hush", ip: VIP }, 0);
  assertEquals(answerTo(SOLICITATION, machine)?.flags, 0x4000_0000);
  machine.handle({ kind: "own", ip: VIP, interfaces: "all" }, 0);
  assertEquals(answerTo(PROBE, machine)?.flags, 0);
  machine.handle({ kind: "announce", ip: VIP }, 0);
  assertEquals(answerTo(SOLICITATION, machine)?.flags, 0x6000_0000);
});

const CLAIMS: readonly (readonly [what: string, record: NdpRecord, form: string])[] = [
  ["an unsolicited advertisement", CLAIM, "gratuitous"],
  ["an unsolicited advertisement without an option", { ...CLAIM, linkLayerAddress: undefined }, "gratuitous"],
  ["a solicited advertisement", { ...CLAIM, flags: 0x4000_0000, destination: ASKER_IP }, "reply"],
  ["a solicitation from our address", neighborSolicitation({ mac: OTHER, source: VIP, target: ASKER_IP }), "request"],
];

for (const [what, record, form] of CLAIMS) {
  Deno.test(`NdpResponder: ${what} by another station is a claim`, () => {
    assertEquals(hear(responder(), record), [{ kind: "foreignClaim", ip: VIP, ifindex: 2, mac: OTHER, form } as const]);
  });
}

for (const mac of [MAC_ZERO, MAC_BROADCAST]) {
  Deno.test(`NdpResponder: a claim by an address that no station has is one: Linux believes it (${mac.toString(16)})`, () => {
    const effects = hear(responder(), { ...CLAIM, linkLayerAddress: mac });
    assertEquals(effects, [{ kind: "foreignClaim", ip: VIP, ifindex: 2, mac, form: "gratuitous" }]);
  });
}

Deno.test("NdpResponder: a stranger's claim in a frame that bears our own address is one", () => {
  const effects = hear(responder(), { ...CLAIM, etherSource: ETH0.mac });
  assertEquals(effects, [{ kind: "foreignClaim", ip: VIP, ifindex: 2, mac: OTHER, form: "gratuitous" }]);
});

Deno.test("NdpResponder: our own words without an option, brought back by a bridge, are no claim, nor is one on another interface", () => {
  assertEquals(hear(responder(), { ...CLAIM, etherSource: ETH1.mac, linkLayerAddress: undefined }), []);
  assertEquals(hear(responder(), CLAIM, 3), []);
});

Deno.test("NdpResponder: who only listens tells claims and answers nothing", () => {
  const machine = responder();
  machine.handle({ kind: "listen", ip: VIP, interfaces: "all" }, 0);
  assertEquals(hear(machine, SOLICITATION), []);
  assertEquals(hear(machine, CLAIM).length, 1);
  machine.handle({ kind: "disown", ip: VIP }, 0);
  assertEquals(hear(machine, CLAIM), []);
});

Deno.test("NdpResponder: an interface answers from when it has a link-local address until it is gone", () => {
  const machine = responder("all");
  assertEquals(hear(machine, SOLICITATION, 4), []);
  machine.handle({ kind: "interface", interface: { ...WITHOUT_IPV6, linkLocal: "fe80::c" } }, 0);
  assertEquals(hear(machine, SOLICITATION, 4).length, 1);
  machine.handle({ kind: "interfaceGone", ifindex: 4 }, 0);
  assertEquals(hear(machine, SOLICITATION, 4), []);
});
