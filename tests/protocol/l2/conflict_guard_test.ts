/** Strangers on the segment (RFC 5227, RFC 4862 §5.4; wire-facts §5.3), in pretended time. */
import { assertEquals } from "@std/assert/equals";
import { assert } from "@std/assert/assert";
import type { ClaimForm } from "../../../lib/base/conflict.ts";
import { formatMac, type Mac } from "../../../lib/base/mac.ts";
import { SeededRng } from "../../../lib/base/rng.ts";
import type { AddressPolicy, OwnershipReason, WantedAddress } from "../../../lib/base/wanted.ts";
import { ConflictGuard } from "../../../lib/protocol/l2/conflict_guard.ts";
import type { ConflictGuardEffect, ConflictGuardInput } from "../../../lib/protocol/l2/conflict_io.ts";

const VIP = "198.51.100.1";
const ETH0 = { ifindex: 2, name: "eth0", mac: 0x02_00_00_00_00_0a as Mac, linkLocal: "fe80::a" };
const ETH1 = { ifindex: 3, name: "eth1", mac: 0x02_00_00_00_01_0a as Mac };
const STRANGER = 0x02_00_00_00_00_77 as Mac;
const OTHER_STRANGER = 0x02_00_00_00_00_78 as Mac;
const PEER = 0x02_00_00_00_00_0b as Mac;

type Probe = AddressPolicy["probe"];

function wanted(address: string, probe: Probe = "beside"): WantedAddress {
  const policy: AddressPolicy = { failback: "immediate", probe, linkProbes: [] };
  return { address, candidates: ["a", "b"], interfaces: "all", services: ["default/x"], policy };
}

/** The guard of node `a`, with one interface, and what came out of it. */
class Bench {
  now = 1000;
  readonly guard = new ConflictGuard({}, { rng: new SeededRng(7) });
  readonly effects: ConflictGuardEffect[] = [];

  constructor(...addresses: readonly WantedAddress[]) {
    this.handle({ kind: "interface", interface: ETH0 }, { kind: "wanted", upsert: addresses, remove: [] });
    this.handle({ kind: "station", node: "b", mac: PEER });
  }

  handle(...inputs: readonly (ConflictGuardInput | { readonly kind: "tick" })[]): this {
    for (const input of inputs) {
      this.guard.handle(input, this.now);
      for (let effect; (effect = this.guard.poll()) !== undefined;) this.effects.push(effect);
    }
    return this;
  }

  /** As ownership does it: answer, announce, report. */
  own(address = VIP): this {
    return this.handle(
      { kind: "decision", decision: { kind: "own", address, interfaces: "all" } },
      { kind: "decision", decision: { kind: "announce", address, interfaces: "all", once: false } },
    ).report("elected", "a", address);
  }

  report(reason: OwnershipReason, elected: string | null, address = VIP): this {
    const owned = reason === "elected" || reason === "handingOver";
    return this.handle({ kind: "decision", decision: { kind: "changed", address, owned, reason, elected } });
  }

  disown(address = VIP): this {
    this.handle({ kind: "decision", decision: { kind: "disown", address } });
    return this.report("notOwner", "b", address);
  }

  claim(form: ClaimForm, mac = STRANGER, address = VIP): this {
    return this.handle({ kind: "claim", claim: { address, ifindex: 2, mac, form } });
  }

  pass(durationMs: number): this {
    const until = this.now + durationMs;
    for (let at; (at = this.guard.deadline()?.at ?? Infinity) <= until;) {
      this.now = Math.max(at, this.now);
      this.handle({ kind: "tick" });
    }
    this.now = until;
    return this;
  }

  /** What came out since the last call, in words. */
  words(): string[] {
    return this.effects.splice(0).map((effect) => {
      switch (effect.kind) {
        case "probe":
          return effect.answered ? "probe" : "probe silently";
        case "announce":
          return effect.once ? "defend" : "announce";
        case "changed":
          return effect.reason;
        case "speakerClaim":
          return `claim of ${effect.node ?? "somebody"}`;
        case "doubleAnswer":
          return `${effect.other} answers ${effect.state === "found" ? "too" : "no more"}`;
        case "conflict":
          return `${effect.state} ${formatMac(effect.mac)} ${effect.interface} ${effect.form}`;
        default:
          return effect.kind;
      }
    });
  }

