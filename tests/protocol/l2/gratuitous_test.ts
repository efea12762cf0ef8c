import { assertEquals } from "@std/assert/equals";
import { type Ipv4, parseIpv4, parseIpv6 } from "../../../lib/base/ip.ts";
import { type Mac, MAC_BROADCAST } from "../../../lib/base/mac.ts";
import type { L2Interface } from "../../../lib/protocol/l2/interface.ts";
import {
  Gratuitous,
  type GratuitousEffect,
  type GratuitousInput,
  type GratuitousSchedule,
} from "../../../lib/protocol/l2/gratuitous.ts";

const IP = parseIpv4("198.51.100.1")!;
const ETH0 = { ifindex: 2, name: "eth0", mac: 0x02_00_00_00_00_0a as Mac };
const ETH1 = { ifindex: 3, name: "eth1", mac: 0x02_00_00_00_00_0b as Mac };
const IP6 = parseIpv6("fd98::210")!;
const LINK_LOCAL = "fe80::a";
const EVERYWHERE = { kind: "announce", ip: IP, interfaces: "all", once: false } as const;

type ArpEffect = GratuitousEffect & { kind: "sendArp" };
type NdpEffect = GratuitousEffect & { kind: "sendNdp" };

class Bench {
  now = 1000;
  readonly gratuitous: Gratuitous;
  #sent: { at: number; effect: ArpEffect }[] = [];
  readonly advertised: { at: number; effect: NdpEffect }[] = [];

  constructor(...[schedule, ...rest]: readonly (L2Interface | GratuitousSchedule)[]) {
    const isInterface = (each: typeof schedule): each is L2Interface => each !== undefined && "ifindex" in each;
    this.gratuitous = new Gratuitous(isInterface(schedule) ? {} : schedule);
    const interfaces = [schedule, ...rest].filter(isInterface);
    for (const on of interfaces) this.handle({ kind: "interface", interface: on });
  }

  handle(input: GratuitousInput | { readonly kind: "tick" }): this {
    this.gratuitous.handle(input, this.now);
    for (let effect; (effect = this.gratuitous.poll()) !== undefined;) {
      if (effect.kind === "sendArp") this.#sent.push({ at: this.now, effect });
      else this.advertised.push({ at: this.now, effect });
    }
    return this;
  }

  pass(durationMs: number): this {
    const until = this.now + durationMs;
    for (let at; (at = this.gratuitous.deadline()?.at ?? Infinity) <= until;) {
      this.now = Math.max(at, this.now);
      this.handle({ kind: "tick" });
    }
    this.now = until;
    return this;
  }

  /** What was sent since the last call, as `milliseconds since the start : interface : operation`. */
  sent(): string[] {
    return this.#sent.splice(0).map(({ at, effect }) => `${at - 1000}:${effect.ifindex}:${effect.record.operation}`);
  }

  frames(): ArpEffect[] {
    return this.#sent.splice(0).map(({ effect }) => effect);
  }
}

function bursts(times: readonly number[], ...ifindexes: readonly number[]): string[] {
  return times.flatMap((at) => ifindexes.flatMap((ifindex) => [`${at}:${ifindex}:1`, `${at}:${ifindex}:2`]));
}

Deno.test("Gratuitous: five bursts, 1.1 s apart, of both forms on each interface, and then silence", () => {
  const bench = new Bench(ETH0, ETH1).handle(EVERYWHERE);
  assertEquals(bench.sent(), bursts([0], 2, 3));
  assertEquals(bench.pass(60_000).sent(), bursts([1100, 2200, 3300, 4400], 2, 3));
  assertEquals(bench.gratuitous.deadline(), undefined);
});

Deno.test("Gratuitous: as many bursts, as far apart, as the operator wants, and everything again now and then", () => {
  const bench = new Bench({ bursts: 2, intervalMs: 500, refreshMs: 60_000 }, ETH0, ETH1).handle(EVERYWHERE);
  assertEquals(bench.pass(50_000).sent(), bursts([0, 500], 2, 3));
  bench.handle({ kind: "announce", ip: (IP + 1) as Ipv4, interfaces: ["eth1"], once: false });
  assertEquals(bench.pass(1000).sent(), bursts([50_000, 50_500], 3));
  assertEquals(bench.pass(69_000).sent().toSorted(), bursts([60_000, 120_000], 2, 3, 3).toSorted());
  bench.handle({ kind: "withdraw", ip: IP }).handle({ kind: "interfaceGone", ifindex: 2 });
  assertEquals(bench.pass(60_000).sent(), bursts([180_000], 3));
  bench.handle({ kind: "withdraw", ip: (IP + 1) as Ipv4 });
  assertEquals(bench.pass(600_000).sent(), []);
});

