import { assertEquals } from "@std/assert/equals";
import { assert } from "@std/assert/assert";
import { formatPacketIp, IPV4_ZERO, parseIpv4, parseIpv6 } from "../../../lib/base/ip.ts";
import { formatMac, type Mac, MAC_BROADCAST } from "../../../lib/base/mac.ts";
import { gratuitousReply } from "../../../lib/wire/arp_frames.ts";
import type { NdpRecord } from "../../../lib/wire/ndp.ts";
import { duplicateProbe, neighborSolicitation, unsolicitedAdvertisement } from "../../../lib/wire/ndp_frames.ts";
import { PeerStations, type PeerStationsInput } from "../../../lib/protocol/l2/peer_stations.ts";

const ETH0 = { ifindex: 2, name: "eth0", mac: 0x02_00_00_00_00_0a as Mac };
const ETH1 = { ifindex: 3, name: "eth1", mac: 0x02_00_00_00_01_0a as Mac };
const B = { node: "b", address: "192.0.2.2", port: 7947 };
const C = { node: "c", address: "192.0.2.3", port: 7947 };
const SIX = { node: "six", address: "2001:db8::3", port: 7947 };
const MAC_B = 0x02_00_00_00_00_0b as Mac;

class Bench {
  now = 1000;
  readonly machine = new PeerStations();

  handle(...inputs: readonly (PeerStationsInput | { readonly kind: "tick" })[]): string[] {
    const words: string[] = [];
    for (const input of inputs) {
      this.machine.handle(input, this.now);
      for (let effect; (effect = this.machine.poll()) !== undefined;) {
        if (effect.kind === "ask") words.push(`ask ${formatPacketIp(effect.ip)} on ${effect.on.name}`);
        else if (effect.kind === "station") words.push(`${effect.node} is ${formatMac(effect.mac)}`);
        else if (effect.kind === "stationsGone") words.push(`${effect.node} is gone`);
        else if (effect.kind === "sharedMac") {
          words.push(`${effect.other} has ${formatMac(effect.mac)} of ${effect.interface}: ${effect.state}`);
        }
      }
    }
    return words;
  }

  pass(durationMs: number): string[] {
    const words: string[] = [];
    const until = this.now + durationMs;
    for (let at; (at = this.machine.deadline()?.at ?? Infinity) <= until;) {
      this.now = Math.max(at, this.now);
      words.push(...this.handle({ kind: "tick" }));
    }
    this.now = until;
    return words;
  }
}

function peers(upsert: readonly typeof B[], remove: readonly string[] = []): PeerStationsInput {
  return { kind: "peers", upsert, remove };
}

function seen(address: string, mac: Mac): PeerStationsInput {
  return { kind: "arp", record: { ...gratuitousReply(mac, parseIpv4(address)!), targetIp: IPV4_ZERO } };
}

Deno.test("PeerStations: a peer is asked for at once on every interface, and three times more", () => {
  const bench = new Bench();
  bench.handle({ kind: "interface", interface: ETH0 }, { kind: "interface", interface: ETH1 });
  const round = ["ask 192.0.2.2 on eth0", "ask 192.0.2.2 on eth1"];
  assertEquals(bench.handle(peers([B])), round);
  assertEquals([bench.pass(999), bench.pass(1), bench.pass(5000), bench.pass(30_000)], [[], round, round, round]);
  assertEquals([bench.pass(1e9), bench.handle(peers([B]))], [[], []]);
});

Deno.test("PeerStations: an interface that comes is asked on; without one nobody is asked", () => {
  const bench = new Bench();
  assertEquals([bench.handle(peers([B, C])), bench.pass(1e6)], [[], []]);
  assertEquals(bench.handle({ kind: "interface", interface: ETH0 }), [
    "ask 192.0.2.2 on eth0",
    "ask 192.0.2.3 on eth0",
  ]);
  bench.handle({ kind: "interfaceGone", ifindex: 2 });
  assertEquals(bench.pass(1e6), []);
});

Deno.test("PeerStations: a frame of a peer's address says where the peer is; a group or zero address says nothing", () => {
  const bench = new Bench();
  bench.handle(peers([B]));
  assertEquals(bench.handle(seen("192.0.2.2", MAC_B)), ["b is 02:00:00:00:00:0b"]);
  assertEquals(
    bench.handle(seen("192.0.2.2", MAC_BROADCAST), seen("192.0.2.2", 0 as Mac), seen("192.0.2.9", MAC_B)),
    [],
  );
});

