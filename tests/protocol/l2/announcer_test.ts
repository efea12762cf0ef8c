/** What the conflict guard asks for and hears, as frames of both families. */
import { assertEquals } from "@std/assert/equals";
import { parseIpv4, parseIpv6 } from "../../../lib/base/ip.ts";
import { type Mac, MAC_BROADCAST } from "../../../lib/base/mac.ts";
import { Announcer, type AnnouncerEffect, type AnnouncerInput } from "../../../lib/protocol/l2/announcer.ts";
import { duplicateProbe, neighborAdvertisement, neighborSolicitation } from "../../../lib/wire/ndp_frames.ts";

const VIP = "198.51.100.1";
const VIP6 = "fd98::210";
const TARGET = parseIpv6(VIP6)!;
const ETH0 = { ifindex: 2, name: "eth0", mac: 0x02_00_00_00_00_0a as Mac, linkLocal: "fe80::a" };
const BARE = { ...ETH0, linkLocal: undefined } as unknown as typeof ETH0;
const STRANGER = 0x02_00_00_00_00_77 as Mac;

function announcer(): Announcer {
  const machine = new Announcer();
  effectsOf(machine, { kind: "interface", interface: ETH0 });
  return machine;
}

function effectsOf(machine: Announcer, ...inputs: readonly AnnouncerInput[]): AnnouncerEffect[] {
  const effects: AnnouncerEffect[] = [];
  for (const input of inputs) {
    machine.handle(input, 1000);
    for (let effect; (effect = machine.poll()) !== undefined;) effects.push(effect);
  }
  return effects;
}

Deno.test("Announcer: an IPv4 address is asked for by a probe of sender 0.0.0.0 (RFC 5227 §2.1.1)", () => {
  for (const answered of [true, false]) {
    const [effect, ...more] = effectsOf(announcer(), { kind: "probe", address: VIP, on: ETH0, answered });
    assertEquals(effect, {
      kind: "sendArp",
      ifindex: 2,
      record: {
        etherDestination: MAC_BROADCAST,
        etherSource: ETH0.mac,
        operation: 1,
        senderMac: ETH0.mac,
        senderIp: parseIpv4("0.0.0.0")!,
        targetMac: 0 as Mac,
        targetIp: parseIpv4(VIP)!,
      },
      counter: undefined,
      address: VIP,
    });
    assertEquals(more, []);
  }
});

Deno.test("Announcer: a silent question for an IPv6 address is a probe for duplicates (RFC 4862 §5.4.2)", () => {
  const [effect] = effectsOf(announcer(), { kind: "probe", address: VIP6, on: ETH0, answered: false });
  assertEquals(effect?.kind === "sendNdp" && [effect.record.source, effect.record.linkLayerAddress], [0n, undefined]);
});

Deno.test("Announcer: a question for an IPv6 address beside our answers has a source, so that only we are answered", () => {
  const probe = { kind: "probe", address: VIP6, on: ETH0, answered: true } as const;
  const [effect] = effectsOf(announcer(), probe);
  assertEquals(effect?.kind === "sendNdp" && [effect.record.source, effect.record.linkLayerAddress], [
    parseIpv6("fe80::a")!,
    ETH0.mac,
  ]);
  const [bare] = effectsOf(announcer(), { ...probe, on: BARE });
  assertEquals(bare?.kind === "sendNdp" && bare.record.source, 0n);
});

Deno.test("Announcer: what a stranger says of an IPv6 address is a claim, also while we only listen (RFC 4862 §5.4.4)", () => {
  const solicitation = neighborSolicitation({ mac: ETH0.mac, source: parseIpv6("fe80::a")!, target: TARGET });
  const from = { mac: STRANGER, source: TARGET, override: true };
  const rows = [
    ["reply", neighborAdvertisement({ ...from, solicitation })],
    ["gratuitous", neighborAdvertisement({ ...from, solicitation: duplicateProbe(ETH0.mac, TARGET) })],
    ["probe", duplicateProbe(STRANGER, TARGET)],
    ["request", neighborSolicitation({ mac: STRANGER, source: TARGET, target: parseIpv6("fd98::1")! })],
  ] as const;
  for (const [form, record] of rows) {
    const machine = announcer();
    effectsOf(machine, { kind: "listen", address: VIP6, interfaces: "all" });
    assertEquals(effectsOf(machine, { kind: "ndp", ifindex: 2, record }), [
      { kind: "claim", claim: { address: VIP6, ifindex: 2, mac: STRANGER, form } },
    ], form);
  }
});

Deno.test("Announcer: a stranger's probe for duplicates is answered before all nodes (RFC 4862 §5.4.3)", () => {
  const machine = announcer();
  effectsOf(machine, { kind: "own", address: VIP6, interfaces: "all" });
  const answer = effectsOf(machine, { kind: "ndp", ifindex: 2, record: duplicateProbe(STRANGER, TARGET) })
    .flatMap((effect) => effect.kind === "sendNdp" ? effect.record.destination : []);
  assertEquals(answer, [parseIpv6("ff02::1")!]);
});