Deno.test("Gratuitous: while thousands are told again, a take-over is told at once, and repeated in its time", () => {
  const bench = new Bench({ refreshMs: 60_000 }, ETH0);
  for (let i = 2; i < 5000; i++) bench.handle({ ...EVERYWHERE, ip: (IP + i) as Ipv4 });
  bench.pass(60_100).frames();
  const takenAt = bench.now - 1000;
  const ofIt = bench.handle(EVERYWHERE).pass(1200).sent();
  assertEquals(ofIt[0], `${takenAt}:2:1`);
  assertEquals(ofIt.length > 5000, true, "the others are told meanwhile");
  assertEquals(bench.pass(4000).frames().filter(({ ip }) => ip === IP).length, 2 * 3 + 2);
});

Deno.test("Gratuitous: both forms carry the interface's MAC, the reply form as its target too (wire-facts §5.2)", () => {
  const frames = new Bench(ETH0).handle(EVERYWHERE).frames().map(({ record }) => record);
  const common = {
    etherDestination: MAC_BROADCAST,
    etherSource: ETH0.mac,
    senderMac: ETH0.mac,
    senderIp: IP,
    targetIp: IP,
  };
  assertEquals(frames, [
    { ...common, operation: 1, targetMac: MAC_BROADCAST },
    { ...common, operation: 2, targetMac: ETH0.mac },
  ]);
});

Deno.test("Gratuitous: only the named interfaces are used", () => {
  const bench = new Bench(ETH0, ETH1).handle({ ...EVERYWHERE, interfaces: ["eth1"] });
  assertEquals(bench.sent(), bursts([0], 3));
});

Deno.test("Gratuitous: a withdrawn address is announced no more, and cannot be repeated", () => {
  const bench = new Bench(ETH0).handle(EVERYWHERE).handle({ kind: "withdraw", ip: IP });
  bench.sent();
  assertEquals(bench.handle({ kind: "repeat", ip: IP }).pass(10_000).sent(), []);
});

Deno.test("Gratuitous: a single announcement is one burst, and no new interface hears of it", () => {
  const bench = new Bench(ETH0).handle({ ...EVERYWHERE, once: true }).pass(10_000);
  assertEquals(bench.handle({ kind: "interface", interface: ETH1 }).pass(10_000).sent(), bursts([0], 2));
});

Deno.test("Gratuitous: to announce again begins the schedule anew at once", () => {
  const bench = new Bench(ETH0).handle(EVERYWHERE).pass(500).handle(EVERYWHERE).pass(10_000);
  assertEquals(bench.sent(), bursts([0, 500, 1600, 2700, 3800, 4900], 2));
});

Deno.test("Gratuitous: a repeat after silence is the whole schedule, at once", () => {
  const bench = new Bench(ETH0).handle(EVERYWHERE).pass(10_000);
  bench.sent();
  bench.handle({ kind: "repeat", ip: IP }).pass(10_000);
  assertEquals(bench.sent(), bursts([10_000, 11_100, 12_200, 13_300, 14_400], 2));
});

Deno.test("Gratuitous: a demand to repeat that comes after a single announcement is not lost", () => {
  const bench = new Bench(ETH0).handle(EVERYWHERE).pass(10_000).handle({ ...EVERYWHERE, once: true }).pass(500);
  bench.sent();
  bench.handle({ kind: "repeat", ip: IP }).pass(10_000);
  assertEquals(bench.sent(), bursts([11_100, 12_200, 13_300, 14_400, 15_500], 2));
});

Deno.test("Gratuitous: a thousand demands to repeat make one burst per interval, the last one included", () => {
  const bench = new Bench(ETH0).handle(EVERYWHERE).pass(4500);
  bench.sent();
  for (let i = 0; i < 1000; i++) bench.handle({ kind: "repeat", ip: IP }).pass(1);
  assertEquals(bench.pass(10_000).sent(), bursts([5500, 6600, 7700, 8800, 9900], 2));
});