  /** Owned, settled and quiet. */
  static settled(probe: Probe = "beside"): Bench {
    const bench = new Bench(wanted(VIP, probe)).own().pass(1000);
    bench.words();
    return bench;
  }
}

const CLAIMS: readonly ClaimForm[] = ["gratuitous", "reply", "request"];
const FOUND = "found 02:00:00:00:00:77 eth0 gratuitous";

Deno.test("ConflictGuard: `beside` answers and announces in the instant it owns, and probes three times beside", () => {
  const bench = new Bench(wanted(VIP)).own();
  // The probe goes before the announcement, which would change the neighbours of somebody who has the address.
  assertEquals(bench.words(), ["own", "probe", "announce", "elected"]);
  assertEquals(bench.pass(199).words(), []);
  assertEquals([bench.pass(1).words(), bench.pass(200).words(), bench.pass(4000).words()], [["probe"], ["probe"], []]);
});

Deno.test("ConflictGuard: `strict` listens, and answers and announces after three probes and 600 ms", () => {
  const bench = new Bench(wanted(VIP, "strict")).own();
  assertEquals(bench.words(), ["listen", "probe silently", "probing"]);
  assertEquals(bench.pass(599).words(), ["probe silently", "probe silently"]);
  assertEquals(bench.pass(1).words(), ["own", "announce", "elected"]);
});

Deno.test("ConflictGuard: `strict` for IPv6 is one probe and a second (RFC 4862 §5.1, RetransTimer)", () => {
  const address = "2001:db8::1";
  const bench = new Bench(wanted(address, "strict")).own(address);
  assertEquals(bench.words(), ["listen", "probe silently", "probing"]);
  assertEquals([bench.pass(999).words(), bench.pass(1).words()], [[], ["own", "announce", "elected"]]);
});

Deno.test("ConflictGuard: `off` asks nobody, neither now nor later", () => {
  const bench = new Bench(wanted(VIP, "off")).own();
  assertEquals(bench.words(), ["own", "announce", "elected"]);
  assertEquals(bench.pass(600_000).words(), []);
});

Deno.test("ConflictGuard: `off` still tells and defends, and says when it is over", () => {
  const bench = Bench.settled("off");
  assertEquals(bench.claim("gratuitous").words(), [FOUND, "defend"]);
  assertEquals(bench.pass(80_000).words(), [FOUND.replace("found", "gone")]);
});

for (const form of CLAIMS) {
  Deno.test(`RFC 5227 §2.1.1: a ${form} of a stranger while we ask makes us yield (beside)`, () => {
    const bench = new Bench(wanted(VIP)).own();
    bench.words();
    assertEquals(bench.claim(form).words(), [
      "listen",
      "hush",
      `yielded 02:00:00:00:00:77 eth0 ${form}`,
      "conflict",
    ]);
  });

  Deno.test(`RFC 5227 §2.1.1: a ${form} of a stranger while we ask makes us yield (strict)`, () => {
    const bench = new Bench(wanted(VIP, "strict")).own();
    bench.words();
    assertEquals(bench.claim(form).words(), [`yielded 02:00:00:00:00:77 eth0 ${form}`, "conflict"]);
  });
}

Deno.test("RFC 5227 §2.1.1: of two that probe at the same time a silent one gives way, and asks again later", () => {
  const bench = new Bench(wanted(VIP, "strict")).own();
  bench.words();
  assertEquals(bench.claim("probe").words(), ["yielded 02:00:00:00:00:77 eth0 probe", "conflict"]);
  // 1 to 1.5 s, then the three probes.
  assertEquals(bench.pass(999).words(), []);
  assertEquals(bench.pass(1101).words(), [
    "probe silently",
    "probe silently",
    "probe silently",
    "gone 02:00:00:00:00:77 eth0 probe",
    "own",
    "announce",
    "elected",
  ]);
});

