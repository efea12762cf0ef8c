import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { type Mac, MAC_BROADCAST, MAC_ZERO } from "../../lib/base/mac.ts";
import { parseIpv4, parseIpv6 } from "../../lib/base/ip.ts";
import { SeededRng } from "../../lib/base/rng.ts";
import { DEFAULT_ADDRESS_POLICY, type WantedAddress, type WantedDelta } from "../../lib/base/wanted.ts";
import { neighborSolicitation, unsolicitedAdvertisement } from "../../lib/wire/ndp_frames.ts";
import { PacketPlane } from "../../lib/protocol/packet_plane.ts";
import type { PacketPlaneEffect, PacketPlaneInput, PacketPlaneOptions } from "../../lib/protocol/packet_plane_io.ts";

const VIP = "198.51.100.1";
const VIP6 = "2001:db8::1";
const ETH0 = { ifindex: 2, name: "eth0", mac: 0x02_00_00_00_00_0a as Mac };
const PEER_B = { node: "b", address: "192.0.2.2", port: 7947 };

function wanted(address: string, candidates: readonly string[] = ["a"]): WantedAddress {
  return { address, candidates, interfaces: "all", services: ["default/x"] };
}

/** The plane of node `a`, and what came out of it. */
class Bench {
  now = 1000;
  readonly plane: PacketPlane;
  #generation = 0;
  #effects: PacketPlaneEffect[] = [];

  constructor({ watched = true, ...options }: { watched?: boolean } & Partial<PacketPlaneOptions> = {}) {
    const watch = watched ? { authenticated: true } : undefined;
    this.plane = new PacketPlane({ node: "a", generation: 5, watch, ...options }, { rng: new SeededRng(3) });
  }

  handle(...inputs: readonly (PacketPlaneInput | { readonly kind: "tick" })[]): this {
    for (const input of inputs) {
      this.plane.handle(input, this.now);
      for (let effect; (effect = this.plane.poll()) !== undefined;) this.#effects.push(effect);
    }
    return this;
  }

  delta(part: Partial<WantedDelta>): this {
    const generation = ++this.#generation;
    const empty = { upsertAddresses: [], removeAddresses: [], upsertPeers: [], removePeers: [], complete: true };
    return this.handle({ kind: "delta", delta: { ...empty, generation, ...part } });
  }

  pass(durationMs: number): this {
    const until = this.now + durationMs;
    for (let at; (at = this.plane.deadline()?.at ?? Infinity) <= until;) {
      this.now = Math.max(at, this.now);
      this.handle({ kind: "tick" });
    }
    this.now = until;
    return this;
  }

  ask(address = VIP): this {
    const record = {
      etherDestination: MAC_BROADCAST,
      etherSource: 0x02_00_00_00_00_99 as Mac,
      operation: 1,
      senderMac: 0x02_00_00_00_00_99 as Mac,
      senderIp: parseIpv4("198.51.100.9")!,
      targetMac: MAC_ZERO,
      targetIp: parseIpv4(address)!,
    };
    return this.handle({ kind: "arp", ifindex: 2, record });
  }

  /** What came out since the last call. */
  effects(): PacketPlaneEffect[] {
    return this.#effects.splice(0);
  }

  /** The same in words. */
  words(): string[] {
    return this.effects().filter(({ kind }) => kind !== "serving").map((effect) => {
      switch (effect.kind) {
        case "sendArp":
        case "sendNdp":
          return `${effect.counter ?? "probed"} ${effect.address}`;
        case "sendWatch":
          return `${effect.message.kind} ${effect.message.state}`;
        case "joinGroup":
        case "leaveGroup":
          return `${effect.kind} ${effect.group}`;
        case "left":
        case "serving":
          return effect.kind;
        case "openLine":
        case "closeLine":
          return `${effect.kind} ${effect.node}`;
        case "event": {
          const { event } = effect;
          if (event.kind === "ownership") return `${event.address} ${event.reason}`;
          if (event.kind === "peer") return `${event.node} ${event.state}`;
          return event.kind === "log" ? `log ${event.event.event}` : event.kind;
        }
      }
    });
  }

  static ready(): Bench {
    const bench = new Bench().handle({ kind: "interface", interface: ETH0 }, { kind: "opened" });
    bench.delta({ upsertAddresses: [wanted(VIP)] });
    bench.words();
    return bench;
  }
}

