import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { below, SeededRng } from "../../../lib/base/rng.ts";
import { Allocator } from "../../../lib/decision/alloc/allocator.ts";
import { type Share, shareOf } from "../../../lib/decision/alloc/share.ts";
import { SharedAddresses } from "../../../lib/decision/alloc/shared_addresses.ts";
import { SortedValues } from "../../../lib/decision/alloc/sorted_values.ts";
import { resolveConfig } from "../../../lib/decision/config/resolve.ts";
import { decodeService } from "../../../lib/decision/config/service_view.ts";
import { poolObject, serviceObject } from "../objects.ts";
import { valueOf } from "../value_of.ts";

interface Terms {
  readonly key?: string;
  readonly local?: boolean;
  readonly selector?: Record<string, string>;
  readonly ports?: readonly string[];
}

function termsOf({ key, local = false, selector = {}, ports = ["TCP/80"] }: Terms): Share | undefined {
  const object = serviceObject("s", {
    annotations: key === undefined ? {} : { "metallb.io/allow-shared-ip": key },
    spec: {
      externalTrafficPolicy: local ? "Local" : "Cluster",
      selector,
      ports: ports.map((port) => ({ protocol: port.split("/")[0], port: Number(port.split("/")[1]) })),
    },
  });
  return shareOf(valueOf(decodeService(object)));
}

function allocatorOf(...addresses: string[]): Allocator {
  const allocator = new Allocator();
  allocator.setPools(resolveConfig({ ipAddressPools: [poolObject("p", addresses)] }).config.pools);
  return allocator;
}

function ask(serviceKey: string, terms: Terms = {}) {
  return { serviceKey, namespace: "a", labels: {}, families: [4], oneIsEnough: false, share: termsOf(terms) } as const;
}