Deno.test("RFC 5227 §2.1.1: two that gave way to each other do not meet again", () => {
  const delays = [1, 2, 3].map((seed) => {
    const guard = new ConflictGuard({}, { rng: new SeededRng(seed) });
    const bench = Object.assign(new Bench(), { guard });
    bench.handle({ kind: "interface", interface: ETH0 }, {
      kind: "wanted",
      upsert: [wanted(VIP, "strict")],
      remove: [],
    });
    bench.own().claim("probe");
    return guard.deadline()!.at - bench.now;
  });
  assertEquals(new Set(delays).size, 3, `${delays}`);
});

Deno.test("ConflictGuard: whoever answers already does not give way to a probe: the answer tells it that it is late", () => {
  const bench = new Bench(wanted(VIP)).own();
  bench.words();
  assertEquals(bench.claim("probe").words(), ["probed 02:00:00:00:00:77 eth0 probe"]);
  assertEquals(Bench.settled().claim("probe").claim("probe").words(), ["probed 02:00:00:00:00:77 eth0 probe"]);
});

Deno.test("RFC 5227 §2.1.1: while the stranger is there we ask ever more rarely, once a minute in the end, and tell once", () => {
  const bench = new Bench(wanted(VIP)).own().claim("reply");
  bench.words();
  const roundsAt: number[] = [];
  const told: string[] = [];
  for (const end = bench.now + 20 * 60_000; bench.now < end;) {
    bench.pass(bench.guard.deadline()!.at - bench.now);
    const words = bench.words();
    if (!words.includes("probe silently")) continue;
    roundsAt.push(bench.now);
    told.push(...bench.claim("reply").words());
  }
  assertEquals(told, []);
  const gaps = roundsAt.slice(1).map((at, i) => at - roundsAt[i]!);
  for (const [i, gap] of gaps.entries()) {
    const leastMs = Math.min(2000 * 2 ** i, 60_000);
    assert(gap >= leastMs && gap <= 1.5 * leastMs, `round ${i + 1} came ${gap} ms after the one before`);
  }
  assertEquals([bench.pass(91_000).words().at(-1), bench.words()], ["elected", []]);
});

Deno.test("ConflictGuard: after yielding, what the stranger says between two rounds changes nothing", () => {
  const bench = new Bench(wanted(VIP)).own().claim("reply");
  bench.words();
  const at = bench.guard.deadline()!.at;
  for (let i = 0; i < 100; i++) bench.claim("gratuitous").claim("request", OTHER_STRANGER);
  assertEquals([bench.guard.deadline()!.at, bench.words()], [at, []]);
});

Deno.test("RFC 5227 §2.4 (c): a claim of what we have is told once and defended once in ten seconds", () => {
  const bench = Bench.settled();
  assertEquals(bench.claim("gratuitous").words(), [FOUND, "defend"]);
  const defences: number[] = [];
  for (const end = bench.now + 60_000; bench.now < end; bench.pass(100)) {
    if (bench.claim("gratuitous").words().includes("defend")) defences.push(bench.now);
  }
  assertEquals(defences.length, 5);
  for (const [i, at] of defences.slice(1).entries()) assert(at - defences[i]! >= 10_000, `${defences}`);
});

Deno.test("ConflictGuard: a storm of ten thousand claims a second is one report and one defence", () => {
  const bench = Bench.settled();
  for (let i = 0; i < 10_000; i++) bench.claim("gratuitous", (STRANGER + i % 50) as Mac);
  assertEquals(bench.words(), [FOUND, "defend"]);
});

Deno.test("ConflictGuard: the conflict is over when the stranger did not answer and was not heard for a minute", () => {
  const bench = Bench.settled().claim("gratuitous");
  bench.words();
  assertEquals(bench.pass(59_000).words(), ["probe", "probe", "probe", "probe", "probe"]);
  assertEquals(bench.pass(2000).words(), [FOUND.replace("found", "gone"), "probe"]);
  assertEquals(bench.claim("gratuitous").words(), [FOUND, "defend"]);
});