Deno.test("PacketPlane: nothing is claimed before the sockets are open and the snapshot is complete", () => {
  const bench = new Bench().handle({ kind: "interface", interface: ETH0 });
  bench.delta({ upsertAddresses: [wanted(VIP)], complete: false });
  bench.delta({}).ask();
  assertEquals(bench.words(), [`${VIP} waitingForSnapshot`]);
  bench.handle({ kind: "opened" });
  assertEquals(bench.words(), [
    "ready",
    `${VIP} elected`,
    `probed ${VIP}`,
    `gratuitousSent ${VIP}`,
    `gratuitousSent ${VIP}`,
  ]);
});

Deno.test("PacketPlane: it says that it is ready and alive once", () => {
  const bench = new Bench().delta({}).handle({ kind: "opened" });
  assertEquals(bench.words(), ["ready"]);
  assertEquals(bench.delta({}).handle({ kind: "opened" }).words(), []);
});

Deno.test("PacketPlane: a request for an owned address is counted and answered", () => {
  assertEquals(Bench.ready().ask().words(), [`responsesSent ${VIP}`]);
});

Deno.test("PacketPlane: a removed address is not answered and not announced any more", () => {
  const bench = Bench.ready().delta({ removeAddresses: [VIP] });
  bench.words();
  assertEquals(bench.ask().pass(10_000).words(), []);
});

Deno.test("PacketPlane: peers of a delta are known before its addresses, so that none is claimed by mistake", () => {
  const bench = new Bench().handle({ kind: "opened" });
  bench.delta({ upsertPeers: [PEER_B], upsertAddresses: [wanted(VIP, ["b", "a"])] });
  assertEquals(bench.words().filter((word) => word.startsWith(VIP)), [
    `${VIP} waitingForSnapshot`,
    `${VIP} waitingForPeers`,
  ]);
});

Deno.test("PacketPlane: after a gap the old answer is not given, not even in the same instant", () => {
  const bench = new Bench().handle({ kind: "interface", interface: ETH0 }, { kind: "opened" });
  bench.delta({ upsertPeers: [PEER_B], upsertAddresses: [wanted(VIP, ["a", "b"])] });
  bench.words();
  bench.handle({ kind: "gap", gapMs: 300 }).ask();
  assertEquals(bench.words().filter((word) => word.includes(VIP)), [`${VIP} waitingForPeers`]);
  assertEquals(bench.pass(224).ask().words().filter((word) => word.includes("Sent")), []);
  assertEquals(bench.pass(1).ask().words().filter((word) => word.includes("responsesSent")), [`responsesSent ${VIP}`]);
});

Deno.test("PacketPlane: whoever is told to leave before it is ready never says that it is alive", () => {
  const bench = new Bench().delta({ upsertPeers: [PEER_B], complete: false });
  bench.handle({ kind: "leave" }).delta({ upsertAddresses: [wanted(VIP)] }).handle({ kind: "opened" }).pass(1000);
  const words = bench.words();
  assertEquals([words.includes("left"), words.includes("ready"), words.includes("probe alive")], [true, false, false]);
});

Deno.test("PacketPlane: without a watch nobody is probed and every candidate counts as living", () => {
  const bench = new Bench({ watched: false }).handle({ kind: "opened" });
  bench.delta({ upsertPeers: [PEER_B], upsertAddresses: [wanted(VIP, ["b", "a"])] });
  assertEquals(bench.words(), [`${VIP} waitingForSnapshot`, "ready", `${VIP} notOwner`]);
  assertEquals(bench.plane.deadline(), undefined);
});

Deno.test("PacketPlane: an IPv6 address is announced and answered for where there is neighbour discovery", () => {
  const on = { ...ETH0, linkLocal: "fe80::a" };
  const bench = new Bench().handle({ kind: "interface", interface: on }, { kind: "opened" });
  bench.delta({ upsertAddresses: [wanted(VIP6)] });
  assertEquals(bench.words(), [
    `${VIP6} waitingForSnapshot`,
    "ready",
    `${VIP6} elected`,
    "joinGroup ff02::1:ff00:1",
    `probed ${VIP6}`,
    `gratuitousSent ${VIP6}`,
  ]);
  const mac = 0x02_00_00_00_00_99 as Mac;
  const record = neighborSolicitation({ mac, source: parseIpv6("fe80::99")!, target: parseIpv6(VIP6)! });
  bench.handle({ kind: "ndp", ifindex: 2, record });
  assertEquals(bench.words(), [`responsesSent ${VIP6}`]);
  bench.delta({ removeAddresses: [VIP6] });
  assertEquals(bench.words(), [`${VIP6} notCandidate`, "leaveGroup ff02::1:ff00:1"]);
  bench.handle({ kind: "ndp", ifindex: 2, record });
  assertEquals(bench.words(), []);
});

