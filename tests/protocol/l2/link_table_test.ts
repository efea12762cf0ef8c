import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { parseIpv4 } from "../../../lib/base/ip.ts";
import type { Mac } from "../../../lib/base/mac.ts";
import type { LinkAddressFacts, LinkFacts } from "../../../lib/protocol/l2/interface.ts";
import {
  type LinkFactsChange,
  LinkTable,
  type LinkTableEffect,
  type LinkTableInput,
} from "../../../lib/protocol/l2/link_table.ts";

const MAC = 0x02_00_00_00_00_0a as Mac;
const EXCLUSIONS = [/^veth.*/, /^lo$/, /cali/];

Deno.test("LinkTable: a list opens what can be used and reports the rest with its reason, without excluded names", () => {
  const bench = new Bench();
  bench.list([link(1, "lo"), link(2, "eth0"), link(3, "eth1", { up: false }), link(4, "my-cali1"), link(5, "my-lo")]);
  assertEquals(bench.said(), ["open eth0", "open my-lo"]);
  bench.tick(0);
  assertEquals(bench.said(), ["report eth0,my-lo; eth1 down", "networks "]);
});

Deno.test("LinkTable: where every interface is excluded, it is reported that there is none", () => {
  const bench = new Bench();
  bench.list([link(1, "lo"), link(4, "my-cali1")]);
  bench.tick(0);
  assertEquals(bench.said(), ["report ; ", "networks "]);
  // Once.
  bench.list([link(1, "lo"), link(4, "my-cali1")]);
  bench.tick(1000);
  assertEquals([bench.said(), bench.table.deadline()], [[], undefined]);
});

const STORIES: readonly (readonly [name: string, changes: readonly LinkFactsChange[], said: readonly string[]])[] = [
  ["appears", [up(9, "eth9")], ["open eth9", "report eth0,eth9; "]],
  ["goes", [gone(2)], ["close eth0", "report ; "]],
  ["goes and comes with another index", [gone(2), up(9, "eth0")], ["close eth0", "open eth0"]],
  ["is replaced by one of the same index", [gone(2), up(2, "eth0")], ["close eth0", "open eth0"]],
  ["is renamed", [up(2, "lan0")], ["change lan0", "report lan0; "]],
  ["is renamed to an excluded name", [up(2, "veth0")], ["close eth0", "report ; "]],
  ["is set down", [up(2, "eth0", { up: false, carrier: false })], ["close eth0", "report ; eth0 down"]],
  ["loses its carrier", [up(2, "eth0", { carrier: false })], ["close eth0", "report ; eth0 noCarrier"]],
  ["flaps within one batch", [up(2, "eth0", { carrier: false }), up(2, "eth0")], ["close eth0", "open eth0"]],
  ["is told of without a change", [up(2, "eth0"), up(2, "eth0")], []],
  ["gets another MAC", [up(2, "eth0", { mac: 7 as Mac })], ["change eth0"]],
  ["becomes a port", [up(2, "eth0", { master: 9 })], ["close eth0", "report ; eth0 enslaved"]],
  ["becomes a port and is released", [up(2, "eth0", { master: 9 }), up(2, "eth0")], ["close eth0", "open eth0"]],
  ["moves to another port of its bond", [up(2, "eth0", { isMoved: true }), up(2, "eth0")], ["close eth0", "open eth0"]],
  ["waits for 802.1X", [up(2, "eth0", { operationalState: "dormant" })], ["close eth0", "report ; eth0 dormant"]],
  ["is unknown to the table and goes", [gone(77)], []],
  ["is excluded and comes and goes", [up(8, "veth8"), gone(8)], []],
  ["gets an address", [address(2, "192.0.2.1", 24)], ["change eth0 192.0.2.1/24", "networks eth0 192.0.2.0/24"]],
  ["gets and loses an address", [address(2, "192.0.2.1", 24), address(2, "192.0.2.1", 24, { gone: true })], []],
  ["gets a link-local address", [address(2, "fe80::1", 64, { scope: 253 })], ["change eth0 fe80::1", "report eth0; "]],
  ["has a link-local address that may not be unique", [
    address(2, "fe80::1", 64, { scope: 253, tentative: true }),
  ], []],
  ["is an excluded one that gets an address", [up(8, "veth8"), address(8, "192.0.2.1", 24)], []],
  ["gets an address of a Service", [address(2, "192.0.2.1", 32)], []],
  ["is excluded no more by its name", [up(8, "veth8"), up(8, "eth8")], [
    "open eth8",
    "listAnew",
    "report eth0,eth8; ",
  ]],
];