Deno.test("ConflictGuard: an address in order is asked about once a minute", () => {
  const bench = Bench.settled();
  assertEquals(bench.pass(600_000).words().filter((word) => word !== "probe"), []);
  const later = Bench.settled().pass(60_000);
  later.words();
  assertEquals(later.pass(600_000).words().length, 10);
});

for (const form of [...CLAIMS, "probe"] as const) {
  Deno.test(`ConflictGuard: a ${form} of another speaker is no conflict, asked or settled`, () => {
    const seen = form === "gratuitous" ? ["claim of b"] : [];
    const bench = new Bench(wanted(VIP)).own();
    bench.words();
    assertEquals(bench.claim(form, PEER).words(), seen);
    assertEquals(Bench.settled().claim(form, PEER).words(), form === "reply" ? ["b answers too"] : seen);
  });

  Deno.test(`ConflictGuard: a ${form} of our own, brought back by a bridge, is nothing`, () => {
    assertEquals(Bench.settled().claim(form, ETH0.mac).words(), []);
  });
}

Deno.test("ConflictGuard: a node that answers for what it does not own is told once an hour, whatever it answers for", () => {
  const other = "198.51.100.2";
  const bench = new Bench(wanted(VIP), wanted(other)).own().own(other).pass(1000);
  bench.words();
  assertEquals(bench.claim("reply", PEER).claim("reply", PEER).claim("reply", PEER, other).words(), ["b answers too"]);
  const goOn = (minutes: number) => {
    for (let i = 0; i < 6 * minutes; i++) bench.pass(10_000).claim("reply", PEER).claim("reply", PEER, other);
    return bench.words().filter((word) => word !== "probe");
  };
  assertEquals([goOn(59), goOn(1), goOn(59)], [[], ["b answers too"], []]);
});

Deno.test("ConflictGuard: a node that answers too is asked every ten seconds; an answer may be lost, after two it answers no more", () => {
  const bench = Bench.settled().claim("reply", PEER);
  const rest = (durationMs: number) => bench.pass(durationMs).words();
  assertEquals([rest(0), rest(20_000)], [["b answers too"], ["probe", "probe"]]);
  assertEquals([bench.claim("reply", PEER).words(), rest(20_000)], [[], ["probe", "probe"]]);
  assertEquals([rest(9_999), rest(1)], [[], ["b answers no more", "probe"]]);
  assertEquals([rest(59_999), rest(1)], [[], ["probe"]], "once a minute again");
  assertEquals(bench.claim("reply", PEER).words(), ["b answers too"]);
});

Deno.test("ConflictGuard: a node that was only heard to use the address may be silent for longer before it counts as over", () => {
  const bench = Bench.settled();
  for (let i = 0; i < 10; i++) bench.claim("request", PEER).pass(1000);
  const rest = (durationMs: number) => bench.pass(durationMs).words().filter((word) => word.startsWith("b answers"));
  assertEquals([rest(0), rest(148_000), rest(11_000)], [["b answers too"], [], ["b answers no more"]]);
});

Deno.test("ConflictGuard: `off` asks nobody, so a node that answers too may be silent for longer before it counts as over", () => {
  const bench = Bench.settled("off").claim("reply", PEER);
  const rest = (durationMs: number) => bench.pass(durationMs).words();
  assertEquals([rest(149_000), rest(11_000)], [["b answers too"], ["b answers no more"]]);
});

Deno.test("ConflictGuard: of the addresses that a node answers for another one is named when the first is ours no more", () => {
  const other = "198.51.100.2";
  const bench = new Bench(wanted(VIP), wanted(other)).own().own(other).pass(1000).claim("reply", PEER);
  bench.words();
  assertEquals(bench.disown().words(), ["b answers no more", "disown", "notOwner"]);
  assertEquals(bench.claim("reply", PEER).words(), []);
  assertEquals(bench.claim("reply", PEER, other).words(), ["b answers too"]);
  bench.handle({ kind: "wanted", upsert: [], remove: [other] });
  assertEquals(bench.words(), ["b answers no more"]);
});

