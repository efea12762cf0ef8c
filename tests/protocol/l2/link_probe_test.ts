import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { formatIpv4, parseIpv4, parseIpv6 } from "../../../lib/base/ip.ts";
import { type Mac, MAC_BROADCAST } from "../../../lib/base/mac.ts";
import { SeededRng } from "../../../lib/base/rng.ts";
import { DEFAULT_ADDRESS_POLICY, type WantedAddress } from "../../../lib/base/wanted.ts";
import type { L2Interface } from "../../../lib/protocol/l2/interface.ts";
import { LinkProbe, type LinkProbeEffect, type LinkProbeInput } from "../../../lib/protocol/l2/link_probe.ts";
import type { ArpRecord } from "../../../lib/wire/arp.ts";
import type { NdpRecord } from "../../../lib/wire/ndp.ts";

const SEED = 5;
const MAC = 0x02_00_00_00_00_0a as Mac;
const ROUTER_MAC = 0x02_00_00_00_00_63 as Mac;
const ROUTER = "192.168.1.254";
const ETH0: L2Interface = on(2, "eth0", "192.168.1.11/24");
const ETH1: L2Interface = on(3, "eth1", "10.0.0.11/8");

Deno.test("LinkProbe: a neighbour that answers is asked once a second, unicast from the second time on, and nothing is told", () => {
  const bench = new Bench({ router: "eth0" });
  bench.wants([ROUTER]);
  bench.run(10_000);
  assertEquals(bench.told, []);
  assert(bench.sent.length >= 10 && bench.sent.length <= 13, `${bench.sent.length} questions in ten seconds`);
  assertEquals(bench.sent.map(({ record }) => record.etherDestination), [
    MAC_BROADCAST,
    ...Array.from({ length: bench.sent.length - 1 }, () => ROUTER_MAC),
  ]);
  assertEquals(new Set(bench.sent.map(({ ifindex }) => ifindex)), new Set([2]));
  assertEquals(new Set(bench.sent.map(({ record }) => formatIpv4(record.senderIp))), new Set(["192.168.1.11"]));
});

Deno.test("LinkProbe: nothing is told before the first verdict, which comes within a second", () => {
  const bench = new Bench();
  bench.wants([ROUTER]);
  bench.run(740);
  assertEquals(bench.told, []);
  bench.run(1000);
  assertEquals(bench.told.map(({ answers }) => answers), [false]);
});

Deno.test("LinkProbe: one that falls silent has failed within 1.75 s, three questions later, and then is asked once a second", () => {
  const bench = new Bench({ router: "eth0" });
  bench.wants([ROUTER]);
  bench.run(5000);
  bench.router = undefined;
  const before = bench.sent.length;
  bench.run(6750);
  assertEquals(bench.told.map(({ answers }) => answers), [false]);
  assertEquals(bench.sent.length - before, 3);
  bench.run(16_750);
  assertEquals(bench.told.length, 1);
  const after = bench.sent.length - before - 3;
  assert(after >= 7 && after <= 10, `${after} questions in the ten seconds after`);
});

Deno.test("LinkProbe: two lost answers are no failure", () => {
  const bench = new Bench({ router: "eth0" });
  bench.wants([ROUTER]);
  bench.run(5000);
  bench.lose = 2;
  bench.run(10_000);
  assertEquals([bench.told, bench.lose], [[], 0]);
});

Deno.test("LinkProbe: two answers in a row bring it back, one does not", () => {
  const bench = new Bench();
  bench.wants([ROUTER]);
  bench.run(3000);
  assertEquals(bench.told.length, 1);
  // One answer, then silence.
  bench.router = "eth0";
  const before = bench.answered;
  while (bench.answered === before) bench.run(bench.now + 10);
  bench.router = undefined;
  bench.run(bench.now + 3000);
  assertEquals(bench.told.length, 1);
  bench.router = "eth0";
  bench.run(bench.now + 1600);
  assertEquals(bench.told.map(({ answers }) => answers), [false, true]);
});

Deno.test("LinkProbe: an answer that nobody asked for, a second one, and one on another interface bring nothing back", () => {
  const bench = new Bench();
  bench.wants([ROUTER]);
  bench.run(1500);
  assertEquals(bench.told.length, 1);
  const { record } = bench.sent.at(-1)!;
  for (let i = 0; i < 5; i++) {
    bench.handle({ kind: "arp", ifindex: 3, record: answerTo(record) });
    bench.handle({ kind: "arp", ifindex: 2, record: answerTo(record) });
  }
  assertEquals(bench.told.length, 1);
});

Deno.test("LinkProbe: with two interfaces, the one in whose network the neighbour is is asked alone", () => {
  const bench = new Bench({ interfaces: [ETH0, ETH1] });
  bench.wants(["10.1.2.3"]);
  bench.run(3000);
  assertEquals(new Set(bench.sent.map(({ ifindex }) => ifindex)), new Set([3]));
});