/** A solicitation by the kernel of the node with the address, for some neighbour of it. */
function soughtBy(address: string, mac: Mac, change: Partial<NdpRecord> = {}): PeerStationsInput {
  const record = neighborSolicitation({ mac, source: parseIpv6(address)!, target: parseIpv6("2001:db8::99")! });
  return { kind: "ndp", record: { ...record, ...change } };
}

function advertised(address: string, mac: Mac, change: Partial<NdpRecord> = {}): PeerStationsInput {
  return { kind: "ndp", record: { ...unsolicitedAdvertisement(mac, parseIpv6(address)!), ...change } };
}

Deno.test("PeerStations: an IPv6 peer is asked for from our link-local address, where there is one, as often as an IPv4 one", () => {
  const bench = new Bench();
  const linkLocal = "fe80::a";
  bench.handle({ kind: "interface", interface: { ...ETH0, linkLocal } }, { kind: "interface", interface: ETH1 });
  const round = ["ask 2001:db8::3 on eth0"];
  assertEquals(bench.handle(peers([SIX])), round);
  assertEquals([bench.pass(999), bench.pass(1), bench.pass(5000), bench.pass(30_000)], [[], round, round, round]);
  assertEquals(bench.pass(1e9), []);
  // As soon as the other interface has one, too.
  assertEquals(bench.handle({ kind: "interface", interface: { ...ETH1, linkLocal } }), [
    ...round,
    "ask 2001:db8::3 on eth1",
  ]);
});

Deno.test("PeerStations: what is advertised for a peer's IPv6 address, or asked from it, says where the peer is", () => {
  const found = ["six is 02:00:00:00:00:0b"];
  const other = 0x02_00_00_00_00_77 as Mac;
  const frames: readonly (readonly [what: string, PeerStationsInput, string[]])[] = [
    ["advertisement", advertised(SIX.address, MAC_B), found],
    ["from another source, as MetalLB's", advertised(SIX.address, MAC_B, { source: parseIpv6("fe80::b")! }), found],
    ["the option counts", advertised(SIX.address, MAC_B, { etherSource: other }), found],
    ["without an option", advertised(SIX.address, MAC_B, { linkLayerAddress: undefined }), found],
    ["solicitation", soughtBy(SIX.address, MAC_B), found],
    ["without an option", soughtBy(SIX.address, MAC_B, { linkLayerAddress: undefined }), found],
    ["who asks for the peer is somebody else", soughtBy("2001:db8::4", MAC_B, { target: parseIpv6(SIX.address)! }), []],
    ["who wants the address does not have it", {
      kind: "ndp",
      record: duplicateProbe(MAC_B, parseIpv6(SIX.address)!),
    }, []],
    ["another's address", advertised("2001:db8::4", MAC_B, { source: parseIpv6(SIX.address)! }), []],
    ["a group", advertised(SIX.address, MAC_BROADCAST), []],
    ["nobody", advertised(SIX.address, 0 as Mac), []],
  ];
  for (const [what, frame, words] of frames) {
    const bench = new Bench();
    bench.handle(peers([SIX]));
    assertEquals(bench.handle(frame), words, what);
    bench.handle(peers([], [SIX.node]));
    assertEquals(bench.handle(frame), [], `${what}: it is no peer any more`);
  }
});

Deno.test("PeerStations: a link-local address says nothing of a node: any segment may have it, and it is asked for nowhere", () => {
  const bench = new Bench();
  bench.handle({ kind: "interface", interface: { ...ETH0, linkLocal: "fe80::a" } });
  for (const address of ["fe80::b", "febf:ffff::1"]) {
    assertEquals(bench.handle(peers([{ ...SIX, address }]), advertised(address, MAC_B), soughtBy(address, MAC_B)), []);
  }
  assertEquals(bench.handle({ kind: "told", node: SIX.node, macs: [MAC_B] }), ["six is 02:00:00:00:00:0b"]);
  assertEquals(bench.handle(peers([{ ...SIX, address: "fec0::1" }])), ["ask fec0::1 on eth0"]);
});