Deno.test("Gratuitous: an interface that comes late, or gets another MAC, begins the schedule anew", () => {
  const bench = new Bench().handle(EVERYWHERE).pass(10_000);
  assertEquals(bench.sent(), []);
  bench.handle({ kind: "interface", interface: ETH0 }).pass(2000);
  assertEquals(bench.sent(), bursts([10_000, 11_100], 2));
  assertEquals(bench.handle({ kind: "interface", interface: ETH0 }).sent(), []);
  bench.handle({ kind: "interface", interface: { ...ETH0, mac: ETH1.mac } }).pass(0);
  assertEquals(bench.sent(), bursts([12_000], 2));
});

Deno.test("Gratuitous: an interface that comes late is told everything, and the others nothing that they know", () => {
  const bench = new Bench(ETH0).handle(EVERYWHERE).pass(10_000);
  bench.sent();
  bench.handle({ kind: "interface", interface: ETH1 }).pass(500);
  assertEquals(bench.sent(), bursts([10_000], 3));
  // A third one has bursts of its own: the second hears no more for it, and the first nothing at all.
  bench.handle({ kind: "interface", interface: { ...ETH1, ifindex: 4, name: "eth2" } }).pass(1200);
  assertEquals(bench.sent(), [...bursts([10_500], 4), ...bursts([11_100], 3), ...bursts([11_600], 4)]);
  bench.handle({ kind: "interfaceGone", ifindex: 3 }).pass(60_000);
  assertEquals(bench.sent(), bursts([12_700, 13_800, 14_900], 4));
  // Whoever asks for all of it gets all of it.
  bench.handle({ kind: "repeat", ip: IP }).pass(0);
  assertEquals(bench.sent(), bursts([71_700], 2, 4));
});

Deno.test("Gratuitous: an interface that comes while an address is being told everywhere changes nothing for the others", () => {
  const bench = new Bench(ETH0).handle(EVERYWHERE).pass(2000);
  bench.sent();
  bench.handle({ kind: "interface", interface: ETH1 }).pass(60_000);
  const sent = bench.sent();
  assertEquals(sent.filter((frame) => frame.includes(":2:")), bursts([2200, 3300, 4400], 2));
  // Its own five, and what is left of those for everybody.
  const own = [2000, 3100, 4200, 5300, 6400];
  assertEquals(sent.filter((frame) => frame.includes(":3:")).sort(), bursts([...own, 2200, 3300, 4400], 3).sort());
});

Deno.test("Gratuitous: twenty interfaces that come one after the other hear five times each, at the rate of one interface", () => {
  const bench = new Bench(ETH0);
  const addresses = 1000;
  for (let i = 0; i < addresses; i++) bench.handle({ ...EVERYWHERE, ip: (IP + i) as Ipv4 });
  bench.pass(60_000).frames();
  const perMs = new Map<string, number>();
  const told = new Map<number, number>();
  const take = () => {
    for (const { ifindex } of bench.frames()) {
      const key = `${Math.floor(bench.now / 10)} ${ifindex}`;
      perMs.set(key, (perMs.get(key) ?? 0) + 1);
      told.set(ifindex, (told.get(ifindex) ?? 0) + 1);
    }
  };
  for (const on of many(21).slice(1)) {
    bench.handle({ kind: "interface", interface: on });
    for (let ms = 0; ms < 50; ms++, take()) bench.pass(1);
  }
  for (let ms = 0; ms < 30_000; ms++, take()) bench.pass(1);
  assertEquals([told.size, new Set(told.values())], [20, new Set([5 * 2 * addresses])]);
  const most = Math.max(...perMs.values());
  assertEquals(most <= 64 + 200, true, `${most} frames of one interface in ten milliseconds`);
});

Deno.test("Gratuitous: a take-over does not wait until a new interface was told everything", () => {
  const bench = new Bench(ETH0, ETH1);
  for (let i = 0; i < 5000; i++) bench.handle({ ...EVERYWHERE, ip: (IP + i) as Ipv4 });
  bench.pass(60_000).frames();
  bench.handle({ kind: "interface", interface: { ...ETH1, ifindex: 4, name: "eth2" } }).pass(20).frames();
  bench.handle({ ...EVERYWHERE, ip: (IP + 6000) as Ipv4 });
  assertEquals(new Set(bench.pass(1).frames().slice(0, 6).map(({ ip }) => ip)), new Set([IP + 6000]));
});

Deno.test("Gratuitous: an address that is withdrawn while a new interface is told is not told there", () => {
  const bench = new Bench(ETH0).handle(EVERYWHERE).handle({ ...EVERYWHERE, ip: (IP + 1) as Ipv4 }).pass(10_000);
  bench.sent();
  bench.handle({ kind: "interface", interface: ETH1 }).handle({ kind: "withdraw", ip: IP }).pass(10_000);
  assertEquals(new Set(bench.frames().map(({ ip, ifindex }) => `${ip - IP} on ${ifindex}`)), new Set(["1 on 3"]));
});