Deno.test("LinkProbe: a neighbour in no network of the node is asked on every interface from 0.0.0.0, and one answer is enough", () => {
  const bench = new Bench({ interfaces: [ETH0, ETH1], router: "eth1" });
  bench.wants(["203.0.113.1"]);
  bench.run(3000);
  assertEquals(new Set(bench.sent.map(({ ifindex }) => ifindex)), new Set([2, 3]));
  assertEquals(new Set(bench.sent.map(({ record }) => record.senderIp as number)), new Set([0]));
  assertEquals(bench.told, []);
  bench.handle({ kind: "interfaceGone", ifindex: 3 });
  assertEquals(bench.told.map(({ answers }) => answers), [false]);
});

Deno.test("LinkProbe: only interfaces that the address is announced on are asked on", () => {
  const bench = new Bench({ interfaces: [ETH0, ETH1] });
  bench.wants(["203.0.113.1"], { interfaces: ["eth1", "eth9"] });
  bench.run(3000);
  assertEquals(new Set(bench.sent.map(({ ifindex }) => ifindex)), new Set([3]));
});

Deno.test("LinkProbe: without a usable interface nothing is asked and nothing has failed", () => {
  const bench = new Bench();
  bench.wants([ROUTER]);
  bench.run(2000);
  assertEquals(bench.told.map(({ answers }) => answers), [false]);
  bench.handle({ kind: "interfaceGone", ifindex: 2 });
  assertEquals(bench.told.map(({ answers }) => answers), [false, true]);
  const before = bench.sent.length;
  bench.run(10_000);
  assertEquals(bench.sent.length, before);
  assertEquals(bench.machine.deadline(), undefined);
});

Deno.test("LinkProbe: an address that is wanted no more, or whose policy says so no more, is asked no more and holds nobody back", () => {
  for (
    const end of [
      { kind: "wanted", upsert: [], remove: ["192.168.1.240"] },
      { kind: "wanted", upsert: [wanted([])], remove: [] },
      { kind: "wanted", upsert: [{ ...wanted([ROUTER]), candidates: ["other"] }], remove: [] },
    ] as const
  ) {
    const bench = new Bench();
    bench.wants([ROUTER]);
    bench.run(2000);
    bench.handle(end);
    assertEquals(bench.told.map(({ answers }) => answers), [false, true]);
    assertEquals(bench.machine.deadline(), undefined);
  }
});

Deno.test("LinkProbe: an address of the node itself is not asked for", () => {
  const bench = new Bench();
  bench.wants(["192.168.1.11"]);
  bench.run(5000);
  assertEquals([bench.sent.length, bench.told.length], [0, 0]);
});

Deno.test("LinkProbe: a pause of the process is no silence of the neighbour, and neither is a late tick", () => {
  const bench = new Bench({ router: "eth0" });
  bench.wants([ROUTER]);
  bench.run(5000);
  bench.router = undefined;
  bench.run(5740);
  assertEquals(bench.told, []);
  // The answers of this time were discarded with the queue.
  bench.now += 10_000;
  bench.handle({ kind: "gap" });
  bench.router = "eth0";
  bench.run(bench.now + 5000);
  assertEquals(bench.told, []);
  // Ticks that come late, one after the other: each asks again.
  bench.router = undefined;
  for (let i = 0; i < 20; i++) {
    bench.now = bench.machine.deadline()!.at + 60;
    bench.handle({ kind: "tick" });
  }
  assertEquals(bench.told, []);
});

Deno.test("LinkProbe: no more neighbours are asked than peers can be told of", () => {
  const bench = new Bench();
  bench.wants(Array.from({ length: 40 }, (_, i) => `192.168.1.${i + 20}`));
  bench.run(2000);
  assertEquals(new Set(bench.sent.map(({ record }) => record.targetIp)).size, 16);
  assertEquals((bench.machine.inspect() as { leftOut: number }).leftOut, 24);
});

Deno.test("LinkProbe: five thousand addresses with one neighbour ask for it once", () => {
  const bench = new Bench({ router: "eth0" });
  const addresses = Array.from(
    { length: 5000 },
    (_, i) => ({ ...wanted([ROUTER]), address: `10.9.${i >> 8}.${i & 255}` }),
  );
  bench.handle({ kind: "wanted", upsert: addresses, remove: [] });
  bench.run(950);
  assertEquals(bench.sent.length, 1);
});

const ROUTER6 = "2001:db8::fe";