for (const [name, changes, said] of STORIES) {
  Deno.test(`LinkTable: an interface that ${name}`, () => {
    const bench = new Bench();
    bench.list([link(2, "eth0")]);
    bench.tick(0);
    bench.said();
    bench.handle({ kind: "changes", changes });
    bench.tick(1000);
    assertEquals(bench.said(), said);
  });
}

Deno.test("LinkTable: a port that came and went is announced on anew when it is its own again", () => {
  const bench = new Bench();
  bench.list([link(2, "eth0")]);
  bench.said();
  bench.handle({ kind: "changes", changes: [up(2, "eth0", { master: 9 })] });
  assertEquals(bench.said(), ["close eth0"]);
  bench.handle({ kind: "changes", changes: [up(2, "eth0")] });
  assertEquals(bench.said(), ["open eth0"]);
});

Deno.test("LinkTable: a port that leads elsewhere moves its bridge and what stands on that, also when its name is excluded", () => {
  for (const bond of ["bond0", "veth1"]) {
    const bench = new Bench();
    bench.list([
      link(2, bond, { master: 3 }),
      link(3, "br0"),
      link(4, "br0.100", { lower: 3 }),
      link(5, "top", { lower: 4 }),
      link(6, "eth9"),
      link(7, "eth9.100", { lower: 6 }),
    ]);
    bench.said();
    bench.handle({ kind: "changes", changes: [up(2, bond, { master: 3, isMoved: true })] });
    const anew = ["br0", "br0.100", "top"];
    assertEquals(bench.said(), anew.flatMap((name) => [`close ${name}`, `open ${name}`]));
    bench.handle({ kind: "changes", changes: [up(2, bond, { master: 3 })] });
    assertEquals(bench.said(), []);
  }
});

Deno.test("LinkTable: an interface that becomes operational is opened anew: what was sent before may be lost", () => {
  const bench = new Bench();
  bench.list([link(2, "br0", { operationalState: "unknown" })]);
  assertEquals(bench.said(), ["open br0"]);
  bench.handle({ kind: "changes", changes: [up(2, "br0")] });
  assertEquals(bench.said(), ["close br0", "open br0"]);
});

Deno.test("LinkTable: where there is no IPv6 is reported at once, while the kernel looks for a duplicate and when it found one too", () => {
  const bench = new Bench();
  const linkLocal = (state: Parameters<typeof address>[3]) => address(2, "fe80::1", 64, { scope: 253, ...state });
  const change = (...changes: LinkFactsChange[]) => {
    bench.handle({ kind: "changes", changes });
    bench.tick(bench.table.deadline()?.at ?? 0);
    return bench.said({ withFamilies: true }).filter((word) => word.startsWith("report"));
  };
  bench.list([link(2, "eth0"), link(3, "eth1", { up: false })], [linkLocal({ tentative: true }).address]);
  bench.tick(0);
  assertEquals(bench.said({ withFamilies: true })[1], "report eth0; IPv4 only: eth0");
  assertEquals(change(linkLocal({})), ["report eth0; IPv4 only: "]);
  // A global address alone does not do, and another one beside the first changes nothing.
  const global = { scope: 0 };
  assertEquals(change(address(2, "2001:db8::2", 64, global), linkLocal({ gone: true })), [
    "report eth0; IPv4 only: eth0",
  ]);
  assertEquals(bench.table.deadline(), undefined);
  assertEquals(change(linkLocal({}), linkLocal({ gone: true }), linkLocal({ tentative: true })), []);
  assertEquals(change(linkLocal({})), ["report eth0; IPv4 only: "]);
  assertEquals(change(up(3, "eth1")), ["report eth0,eth1; IPv4 only: eth1"]);
});

Deno.test("LinkTable: a change of what is usable is reported at once, other refusals half a second later", () => {
  const bench = new Bench();
  bench.list([link(2, "eth0"), link(3, "eth1", { up: false })]);
  bench.tick(0);
  bench.said();
  bench.handle({ kind: "changes", changes: [up(3, "eth1", { carrier: false })] }, 100);
  assertEquals(bench.table.deadline()?.at, 600);
  bench.tick(599);
  assertEquals(bench.said(), []);
  bench.handle({ kind: "changes", changes: [up(2, "eth0", { carrier: false })] }, 599);
  assertEquals(bench.table.deadline()?.at, 599);
  bench.tick(599);
  assertEquals(bench.said(), ["close eth0", "report ; eth0 noCarrier eth1 noCarrier"]);
  assertEquals(bench.table.deadline(), undefined);
});