Deno.test("PacketPlane: a take-over is told as often as the operator wants it", () => {
  for (const [gratuitous, bursts] of [[{}, 5], [{ bursts: 2 }, 2]] as const) {
    const bench = new Bench({ gratuitous }).handle({ kind: "interface", interface: ETH0 }, { kind: "opened" });
    const words = bench.delta({ upsertAddresses: [wanted(VIP)] }).pass(60_000).words();
    assertEquals(words.filter((word) => word.startsWith("gratuitousSent")).length, 2 * bursts);
  }
});

Deno.test("PacketPlane: an interface that comes late is announced on", () => {
  const bench = new Bench().handle({ kind: "opened" }).delta({ upsertAddresses: [wanted(VIP)] }).pass(10_000);
  bench.words();
  bench.handle({ kind: "interface", interface: ETH0 }).pass(0);
  assertEquals(bench.words(), [`probed ${VIP}`, `gratuitousSent ${VIP}`, `gratuitousSent ${VIP}`]);
});

Deno.test("PacketPlane: a delta that does not follow the last one is a broken invariant", () => {
  assertThrows(() => new Bench().delta({ generation: 2 }), Error, "does not follow generation 0");
});

Deno.test("PacketPlane: thousands of addresses in one delta are all owned, and announced in turns", () => {
  const bench = new Bench().handle({ kind: "interface", interface: ETH0 }, { kind: "opened" }).delta({});
  const addresses = Array.from({ length: 5000 }, (_, i) => `198.18.${i >> 8}.${i & 255}`);
  bench.words();
  bench.delta({ upsertAddresses: addresses.map((address) => wanted(address)) });
  const atOnce = bench.words().filter((word) => word.startsWith("gratuitousSent"));
  assertEquals(atOnce.length, 2 * 128);
  const later = bench.pass(500).words().filter((word) => word.startsWith("gratuitousSent"));
  assertEquals(atOnce.length + later.length, 2 * addresses.length);
  assertEquals(new Set([...atOnce, ...later]).size, addresses.length);
});

Deno.test("PacketPlane: probes go out on time while a hundred thousand frames wait for their turn", () => {
  const bench = new Bench().handle({ kind: "opened" });
  for (let i = 0; i < 250; i++) {
    bench.handle({ kind: "interface", interface: { ifindex: 2 + i, name: `eth${i}`, mac: (ETH0.mac + i) as Mac } });
  }
  bench.delta({ upsertPeers: [PEER_B] });
  bench.words();
  bench.delta({ upsertAddresses: Array.from({ length: 256 }, (_, i) => wanted(`198.18.0.${i}`)) });
  let frames = 0;
  const probesAt: number[] = [];
  for (const end = bench.now + 240; bench.now < end; bench.pass(1)) {
    const words = bench.words();
    if (words.includes("probe alive")) probesAt.push(bench.now);
    frames += words.filter((word) => word.startsWith("gratuitousSent")).length;
  }
  assertEquals(frames, 240 * 256);
  assertEquals(probesAt.slice(1).map((at, i) => at - probesAt[i]!), [50, 50, 50]);
});