Deno.test("PeerStations: the stations that are invented for an IPv6 peer are as few, and a MAC of ours is told", () => {
  const bench = new Bench();
  bench.handle({ kind: "interface", interface: ETH0 }, peers([SIX]));
  const invented = Array.from({ length: 100 }, (_, i) => advertised(SIX.address, (0x02_00_00_01_00_00 + i) as Mac));
  assertEquals(bench.handle(...invented).length, 32);
  assertEquals(bench.handle(soughtBy(SIX.address, ETH0.mac)), ["six has 02:00:00:00:00:0a of eth0: found"]);
});

Deno.test("PeerStations: what a peer tells is believed, of a node that is none it is not", () => {
  const bench = new Bench();
  bench.handle(peers([B, { ...C, address: "2001:db8::3" }]));
  const told = (node: string): PeerStationsInput => ({ kind: "told", node, macs: [MAC_B] });
  assertEquals(bench.handle(told("b"), told("c"), told("x")), ["b is 02:00:00:00:00:0b", "c is 02:00:00:00:00:0b"]);
});

Deno.test("PeerStations: a peer that goes or moves is not at its old address", () => {
  const bench = new Bench();
  bench.handle(peers([B, C]), peers([{ ...B, address: "192.0.2.9" }]));
  assertEquals(bench.handle(peers([], ["c"])), ["c is gone"]);
  assertEquals(bench.handle(seen("192.0.2.2", MAC_B), seen("192.0.2.3", MAC_B)), []);
  assertEquals(bench.handle(seen("192.0.2.9", MAC_B)), ["b is 02:00:00:00:00:0b"]);
});

Deno.test("PeerStations: a thousand peers are asked for in turns", () => {
  const bench = new Bench();
  bench.handle({ kind: "interface", interface: ETH0 });
  const many = Array.from({ length: 1000 }, (_, i) => ({ ...B, node: `n${i}`, address: `10.0.${i >> 8}.${i & 255}` }));
  const atOnce = bench.handle(peers(many));
  const perMs = Array.from({ length: 990 }, () => bench.pass(1).length);
  assertEquals([atOnce.length, Math.max(...perMs)], [32, 1]);
  assert(perMs.reduce((sum, frames) => sum + frames) >= 968);
});

Deno.test("PeerStations: who invents stations of a peer without end is listened to for 32 of them, until an interface comes", () => {
  const bench = new Bench();
  bench.handle({ kind: "interface", interface: ETH0 }, peers([B]), seen(B.address, MAC_B));
  const invented = (from: number) =>
    Array.from({ length: 100 }, (_, i) => seen(B.address, (0x02_00_00_01_00_00 + from + i) as Mac));
  assertEquals(bench.handle(...invented(0)).length, 31);
  assertEquals(bench.handle(...invented(1000), seen(B.address, MAC_B)), ["b is 02:00:00:00:00:0b"]);
  bench.handle({ kind: "interface", interface: ETH1 });
  assertEquals(bench.handle(...invented(2000)).length, 32);
});

Deno.test("PeerStations: a peer that speaks from a MAC of ours is told once, and is no station by it", () => {
  const bench = new Bench();
  bench.handle({ kind: "interface", interface: ETH0 }, { kind: "interface", interface: ETH1 }, peers([B, C]));
  assertEquals(bench.handle(seen(B.address, ETH1.mac)), ["b has 02:00:00:00:01:0a of eth1: found"]);
  assertEquals(bench.handle(seen(B.address, ETH1.mac), seen(B.address, MAC_B)), ["b is 02:00:00:00:00:0b"]);
  // A frame of our own that a bridge brings back names no peer.
  assertEquals(bench.handle(seen("192.0.2.1", ETH0.mac)), []);
  assertEquals(bench.handle(peers([], ["b"])), ["b has 02:00:00:00:01:0a of eth1: gone", "b is gone"]);
});

Deno.test("PeerStations: a peer with a MAC of ours counts as mended when it was silent for five minutes", () => {
  const bench = new Bench();
  bench.handle({ kind: "interface", interface: ETH0 }, peers([B]), seen(B.address, ETH0.mac));
  const asks = "ask 192.0.2.2 on eth0";
  assertEquals(bench.pass(299_999), [asks, asks, asks]);
  bench.handle(seen(B.address, ETH0.mac));
  assertEquals([bench.pass(299_999), bench.pass(1)], [[], ["b has 02:00:00:00:00:0a of eth0: gone"]]);
  assertEquals(bench.handle(seen(B.address, ETH0.mac)), ["b has 02:00:00:00:00:0a of eth0: found"]);
});