Deno.test("LinkTable: an interface that cannot be opened is refused, reported, and tried again", () => {
  const bench = new Bench({ failing: true });
  bench.list([link(2, "eth0")]);
  bench.tick(0);
  assertEquals(bench.said(), ["open eth0", "report ; eth0 notOpened", "networks "]);
  assertEquals(bench.table.deadline()?.at, 5000);
  // A notice does not make it try sooner: a link that is told of all the time would.
  bench.handle({ kind: "changes", changes: [up(2, "eth0", { mac: 7 as Mac })] }, 100);
  bench.tick(4999);
  assertEquals(bench.said(), []);
  bench.tick(5000);
  bench.tick(5000);
  assertEquals(bench.said(), ["open eth0"]);
  bench.failing = false;
  bench.tick(10_000);
  bench.tick(10_000);
  assertEquals(bench.said(), ["open eth0", "report eth0; "]);
  assertEquals(bench.table.deadline(), undefined);
});

Deno.test("LinkTable: one that could not be opened and goes away is forgotten", () => {
  const bench = new Bench({ failing: true });
  bench.list([link(2, "eth0")]);
  bench.tick(0);
  bench.said();
  bench.handle({ kind: "changes", changes: [gone(2)] });
  bench.tick(1000);
  assertEquals(bench.said(), ["report ; "]);
  assertEquals(bench.table.deadline(), undefined);
});

Deno.test("LinkTable: a list after lost notices closes what is gone and keeps what is the same", () => {
  const bench = new Bench();
  bench.list([link(2, "eth0"), link(3, "eth1"), link(4, "veth4")], [address(2, "192.0.2.1", 24).address]);
  bench.tick(0);
  bench.said();
  bench.list([link(2, "eth0"), link(5, "eth2"), link(4, "wan0")], [address(4, "10.0.0.1", 8).address]);
  bench.tick(1000);
  assertEquals(bench.said(), [
    "close eth1",
    "change eth0",
    "open eth2",
    "open wan0 10.0.0.1/8",
    "report eth0,eth2,wan0; ",
    "networks wan0 10.0.0.0/8",
  ]);
});

Deno.test("LinkTable: of many interfaces a few are opened at a time, the rest a moment later, and then it is reported", () => {
  const bench = new Bench();
  const all = Array.from({ length: 20 }, (_, i) => link(2 + i, `eth${i}`));
  bench.list(all);
  const opened: number[] = [];
  for (let now = 0; now < 5; now++) {
    bench.tick(now);
    opened.push(bench.effects.filter(({ kind }) => kind === "open").length);
    assertEquals(bench.effects.some(({ kind }) => kind === "report"), opened.at(-1) === 20);
  }
  assertEquals(opened, [8, 16, 20, 20, 20]);
  bench.said();
  // One that goes before its turn is never opened.
  bench.list([...all, ...Array.from({ length: 9 }, (_, i) => link(102 + i, `lan${i}`))]);
  bench.handle({ kind: "changes", changes: [gone(110)] });
  bench.tick(1000);
  assertEquals(bench.said().filter((sentence) => sentence.includes("lan8")), []);
});

Deno.test("LinkTable: what a list says is not believed against the changes that came while it was made", () => {
  const bench = new Bench();
  bench.list([link(2, "eth0"), link(3, "eth1"), link(4, "eth2")]);
  bench.said();
  const changes = [up(2, "eth0", { carrier: false }), gone(3), up(4, "eth2", { name: "lan2" }), up(5, "eth3")];
  bench.handle({ kind: "changes", changes });
  assertEquals(bench.said(), ["close eth1", "close eth0", "change lan2", "open eth3"]);
  // The list is from before all of it.
  bench.handle({ kind: "list", links: [link(2, "eth0"), link(3, "eth1"), link(4, "eth2")], addresses: [], changes });
  assertEquals(bench.said(), []);
});