Deno.test("PacketPlane: ten thousand addresses of a peer that dies are taken over in one input, with bounded effects", () => {
  const bench = new Bench();
  for (let i = 0; i < 100; i++) {
    bench.handle({ kind: "interface", interface: { ifindex: 2 + i, name: `eth${i}`, mac: (ETH0.mac + i) as Mac } });
  }
  bench.handle({ kind: "opened" }).delta({ upsertPeers: [PEER_B] });
  const addresses = Array.from({ length: 10_000 }, (_, i) => `198.18.${i >> 8}.${i & 255}`);
  bench.delta({ upsertAddresses: addresses.map((address) => wanted(address, ["b", "a"])) });
  bench.words();
  const perTick: string[][] = [];
  while (!perTick.at(-1)?.includes("b dead")) {
    bench.now = bench.plane.deadline()!.at;
    perTick.push(bench.handle({ kind: "tick" }).words());
  }
  const last = perTick.at(-1)!;
  assertEquals(last.filter((word) => word.endsWith("elected")).length, 10_000);
  // Announcements of a millisecond, a burst of probes and the rest of the last address's, b's death and a probe of b.
  assertEquals(last.length <= 10_000 + 256 + 64 + 99 + 2, true, `${last.length} effects`);
});

const STRANGER = 0x02_00_00_00_00_77 as Mac;
const PEER_MAC = 0x02_00_00_00_00_0b as Mac;

/** The request form of an announcement of the VIP. */
function announcementOf(mac: Mac): PacketPlaneInput {
  const ip = parseIpv4(VIP)!;
  const record = {
    etherDestination: MAC_BROADCAST,
    etherSource: mac,
    operation: 1,
    senderMac: mac,
    senderIp: ip,
    targetMac: MAC_BROADCAST,
    targetIp: ip,
  };
  return { kind: "arp", ifindex: 2, record };
}

Deno.test("PacketPlane: a stranger that has the address first is not answered over, until it is gone", () => {
  const bench = Bench.ready().handle(announcementOf(STRANGER));
  assertEquals(bench.words(), ["conflict", `${VIP} conflict`]);
  assertEquals(bench.ask().words(), []);
  assertEquals(bench.pass(999).words(), []);
  bench.pass(3000);
  assertEquals(bench.words().slice(0, 8), [
    `probed ${VIP}`,
    `probed ${VIP}`,
    `probed ${VIP}`,
    "conflict",
    `${VIP} elected`,
    `gratuitousSent ${VIP}`,
    `gratuitousSent ${VIP}`,
    `gratuitousSent ${VIP}`,
  ]);
  assertEquals(bench.ask().words(), [`responsesSent ${VIP}`]);
});

Deno.test("PacketPlane: a stranger that comes later is told, and answered with one announcement", () => {
  const bench = Bench.ready().pass(10_000);
  bench.words();
  bench.handle(announcementOf(STRANGER), announcementOf(STRANGER)).pass(1);
  assertEquals(bench.words(), ["conflict", `gratuitousSent ${VIP}`, `gratuitousSent ${VIP}`]);
  assertEquals(bench.ask().words(), [`responsesSent ${VIP}`]);
});

Deno.test("PacketPlane: the announcement of a peer whose node was seen on the segment is no conflict", () => {
  const bench = Bench.ready().delta({ upsertPeers: [PEER_B] });
  const { record } = announcementOf(PEER_MAC) as PacketPlaneInput & { kind: "arp" };
  bench.handle({ kind: "arp", ifindex: 2, record: { ...record, senderIp: parseIpv4(PEER_B.address)! } });
  bench.words();
  bench.handle(announcementOf(PEER_MAC));
  assertEquals(bench.words(), []);
});

Deno.test("PacketPlane: in a cluster of IPv6 alone a peer that tells nothing is known by its answer, and no stranger", () => {
  const six = { ...PEER_B, address: "2001:db8:2::2" };
  const eth0 = { ...ETH0, linkLocal: "fe80::a" };
  const linkLocal = parseIpv6("fe80::b")!;
  const advertised = (address: string, source = parseIpv6(address)!) => {
    const record = { ...unsolicitedAdvertisement(PEER_MAC, parseIpv6(address)!), source };
    return { kind: "ndp", ifindex: 2, record } as const;
  };
  for (const isOnSegment of [true, false]) {
    const bench = new Bench().handle({ kind: "interface", interface: eth0 }, { kind: "opened" });
    bench.delta({ upsertPeers: [six], upsertAddresses: [wanted(VIP6)] });
    assertEquals(bench.words().includes(`probed ${six.address}`), true);
    if (isOnSegment) bench.handle(advertised(six.address));
    bench.pass(20_000).words();
    // As MetalLB's speaker announces: from the link-local address of its node.
    bench.handle(advertised(VIP6, linkLocal)).pass(1);
    assertEquals(bench.words().filter((word) => word === "conflict"), isOnSegment ? [] : ["conflict"]);
  }
});