Deno.test("LinkProbe: an IPv6 neighbour is solicited by its group, then unicast, from the link-local address (RFC 4861 §7.3.3)", () => {
  const bench = new Bench({ interfaces: [ETH0, { ...ETH1, linkLocal: "fe80::b" }], router: "eth1" });
  bench.wants([ROUTER6]);
  bench.run(5000);
  assertEquals(bench.told, []);
  const [first, second] = bench.solicited;
  assertEquals(new Set(bench.solicited.map(({ ifindex }) => ifindex)), new Set([3]));
  assertEquals(first?.record, {
    etherDestination: 0x33_33_ff_00_00_fe as Mac,
    etherSource: MAC,
    type: 135,
    flags: 0,
    linkLayerAddress: MAC,
    source: parseIpv6("fe80::b"),
    destination: parseIpv6("ff02::1:ff00:fe"),
    target: parseIpv6(ROUTER6),
  });
  assertEquals([second?.record.etherDestination, second?.record.destination], [ROUTER_MAC, parseIpv6(ROUTER6)]);
  bench.router = undefined;
  bench.run(8000);
  assertEquals(bench.told.map(({ answers, address }) => [address, answers]), [[ROUTER6, false]]);
});

Deno.test("LinkProbe: without a link-local address an IPv6 neighbour is not asked for, nor is the node's own", () => {
  const bench = new Bench({ interfaces: [ETH0, { ...ETH1, linkLocal: "fe80::b" }] });
  bench.handle({ kind: "interfaceGone", ifindex: 3 });
  bench.wants([ROUTER6, "fe80::b"]);
  bench.run(5000);
  bench.handle({ kind: "interface", interface: { ...ETH1, linkLocal: "fe80::b" } });
  bench.wants(["fe80::b"]);
  bench.run(10_000);
  assertEquals([bench.solicited.length, bench.told.length], [0, 0]);
});

/** A node, and a router that answers on one of its interfaces or on none. */
class Bench {
  readonly machine = new LinkProbe({ node: "n1" }, { rng: new SeededRng(SEED) });
  router: string | undefined;
  /** Answers that get lost from now on. */
  lose = 0;
  answered = 0;
  now = 0;
  readonly solicited: { ifindex: number; record: NdpRecord }[] = [];
  readonly sent: { ifindex: number; record: ArpRecord }[] = [];
  readonly told: { address: string; answers: boolean }[] = [];
  readonly #interfaces: readonly L2Interface[];

  constructor({ router, interfaces = [ETH0] }: { router?: string; interfaces?: readonly L2Interface[] } = {}) {
    this.router = router;
    this.#interfaces = interfaces;
    for (const known of interfaces) this.handle({ kind: "interface", interface: known });
  }

  wants(linkProbes: readonly string[], change: Partial<WantedAddress> = {}): void {
    this.handle({ kind: "wanted", upsert: [{ ...wanted(linkProbes), ...change }], remove: [] });
  }

  run(until: number): void {
    for (let ticks = 0; ticks < 10_000; ticks++) {
      const deadline = this.machine.deadline();
      if (deadline === undefined || deadline.at > until) break;
      this.now = Math.max(deadline.at, this.now);
      this.handle({ kind: "tick" });
    }
    this.now = until;
  }

  handle(input: LinkProbeInput | { kind: "tick" }): void {
    this.machine.handle(input, this.now);
    const effects: LinkProbeEffect[] = [];
    for (let effect; (effect = this.machine.poll()) !== undefined;) effects.push(effect);
    for (const effect of effects) {
      if (effect.kind === "linkProbe") this.told.push(effect);
      else if (effect.kind === "sendArp") this.#deliver(effect);
      else this.#deliverNdp(effect);
    }
  }

  #deliver({ ifindex, record }: { ifindex: number; record: ArpRecord }): void {
    this.sent.push({ ifindex, record });
    if (this.#interfaces.find((known) => known.ifindex === ifindex)?.name !== this.router) return;
    if (this.lose > 0) {
      this.lose--;
      return;
    }
    this.answered++;
    this.handle({ kind: "arp", ifindex, record: answerTo(record) });
  }

  #deliverNdp({ ifindex, record }: { ifindex: number; record: NdpRecord }): void {
    this.solicited.push({ ifindex, record });
    // A solicitation of somebody else for the same address is no answer.
    this.handle({ kind: "ndp", ifindex, record });
    if (this.#interfaces.find((known) => known.ifindex === ifindex)?.name !== this.router) return;
    const answer = { ...record, type: 136, linkLayerAddress: ROUTER_MAC, etherSource: ROUTER_MAC };
    this.handle({ kind: "ndp", ifindex, record: answer });
  }
}

function answerTo(request: ArpRecord): ArpRecord {
  return {
    etherDestination: request.etherSource,
    etherSource: ROUTER_MAC,
    operation: 2,
    senderMac: ROUTER_MAC,
    senderIp: request.targetIp,
    targetMac: request.senderMac,
    targetIp: request.senderIp,
  };
}

function wanted(linkProbes: readonly string[]): WantedAddress {
  return {
    address: "192.168.1.240",
    candidates: ["n1", "n2"],
    interfaces: "all",
    services: ["default/web"],
    policy: { ...DEFAULT_ADDRESS_POLICY, linkProbes },
  };
}

function on(ifindex: number, name: string, cidr: string): L2Interface {
  const [ip, length] = cidr.split("/");
  return { ifindex, name, mac: MAC, ipv4: [{ ip: parseIpv4(ip!)!, prefixLength: Number(length) }] };
}