Deno.test("ConflictGuard: a node that leaves the cluster answers no more as one of its nodes", () => {
  const bench = Bench.settled("off").claim("reply", PEER).handle({ kind: "stationsGone", node: "b" });
  assertEquals(bench.words(), ["b answers too", "b answers no more"]);
});

for (const form of ["gratuitous", "request"] as const) {
  Deno.test(`ConflictGuard: a speaker that goes on claiming what it does not own (${form}) is told, one that stops is not`, () => {
    const told = (everyMs: number, times: number, bench = Bench.settled()) => {
      for (let i = 0; i < times; i++) bench.claim(form, PEER).pass(everyMs);
      return bench.words().filter((word) => word === "b answers too").length;
    };
    assertEquals(told(1100, 5), 0, "the five announcements of a former owner");
    assertEquals(told(1100, 20), 1);
    assertEquals(told(50_000, 3), 1);
    assertEquals(told(70_000, 10), 0, "now and then");
    const handedOver = Bench.settled().claim(form, PEER).pass(5000).disown().own().report("elected", "a");
    assertEquals(told(1100, 5, handedOver), 0, "it had the address meanwhile");
  });
}

Deno.test("ConflictGuard: during a hand-over two nodes answer, and nobody is told", () => {
  const bench = Bench.settled().report("handingOver", "b");
  bench.words();
  assertEquals(bench.claim("reply", PEER).words(), []);
});

Deno.test("ConflictGuard: a speaker that is gone from the cluster is no stranger at once", () => {
  const bench = Bench.settled().handle({ kind: "stationsGone", node: "b" });
  assertEquals(bench.claim("gratuitous", PEER).words(), ["claim of b"]);
  assertEquals(bench.pass(601_000).claim("gratuitous", PEER).words().filter((word) => word !== "probe"), [
    "found 02:00:00:00:00:0b eth0 gratuitous",
    "defend",
  ]);
});

Deno.test("wire-facts §5.3: on a fail-over nothing is asked before it is announced, and nobody is yielded to", () => {
  for (const probe of ["beside", "strict"] as const) {
    const bench = new Bench(wanted(VIP, probe)).report("notOwner", "b").own();
    assertEquals(bench.words(), ["notOwner", "own", "announce", "elected"]);
    assertEquals(bench.claim("gratuitous").words(), [FOUND, "defend"]);
  }
});

Deno.test("ConflictGuard: whoever stood back while another node had the address takes it over like any other", () => {
  const bench = new Bench(wanted(VIP, "strict")).report("noCarrier", "b").own();
  assertEquals(bench.words(), ["noCarrier", "own", "announce", "elected"]);
});

Deno.test("ConflictGuard: waiting for peers does not make an address known: it is asked about", () => {
  const bench = new Bench(wanted(VIP)).report("waitingForPeers", "b").own();
  assertEquals(bench.words(), ["waitingForPeers", "own", "probe", "announce", "elected"]);
});

Deno.test("ConflictGuard: after a gap or a hand-over and back it is ours as before, without probes", () => {
  const bench = Bench.settled("strict").disown();
  bench.words();
  assertEquals(bench.own().words(), ["own", "announce", "elected"]);
});

Deno.test("ConflictGuard: whoever lost an address before it was proven has to prove it again", () => {
  const bench = new Bench(wanted(VIP, "strict")).own();
  bench.handle({ kind: "decision", decision: { kind: "disown", address: VIP } }).report("waitingForPeers", null).pass(
    5000,
  );
  bench.words();
  assertEquals(bench.own().words(), ["listen", "probe silently", "probing"]);
});

Deno.test("ConflictGuard: whoever yielded still does after a gap, and asks first", () => {
  const bench = new Bench(wanted(VIP)).own().claim("reply");
  bench.words();
  assertEquals(bench.handle({ kind: "decision", decision: { kind: "disown", address: VIP } }).words(), [
    "gone 02:00:00:00:00:77 eth0 reply",
    "disown",
  ]);
  assertEquals(bench.report("waitingForPeers", null).own().words(), [
    "waitingForPeers",
    "listen",
    "probe silently",
    "conflict",
  ]);
  assertEquals(bench.claim("reply").words(), ["yielded 02:00:00:00:00:77 eth0 reply"]);
});