Deno.test("Sharing: decisions of reference §11.4, asked for by address, by adoption and automatically", () => {
  const x = { app: "x" };
  const table: [string, Terms, Terms, "share" | RegExp][] = [
    ["no key", {}, { key: "A", ports: ["TCP/443"] }, /^addressInUse can't change sharing key for "new", .* by old: /],
    ["no key on the new", { key: "A" }, { ports: ["TCP/443"] }, /^addressInUse can't change sharing key/],
    ["an empty key is none", { key: "" }, { key: "", ports: ["TCP/443"] }, /^addressInUse /],
    ["another key", { key: "A" }, { key: "B", ports: ["TCP/443"] }, /^sharingConflict .*another one$/],
    ["one port", { key: "A" }, { key: "A" }, /^portConflict port TCP\/80 is already in use on "192\.0\.2\.0" by old$/],
    [
      "one of several ports",
      { key: "A", ports: ["TCP/1", "TCP/2"] },
      { key: "A", ports: ["TCP/3", "TCP/2"] },
      /TCP\/2/,
    ],
    ["other selectors", { key: "A", local: true, selector: x }, {
      key: "A",
      local: true,
      selector: { app: "y" },
      ports: ["TCP/443"],
    }, /^sharingConflict .*same selector$/],
    [
      "Local and Cluster",
      { key: "A", local: true, selector: x },
      { key: "A", ports: ["TCP/443"] },
      /^sharingConflict /,
    ],
    ["other ports", { key: "A" }, { key: "A", ports: ["TCP/443"] }, "share"],
    ["other protocols", { key: "A", ports: ["TCP/53"] }, { key: "A", ports: ["UDP/53"] }, "share"],
    ["equal selectors", { key: "A", local: true, selector: { b: "2", a: "1" } }, {
      key: "A",
      local: true,
      selector: { a: "1", b: "2" },
      ports: ["TCP/443"],
    }, "share"],
    ["Local with an empty selector and Cluster", { key: "A", local: true }, { key: "A", ports: ["TCP/443"] }, "share"],
  ];
  for (const [name, old, fresh, expected] of table) {
    const address = [{ family: 4, value: 0xc0000200n }] as const;
    for (const way of ["requested", "adopted", "automatic"] as const) {
      const allocator = allocatorOf("192.0.2.0/31");
      assert(allocator.assign(ask("old", old)).ok);
      const request = ask("new", fresh);
      const result = way === "adopted"
        ? allocator.adopt(request, ["192.0.2.0"])
        : allocator.assign(way === "requested" ? { ...request, addresses: address } : request);
      if (way === "automatic") {
        const wanted = expected === "share" ? "192.0.2.0" : "192.0.2.1";
        assertEquals(result.ok && result.addresses, [wanted], name);
      } else if (expected === "share") assert(result.ok, `${name}, ${way}`);
      else {
        const text = result.ok ? "shared" : `${result.reason} ${result.message}`;
        assert(expected.test(text), `${name}, ${way}: ${text}`);
      }
    }
  }
});

Deno.test("Sharing: the only one on an address changes its terms in place; beside others it does not", () => {
  const allocator = allocatorOf("192.0.2.0/31");
  allocator.assign(ask("a", { key: "A" }));
  assert(allocator.adopt(ask("a", { key: "B" }), ["192.0.2.0"]).ok);
  assert(allocator.assign(ask("b", { key: "B", ports: ["TCP/443"] })).ok);
  assertEquals(allocator.book.usersOf("192.0.2.0"), ["a", "b"]);
  assertEquals(allocator.adopt(ask("a", { key: "A" }), ["192.0.2.0"]).ok, false);
  assertEquals(allocator.adopt(ask("a"), ["192.0.2.0"]).ok, false);
  assertEquals(allocator.counters()[0]?.assignedIPv4, 1n, "a shared address counts once");
});

Deno.test("Sharing: an address that one gave up is for those that could share it, and for nobody else", () => {
  const allocator = allocatorOf("192.0.2.0/32");
  allocator.assign(ask("a", { key: "A" }));
  allocator.book.retire("a");
  assertEquals(allocator.assign(ask("none")).ok, false);
  assertEquals(allocator.assign(ask("clash", { key: "A" })).ok, false);
  assert(allocator.assign(ask("b", { key: "A", ports: ["TCP/443"] })).ok);
  allocator.book.confirm("a");
  assertEquals(allocator.book.usersOf("192.0.2.0"), ["b"]);
  assert(allocator.assign(ask("clash", { key: "A" })).ok, "its port is free now");
});

Deno.test("SortedValues: ranks agree with a sorted list, through cuts and emptied pieces", () => {
  const rng = new SeededRng(7);
  const values = new SortedValues();
  const naive: bigint[] = [];
  for (let step = 0; step < 30_000; step++) {
    const value = BigInt(below(rng, 6000));
    const rank = naive.findIndex((one) => one >= value);
    const at = rank < 0 ? naive.length : rank;
    if (step % 50 === 0) {
      assertEquals([values.lowerBound(value), values.at(at), values.size], [at, naive[at], naive.length]);
    }
    // It grows, and in the second half it shrinks.
    if (below(rng, 10) < (step < 15_000 ? 8 : 2)) {
      assertEquals(values.insert(value), naive[at] !== value);
      if (naive[at] !== value) naive.splice(at, 0, value);
    } else {
      values.delete(value);
      if (naive[at] === value) naive.splice(at, 1);
    }
  }
});

Deno.test("SharedAddresses: the lowest address with room agrees with a scan", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const rng = new SeededRng(seed);
    const shared = new SharedAddresses();
    const present: { address: bigint; share: Share }[] = [];
    const shareFrom = (): Share => {
      const ports = new Set(Array.from({ length: 1 + below(rng, 2) }, () => `TCP/${below(rng, 4)}`));
      return { pair: `k${below(rng, 2)}`, sharingKey: "", ports };
    };
    for (let step = 0; step < 300; step++) {
      if (below(rng, 3) > 0 || present.length === 0) {
        const member = { address: BigInt(below(rng, 20)), share: shareFrom() };
        present.push(member);
        shared.join(member.address, member.share);
      } else {
        const [gone] = present.splice(below(rng, present.length), 1);
        shared.leave(gone!.address, gone!.share);
      }
      const mine = shareFrom();
      const from = BigInt(below(rng, 10));
      const expected = Array.from({ length: 20 }, (_, i) => BigInt(i)).find((address) => {
        const here = present.filter((one) => one.address === address && one.share.pair === mine.pair);
        return address >= from && here.length > 0 && here.every(({ share }) => share.ports.isDisjointFrom(mine.ports));
      });
      assertEquals(shared.lowest(mine, from), expected, `seed ${seed}, step ${step}`);
    }
  }
});