Deno.test("Gratuitous: nothing is sent on an interface that went away", () => {
  const bench = new Bench(ETH0, ETH1).handle(EVERYWHERE);
  bench.sent();
  assertEquals(bench.handle({ kind: "interfaceGone", ifindex: 2 }).pass(1500).sent(), bursts([1100], 3));
});

Deno.test("Gratuitous: ten thousand addresses at once are told in turns, none twice in a burst and none forgotten", () => {
  const bench = new Bench(ETH0);
  const count = 10_000;
  for (let i = 0; i < count; i++) bench.handle({ ...EVERYWHERE, ip: (IP + i) as Ipv4 });
  assertEquals(bench.frames().length, 2 * 128);
  bench.pass(1000);
  assertEquals(bench.frames().length, 2 * (count - 128));
  assertEquals(bench.gratuitous.deadline()!.at, 2100);
  const perIp = new Map<number, number>();
  for (const { ip } of bench.pass(20_000).frames()) perIp.set(ip, (perIp.get(ip) ?? 0) + 1);
  assertEquals([perIp.size, new Set(perIp.values())], [count, new Set([8])]);
});

Deno.test("Gratuitous: a take-over of five thousand addresses is told in order, in half a second, and floods nothing", () => {
  const bench = new Bench(ETH0);
  const count = 5000;
  for (let i = 0; i < count; i++) bench.handle({ ...EVERYWHERE, ip: (IP + i) as Ipv4 });
  const told: number[] = [];
  const perTenMs: number[] = [];
  let untilMs = 0;
  for (let ms = 0; ms < 12_000; ms += 10) {
    const frames = bench.frames();
    perTenMs.push(frames.length);
    if (told.length < count) {
      told.push(...frames.filter(({ record }) => record.operation === 1).map(({ ip }) => ip - IP));
      untilMs = ms;
    }
    bench.pass(10);
  }
  assertEquals(told.slice(0, count), Array.from({ length: count }, (_, i) => i));
  assertEquals(untilMs <= 500, true, `told within ${untilMs} ms`);
  const [atOnce, ...later] = perTenMs;
  assertEquals([atOnce, Math.max(...later) <= 210], [256, true], `${Math.max(...later)} frames in ten milliseconds`);
  const repeats = perTenMs.slice(110);
  assertEquals(Math.max(...repeats) <= 64 + 50, true, `${Math.max(...repeats)} repeats in ten milliseconds`);
  assertEquals(perTenMs.reduce((sum, frames) => sum + frames), 5 * 2 * count);
});

Deno.test("Gratuitous: a take-over does not wait for the repeats of others", () => {
  const bench = new Bench(ETH0);
  for (let i = 0; i < 1000; i++) bench.handle({ ...EVERYWHERE, ip: (IP + i) as Ipv4 });
  bench.pass(1099);
  bench.frames();
  bench.now += 1;
  bench.handle({ kind: "tick" }).frames();
  bench.handle({ ...EVERYWHERE, ip: (IP + 5000) as Ipv4 }).pass(1);
  assertEquals(bench.frames()[0]!.ip, IP + 5000);
});

Deno.test("Gratuitous: one address is told on a hundred interfaces in the very input that announces it", () => {
  const bench = new Bench(...many(100)).handle(EVERYWHERE);
  assertEquals(bench.frames().length, 200);
});