Deno.test("LinkTable: thousands of excluded interfaces that come and go are never judged nor reported", () => {
  const bench = new Bench();
  const pods = Array.from({ length: 4000 }, (_, i) => link(100 + i, `veth${i}`));
  bench.list([link(2, "eth0"), ...pods]);
  bench.tick(0);
  bench.said();
  for (const { ifindex } of pods) {
    bench.handle({ kind: "changes", changes: [gone(ifindex), up(ifindex, `veth${ifindex}`)] });
  }
  assertEquals(bench.said(), []);
  assertEquals(bench.table.deadline(), undefined);
  const state = bench.table.inspect();
  assertEquals(state["excluded"], 4000);
  assert(JSON.stringify(state).length < 2000);
});

Deno.test("LinkTable: an interface with thousands of addresses is described by a few", () => {
  const bench = new Bench();
  const addresses = Array.from({ length: 5000 }, (_, i) => address(2, `10.${i >> 8}.${i & 255}.1`, 24).address);
  bench.list([link(2, "eth0")], addresses);
  const [opened] = bench.effects.flatMap((effect) => effect.kind === "open" ? [effect.interface] : []);
  assertEquals(opened?.ipv4?.length, 16);
  assertEquals(opened?.ipv4?.[0], { ip: parseIpv4("10.0.0.1")!, prefixLength: 24 });
});

/** A table with somebody who opens what it wants opened. */
class Bench {
  readonly table = new LinkTable({ exclusions: EXCLUSIONS });
  failing: boolean;
  effects: LinkTableEffect[] = [];

  constructor(options: { failing?: boolean } = {}) {
    this.failing = options.failing ?? false;
  }

  list(links: LinkFacts[], addresses: LinkAddressFacts[] = []): void {
    this.handle({ kind: "list", links, addresses });
  }

  tick(now: number): void {
    for (let ticks = 0; ticks < 5; ticks++) {
      const deadline = this.table.deadline();
      if (deadline === undefined || deadline.at > now) return;
      this.handle({ kind: "tick" }, now);
    }
  }

  handle(input: LinkTableInput | { kind: "tick" }, now = 0): void {
    this.table.handle(input, now);
    const failed: number[] = [];
    for (let effect; (effect = this.table.poll()) !== undefined;) {
      this.effects.push(effect);
      if (effect.kind === "open" && this.failing) failed.push(effect.interface.ifindex);
    }
    for (const ifindex of failed) this.handle({ kind: "notOpened", ifindex }, now);
  }

  said({ withFamilies = false } = {}): string[] {
    const said = this.effects.map((effect) => sentence(effect, withFamilies));
    this.effects = [];
    return said;
  }
}

function sentence(effect: LinkTableEffect, withFamilies: boolean): string {
  switch (effect.kind) {
    case "open":
    case "change":
    case "close": {
      const { name, ipv4, linkLocal } = effect.interface;
      if (effect.kind === "close") return `close ${name}`;
      const known = (ipv4 ?? []).map(({ ip, prefixLength }) =>
        `${ip >>> 24}.${ip >>> 16 & 255}.${ip >>> 8 & 255}.${ip & 255}/${prefixLength}`
      );
      return [effect.kind, name, ...known, ...(linkLocal === undefined ? [] : [linkLocal])].join(" ");
    }
    case "report": {
      const { usable, ipv4Only, refused } = effect.report;
      if (withFamilies) return `report ${usable}; IPv4 only: ${ipv4Only}`;
      return `report ${usable}; ${refused.map(({ name, reason }) => `${name} ${reason}`).join(" ")}`;
    }
    case "networks":
      return `networks ${effect.networks.map(({ interfaceName, prefix }) => `${interfaceName} ${prefix}`)}`;
    case "listAnew":
      return "listAnew";
  }
}

function link(ifindex: number, name: string, change: Partial<LinkFacts> = {}): LinkFacts {
  const plain = { mac: MAC, up: true, carrier: true, operationalState: "up", broadcast: true, noArp: false };
  return { ifindex, name, ...plain, master: undefined, lower: undefined, isMoved: false, ...change };
}

function up(ifindex: number, name: string, change: Partial<LinkFacts> = {}): LinkFactsChange {
  return { kind: "link", link: link(ifindex, name, change) };
}

function gone(ifindex: number): LinkFactsChange {
  return { kind: "linkGone", ifindex };
}

function address(
  ifindex: number,
  ip: string,
  prefixLength: number,
  { gone = false, scope = 0, tentative = false } = {},
): LinkFactsChange & { address: LinkAddressFacts } {
  const facts = { ifindex, ip, prefixLength, scope, tentative };
  return { kind: gone ? "addressGone" : "address", address: facts };
}