Deno.test("PacketPlane: a peer's IPv6 address is sought from our own link-local one: nobody takes that for a claim", () => {
  const bench = new Bench({ watched: false });
  bench.handle({ kind: "interface", interface: { ...ETH0, linkLocal: "fe80::a" } }, { kind: "opened" });
  bench.delta({ upsertPeers: [{ ...PEER_B, address: "2001:db8:2::2" }] });
  const sent = bench.effects().flatMap((effect) => effect.kind === "sendNdp" ? [effect.record] : []);
  const source = parseIpv6("fe80::a")!;
  assertEquals(sent, [neighborSolicitation({ mac: ETH0.mac, source, target: parseIpv6("2001:db8:2::2")! })]);
});

Deno.test("PacketPlane: a link probe asks on every interface of the address, and is told when it is not answered and when it is", () => {
  const router = { ip: "198.51.100.254", mac: 0x02_00_00_00_00_fe as Mac };
  const bench = Bench.ready();
  const policy = { ...DEFAULT_ADDRESS_POLICY, linkProbes: [router.ip] };
  bench.delta({ upsertAddresses: [{ ...wanted(VIP), policy }] }).pass(1000);
  const words = bench.words().filter((word) => word.includes(router.ip) || word.startsWith("log"));
  assertEquals(words, [...Array.from({ length: 3 }, () => `probed ${router.ip}`), "log linkProbeFailed"]);
  const answer = () => {
    const [etherSource, senderIp] = [router.mac, parseIpv4(router.ip)!];
    const to = { etherDestination: ETH0.mac, targetMac: ETH0.mac, targetIp: parseIpv4("0.0.0.0")! };
    const record = { ...to, etherSource, operation: 2, senderMac: router.mac, senderIp };
    return bench.handle({ kind: "arp", ifindex: 2, record });
  };
  for (let questions = 0; questions < 2;) {
    bench.pass(10);
    for (const word of bench.words()) {
      if (word !== `probed ${router.ip}`) continue;
      questions++;
      answer();
    }
  }
  assertEquals(bench.words(), ["log linkProbeAnswers"]);
});

Deno.test("PacketPlane: who stood back for a link probe does not come back to an address that is wanted no more", () => {
  const bench = new Bench({ watched: false }).handle({ kind: "interface", interface: ETH0 }, { kind: "opened" });
  bench.handle({ kind: "interfaces", report: { usable: [ETH0.name], ipv4Only: [], refused: [] } });
  const policy = { ...DEFAULT_ADDRESS_POLICY, linkProbes: ["198.51.100.254"] };
  bench.delta({ upsertAddresses: [{ ...wanted(VIP, ["a", "b"]), policy }] }).pass(5000);
  assertEquals(bench.words().filter((word) => word.startsWith(VIP)).at(-1), `${VIP} linkProbeFailed`);
  bench.delta({ removeAddresses: [VIP] });
  assertEquals(bench.words(), [`${VIP} notCandidate`, "log linkProbeAnswers"]);
});

Deno.test("PacketPlane: who began without a link asks who else is there before it speaks on the first one", () => {
  const bench = new Bench().handle({ kind: "opened" });
  bench.delta({ upsertPeers: [PEER_B], upsertAddresses: [wanted(VIP, ["a", "b"])] }).pass(5000);
  bench.words();
  bench.handle({ kind: "interface", interface: ETH0 });
  const words = () => bench.words().filter((word) => word.includes(VIP));
  assertEquals(words(), [`${VIP} waitingForPeers`]);
  assertEquals(bench.pass(224).ask().words().filter((word) => word.includes("Sent")), []);
  assertEquals(bench.pass(10).ask().words().filter((word) => word.includes("responsesSent")), [`responsesSent ${VIP}`]);
});

Deno.test("PacketPlane: a peer's node is asked for again, without anything else to wait for", () => {
  const bench = new Bench({ watched: false }).handle({ kind: "interface", interface: ETH0 }, { kind: "opened" });
  bench.delta({ upsertPeers: [PEER_B] });
  bench.words();
  assertEquals(bench.pass(1000).words(), [`probed ${PEER_B.address}`]);
});