Deno.test("ConflictGuard: whoever yielded takes it over without a word from a node that has had it since", () => {
  const bench = new Bench(wanted(VIP)).own().claim("reply").disown();
  bench.words();
  assertEquals(bench.own().words(), ["own", "announce", "elected"]);
});

Deno.test("ConflictGuard: an unknown station may be a peer that was not heard yet: it is asked again until that is out", () => {
  const expecting = (probe: Probe) => {
    const bench = new Bench(wanted(VIP, probe)).handle({ kind: "stationExpected", node: "c" }).own();
    for (let i = 0; i < 20; i++) bench.claim("reply").pass(200);
    return bench;
  };
  const beside = expecting("beside");
  assertEquals([...new Set(beside.words())], ["own", "probe", "announce", "elected"]);
  assertEquals(beside.handle({ kind: "station", node: "c", mac: STRANGER }).claim("reply").words(), []);
  const strict = expecting("strict");
  assertEquals([...new Set(strict.words())], ["listen", "probe silently", "probing"]);
  // Five seconds after it became a peer it would have been heard.
  for (let i = 0; i < 5; i++) strict.claim("reply").pass(200);
  assertEquals([...new Set(strict.words())], ["probe silently"]);
  assertEquals(strict.claim("reply").words().at(-1), "conflict");
});

Deno.test("ConflictGuard: while it is handed over, an unknown station may be the successor", () => {
  const bench = Bench.settled().report("handingOver", "c");
  bench.words();
  assertEquals(bench.claim("gratuitous").words(), ["claim of somebody"]);
});

Deno.test("ConflictGuard: while it is handed over to a speaker that we know, a stranger is a stranger", () => {
  const bench = Bench.settled().report("handingOver", "b");
  bench.words();
  assertEquals(bench.claim("gratuitous").words(), [FOUND, "defend"]);
  assertEquals(bench.claim("gratuitous", PEER).words(), ["claim of b"]);
});

Deno.test("ConflictGuard: what ownership says while we are silent is kept, and carried out when it may be", () => {
  const bench = new Bench(wanted(VIP, "strict")).own();
  bench.handle({ kind: "decision", decision: { kind: "repeat", address: VIP } });
  bench.handle({ kind: "decision", decision: { kind: "own", address: VIP, interfaces: ["eth0"] } });
  assertEquals(bench.words(), ["listen", "probe silently", "probing", "listen"]);
  bench.handle({ kind: "decision", decision: { kind: "hush", address: VIP } }).report("handingOver", "b").pass(600);
  assertEquals(bench.words(), ["hush", "probing", "probe silently", "probe silently", "own", "handingOver"]);
});

Deno.test("ConflictGuard: an address that is wanted no more ends its conflict, and is nobody's business", () => {
  const bench = Bench.settled().claim("gratuitous");
  bench.words();
  bench.handle({ kind: "wanted", upsert: [], remove: [VIP] });
  assertEquals(bench.words(), [FOUND.replace("found", "gone")]);
  bench.handle({ kind: "decision", decision: { kind: "disown", address: VIP } }).report("notCandidate", null);
  assertEquals(bench.claim("gratuitous").pass(600_000).words(), ["disown", "notCandidate"]);
  assertEquals(bench.guard.inspect(), []);
});

Deno.test("ConflictGuard: `off` that comes while we wait ends the waiting", () => {
  const bench = new Bench(wanted(VIP, "strict")).own();
  bench.words();
  bench.handle({ kind: "wanted", upsert: [wanted(VIP, "off")], remove: [] });
  assertEquals(bench.words(), ["own", "announce", "elected"]);
  assertEquals(bench.pass(600_000).words(), []);
});