Deno.test("Gratuitous: 1000 addresses on 250 interfaces: at most 256 first frames and 64 repeats at a time, all are sent", () => {
  const [addresses, interfaces] = [1000, 250];
  const bench = new Bench(...many(interfaces));
  const perInput: number[] = [];
  const perMs = new Map<number, number>();
  const told = new Map<number, { times: number; at: number }>();
  let pauseMsLeast = Infinity;
  const take = () => {
    const frames = bench.frames();
    perInput.push(frames.length);
    perMs.set(bench.now, (perMs.get(bench.now) ?? 0) + frames.length);
    for (const { ip, ifindex, record } of frames) {
      if (record.operation !== 1) continue;
      const key = (ip - IP) * 1000 + ifindex;
      const last = told.get(key);
      if (last !== undefined) pauseMsLeast = Math.min(pauseMsLeast, bench.now - last.at);
      told.set(key, { times: (last?.times ?? 0) + 1, at: bench.now });
    }
  };
  for (let i = 0; i < addresses; i++) {
    bench.handle({ ...EVERYWHERE, ip: (IP + i) as Ipv4 });
    take();
  }
  for (let at; (at = bench.gratuitous.deadline()?.at) !== undefined; take()) {
    // A tick as soon as it is due and not before; between two of them others have their turn.
    bench.now = Math.max(at, bench.now);
    bench.handle({ kind: "tick" });
  }
  assertEquals([Math.max(...perInput) <= 256 + 64, Math.max(...perMs.values()) <= 256 + 64], [true, true]);
  assertEquals([told.size, pauseMsLeast >= 1100], [addresses * interfaces, true], `shortest pause ${pauseMsLeast} ms`);
  assertEquals([...told.values()].every(({ times }) => times === 5), true);
  // Half a million frames, 256 of them per millisecond, and four times that, 64 per millisecond.
  const busyMs = 2 * addresses * interfaces / 256 + 4 * 2 * addresses * interfaces / 64;
  assertEquals(bench.now - 1000 < busyMs + 1200, true, `took ${bench.now - 1000} ms`);
});

Deno.test("Gratuitous: an address withdrawn in the middle of its burst is told to nobody else", () => {
  const bench = new Bench(...many(250)).handle(EVERYWHERE);
  assertEquals(bench.frames().length, 256);
  assertEquals(bench.handle({ kind: "withdraw", ip: IP }).pass(10_000).frames(), []);
});

Deno.test("Gratuitous: a burst goes on where it stopped, past an interface that went away meanwhile", () => {
  const bench = new Bench(...many(250)).handle(EVERYWHERE);
  bench.handle({ kind: "interfaceGone", ifindex: 2 }).handle({ kind: "interfaceGone", ifindex: 240 }).pass(1);
  const told = bench.frames().filter(({ record }) => record.operation === 1).map(({ ifindex }) => ifindex);
  assertEquals(told, many(250).map(({ ifindex }) => ifindex).filter((ifindex) => ifindex !== 240));
});

Deno.test("Gratuitous: however many demands to repeat come at one time, none sends before the next tick", () => {
  const bench = new Bench(...many(100));
  for (let i = 0; i < 100; i++) bench.handle({ ...EVERYWHERE, ip: (IP + i) as Ipv4 });
  bench.pass(60_000).frames();
  for (let i = 0; i < 100; i++, bench.now++) bench.handle({ kind: "repeat", ip: (IP + i) as Ipv4 });
  assertEquals(bench.frames(), []);
  assertEquals(bench.gratuitous.deadline()!.at <= bench.now, true);
  assertEquals(bench.handle({ kind: "tick" }).frames().length, 256);
});

function many(count: number): typeof ETH0[] {
  return Array.from({ length: count }, (_, i) => ({ ifindex: 2 + i, name: `eth${i}`, mac: (ETH0.mac + i) as Mac }));
}

Deno.test("Gratuitous: an IPv6 address is told by one advertisement to all nodes, on the same schedule", () => {
  const bench = new Bench({ ...ETH0, linkLocal: LINK_LOCAL }, ETH1).handle({ ...EVERYWHERE, ip: IP6 });
  bench.pass(60_000);
  assertEquals(bench.advertised.map(({ at, effect }) => [at - 1000, effect.ifindex]), [
    [0, 2],
    [1100, 2],
    [2200, 2],
    [3300, 2],
    [4400, 2],
  ], "and not on an interface without neighbour discovery");
  // Reference §6.3: R=0, S=0, O=1, to ff02::1.
  assertEquals(bench.advertised[0]!.effect.record, {
    etherDestination: 0x3333_0000_0001 as Mac,
    etherSource: ETH0.mac,
    type: 136,
    flags: 0x2000_0000,
    linkLayerAddress: ETH0.mac,
    source: IP6,
    destination: parseIpv6("ff02::1")!,
    target: IP6,
  });
  assertEquals(bench.sent(), []);
});

Deno.test("Gratuitous: when the kernel has found a link-local address, IPv6 addresses are told there, IPv4 not again", () => {
  const bench = new Bench(ETH0).handle({ ...EVERYWHERE, ip: IP6 }).handle(EVERYWHERE).pass(60_000);
  bench.sent();
  assertEquals(bench.advertised, []);
  bench.handle({ kind: "interface", interface: { ...ETH0, linkLocal: LINK_LOCAL } }).pass(60_000);
  assertEquals([bench.advertised.length, bench.sent()], [5, []]);
});