Deno.test("ConflictGuard: `strict` waits for an interface, and then asks there", () => {
  const bench = new Bench(wanted(VIP, "strict")).handle({ kind: "interfaceGone", ifindex: 2 }).own().pass(600_000);
  assertEquals(bench.words(), ["listen", "probing"]);
  assertEquals(bench.handle({ kind: "interface", interface: ETH0 }).words(), ["probe silently"]);
  assertEquals(bench.pass(600).words(), ["probe silently", "probe silently", "own", "announce", "elected"]);
});

Deno.test("RFC 4862 §5.4: an IPv6 address is asked for where neighbour discovery works, as soon as it does", () => {
  const address = "2001:db8::1";
  const bench = new Bench(wanted(address)).handle({ kind: "interface", interface: { ...ETH0, linkLocal: undefined! } });
  bench.own(address);
  assertEquals(bench.pass(2000).words(), ["own", "announce", "elected"]);
  assertEquals(bench.handle({ kind: "interface", interface: ETH0 }).words(), ["probe"]);
  // It is not settled before it was asked about.
  assertEquals(bench.pass(999).claim("reply", STRANGER, address).words(), [
    "listen",
    "hush",
    "yielded 02:00:00:00:00:77 eth0 reply",
    "conflict",
  ]);
});

Deno.test("ConflictGuard: an interface that comes is asked about every address on it at once, an unchanged one is not", () => {
  const bench = Bench.settled().handle({ kind: "interface", interface: ETH1 });
  assertEquals(bench.words(), ["probe", "probe"]);
  bench.handle({ kind: "interface", interface: ETH1 }, {
    kind: "interface",
    interface: { ...ETH1, linkLocal: "fe80::b" },
  });
  assertEquals(bench.words(), []);
  assertEquals(Bench.settled("off").handle({ kind: "interface", interface: ETH1 }).words(), []);
});

Deno.test("ConflictGuard: five thousand cold addresses are probed in turns, four frames a millisecond", () => {
  const addresses = Array.from({ length: 5000 }, (_, i) => `198.18.${i >> 8}.${i & 255}`);
  const bench = new Bench(...addresses.map((address) => wanted(address, "strict")));
  for (const address of addresses) bench.own(address);
  const perMs: number[] = [];
  const answeredAt: number[] = [];
  for (let passed = 0; passed < 6000; passed++) {
    const effects = bench.effects.splice(0);
    perMs.push(effects.filter(({ kind }) => kind === "probe").length);
    for (const { kind } of effects) if (kind === "own") answeredAt.push(passed);
    bench.pass(1);
  }
  assertEquals(perMs[0], 64);
  assert(perMs.slice(1).every((frames) => frames <= 4), `${Math.max(...perMs.slice(1))} in a millisecond`);
  assertEquals([perMs.reduce((sum, frames) => sum + frames), answeredAt.length], [15_000, 5000]);
  assert(answeredAt.at(-1)! < 4500, `the last one is answered after ${answeredAt.at(-1)} ms`);
});

Deno.test("ConflictGuard: a station that turns out to be a speaker is no stranger: what was yielded to it is ours at once", () => {
  const bench = new Bench(wanted(VIP)).own().claim("gratuitous");
  assertEquals(bench.words().slice(-1), ["conflict"]);
  bench.handle({ kind: "station", node: "c", mac: STRANGER });
  assertEquals(bench.words().slice(0, 3), ["gone 02:00:00:00:00:77 eth0 gratuitous", "own", "announce"]);
});

Deno.test("ConflictGuard: who yielded to a speaker that it did not know takes over from it later without delay", () => {
  const bench = new Bench(wanted(VIP)).own().claim("gratuitous").disown();
  bench.handle({ kind: "station", node: "c", mac: STRANGER });
  bench.words();
  assertEquals(bench.own().words(), ["own", "announce", "elected"]);
});

Deno.test("ConflictGuard: a speaker that becomes known pardons no other stranger", () => {
  const bench = new Bench(wanted(VIP)).own().claim("gratuitous");
  bench.words();
  bench.handle({ kind: "station", node: "c", mac: OTHER_STRANGER });
  assertEquals(bench.words(), []);
});
