import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { parseIp } from "../../../lib/base/ip.ts";
import { below, SeededRng } from "../../../lib/base/rng.ts";
import type { AllocRequest } from "../../../lib/decision/alloc/alloc_request.ts";
import { Allocator } from "../../../lib/decision/alloc/allocator.ts";
import { resolveConfig } from "../../../lib/decision/config/resolve.ts";
import { poolObject } from "../objects.ts";

function pools(...objects: unknown[]) {
  const { config, problems } = resolveConfig({ ipAddressPools: objects });
  assertEquals(problems, []);
  return config.pools;
}

function allocatorOf(...objects: unknown[]): Allocator {
  const allocator = new Allocator();
  allocator.setPools(pools(...objects));
  return allocator;
}

function ask(serviceKey: string, options: Partial<AllocRequest> = {}): AllocRequest {
  return { serviceKey, namespace: "a", labels: {}, families: [4], oneIsEnough: false, ...options };
}

const ips = (...texts: string[]) => texts.map((text) => parseIp(text)!);

/** `pool: addresses`, or the reason and message of a refusal. */
function short(result: ReturnType<Allocator["assign"]>): string {
  return result.ok ? `${result.pool}: ${result.addresses.join(" ")}` : `${result.reason}: ${result.message}`;
}

Deno.test("Allocator: refusals carry MetalLB's words", () => {
  const allocator = allocatorOf(
    poolObject("p", ["192.0.2.0/32"]),
    poolObject("off", ["198.51.100.0/32"], { autoAssign: false }),
    poolObject("pinned", ["203.0.113.0/32"], { serviceAllocation: { namespaces: ["b"] } }),
  );
  assertEquals(short(allocator.assign(ask("one"))), "p: 192.0.2.0");
  const table: [Partial<AllocRequest>, string][] = [
    [{}, "noAvailableIPs: no available IPs"],
    [{ families: [6] }, "noAvailableIPs: no available IPs"],
    [{ pool: "nope" }, 'unknownPool: unknown pool "nope"'],
    [{ pool: "p" }, "poolExhausted: no available IPs in pool p"],
    [{ pool: "pinned" }, "poolIncompatible: "],
    [{ addresses: ips("192.0.2.0") }, `addressInUse: can't change sharing key for "two", address also in use by one: `],
    [{ addresses: ips("10.0.0.1") }, 'ipNotAllowed: ["10.0.0.1"] is not allowed in config'],
    [{ addresses: ips("fd00::1") }, "familyMismatch: "],
    [{ addresses: ips("192.0.2.0"), families: [4, 6], oneIsEnough: true }, "familyMismatch: "],
    [{ addresses: ips("198.51.100.0"), pool: "p" }, "poolMismatch: "],
    [{ addresses: ips("203.0.113.0") }, "poolIncompatible: "],
  ];
  for (const [request, expected] of table) {
    const actual = short(allocator.assign(ask("two", request)));
    assert(actual.startsWith(expected), `${actual} instead of ${expected}`);
    assertEquals(allocator.book.heldBy("two"), []);
  }
  assertEquals(short(allocator.assign(ask("two", { pool: "off" }))), "off: 198.51.100.0");
  assertEquals(short(allocator.assign(ask("three", { namespace: "b" }))), "pinned: 203.0.113.0");
});

Deno.test("Allocator: pool choice by reference §11.5, then by name", () => {
  const pinned = (priority: number, rest: Record<string, unknown> = { namespaces: ["a"] }) => ({
    serviceAllocation: { priority, ...rest },
  });
  const one = (last: number) => [`192.0.2.${last}/32`];
  const selector = { serviceSelectors: [{ matchLabels: { x: "y" } }] };
  const table: [unknown[], Partial<AllocRequest>, string[]][] = [
    [[poolObject("p1", one(1), pinned(10)), poolObject("p2", one(2), pinned(20)), poolObject("p3", one(3))], {}, [
      "p1",
      "p2",
      "p3",
    ]],
    [[poolObject("p1", one(1), pinned(0)), poolObject("p2", one(2), pinned(5))], {}, ["p2", "p1"]],
    [[poolObject("p1", one(1), pinned(0, { namespaces: ["a"], ...selector })), poolObject("p2", one(2))], {}, ["p2"]],
    [[poolObject("p1", one(1), pinned(0, { namespaces: ["a"], ...selector })), poolObject("p2", one(2))], {
      labels: { x: "y" },
    }, ["p1", "p2"]],
    [[poolObject("z", one(1), pinned(5, {})), poolObject("a", one(2))], {}, ["z", "a"]],
    [[poolObject("p1", one(1), { autoAssign: false, ...pinned(1) })], {}, []],
    [[poolObject("b", one(1)), poolObject("a", one(2)), poolObject("B", one(3))], {}, ["B", "a", "b"]],
    [
      [poolObject("x", one(1), pinned(8)), poolObject("y", one(2), pinned(5)), poolObject("w", one(3), pinned(10))],
      {},
      [
        "y",
        "x",
        "w",
      ],
    ],
  ];
  for (const [objects, request, expected] of table) {
    const allocator = allocatorOf(...objects);
    for (const [i, pool] of [...expected, undefined].entries()) {
      const result = allocator.assign(ask(`s${i}`, request));
      assertEquals(result.ok ? result.pool : undefined, pool, JSON.stringify(expected));
    }
  }
});

Deno.test("Allocator: two families come from one pool, IPv4 first; one is enough only where it may be", () => {
  const dual = { families: [6, 4] as const };
  const objects = [
    poolObject("four", ["192.0.2.0/32"]),
    poolObject("six", ["fd00::/128"]),
    poolObject("z-both", ["198.51.100.0/32", "fd00:1::/128"]),
  ];
  const strict = allocatorOf(...objects);
  assertEquals(short(strict.assign(ask("one", dual))), "z-both: 198.51.100.0 fd00:1::");
  assertEquals(short(strict.assign(ask("two", dual))), "noAvailableIPs: no available IPs");
  const lenient = allocatorOf(...objects);
  const prefer = { ...dual, oneIsEnough: true };
  // The pool that can give both is preferred; then the primary family, which is the first, then the other.
  assertEquals(short(lenient.assign(ask("one", prefer))), "z-both: 198.51.100.0 fd00:1::");
  assertEquals(short(lenient.assign(ask("two", prefer))), "six: fd00::");
  assertEquals(short(lenient.assign(ask("three", prefer))), "four: 192.0.2.0");
  assertEquals(short(lenient.assign(ask("four", prefer))), "noAvailableIPs: no available IPs");
});

Deno.test("Allocator: a Service that becomes dual-stack keeps its address and gains the other", () => {
  const allocator = allocatorOf(poolObject("p", ["192.0.2.0/30", "fd00::/126"]));
  allocator.assign(ask("first"));
  assertEquals(short(allocator.assign(ask("s"))), "p: 192.0.2.1");
  allocator.book.release("first");
  assertEquals(short(allocator.assign(ask("s", { families: [4, 6] }))), "p: 192.0.2.1 fd00::");
  // And back: the address that may stay does, the other is given up.
  assertEquals(short(allocator.assign(ask("s", { families: [6] }))), "p: fd00::");
  assertEquals(allocator.book.usersOf("192.0.2.1"), ["s"]);
  allocator.book.confirm("s");
  assertEquals(allocator.book.usersOf("192.0.2.1"), []);
});

Deno.test("Allocator: a request for an address that avoidBuggyIPs leaves out is told so", () => {
  const allocator = allocatorOf(
    poolObject("p", ["192.0.2.0/24", "fd00::/120"], { avoidBuggyIPs: true }),
    poolObject("q", ["198.51.100.0/24"]),
  );
  const refusal = (...texts: string[]) =>
    short(allocator.assign(ask("s", { addresses: ips(...texts), families: texts.length === 2 ? [4, 6] : [4] })));
  const left = "is not allowed in config: avoidBuggyIPs of pool p leaves it out";
  assertEquals(refusal("192.0.2.255"), `ipNotAllowed: ["192.0.2.255"] ${left}`);
  assertEquals(refusal("192.0.2.0", "fd00::1"), `ipNotAllowed: ["192.0.2.0" "fd00::1"] ${left}`);
  assertEquals(refusal("10.0.0.0"), 'ipNotAllowed: ["10.0.0.0"] is not allowed in config');
  assertEquals(refusal("198.51.100.255"), "q: 198.51.100.255");
});

Deno.test("Allocator: adoption checks what the Service may have", () => {
  const allocator = allocatorOf(
    poolObject("p", ["192.0.2.0/24", "fd00::/120"], { avoidBuggyIPs: true }),
    poolObject("q", ["198.51.100.0/24"]),
  );
  allocator.adopt(ask("other"), ["192.0.2.7"]);
  const table: [readonly string[], Partial<AllocRequest>, string][] = [
    [["x"], {}, "invalidAddress"],
    [[], {}, "familyMismatch"],
    [["192.0.2.1", "192.0.2.2"], {}, "familyMismatch"],
    [["192.0.2.1", "192.0.2.2", "fd00::1"], { families: [4, 6] }, "familyMismatch"],
    [["192.0.2.1"], { families: [4, 6] }, "familyMismatch"],
    [["198.51.100.1", "fd00::1"], { families: [4, 6] }, "ipNotAllowed"],
    [["192.0.2.255"], {}, "ipNotAllowed"],
    [["10.0.0.1"], {}, "ipNotAllowed"],
    [["192.0.2.1"], { pool: "q" }, "poolMismatch"],
    [["192.0.2.1"], { addresses: ips("192.0.2.2") }, "notRequested"],
    [["192.0.2.7"], {}, "addressInUse"],
  ];
  for (const [addresses, request, reason] of table) {
    const result = allocator.adopt(ask("s", request), addresses);
    assertEquals(result.ok ? "ok" : result.reason, reason, addresses.join());
    assertEquals(allocator.book.heldBy("s"), []);
  }
  const prefer = ask("s", { families: [4, 6], oneIsEnough: true });
  assertEquals(short(allocator.adopt(prefer, ["192.0.2.9"])), "p: 192.0.2.9");
  assertEquals(short(allocator.adopt(prefer, ["FD00::0001", "192.0.2.9"])), "p: fd00::1 192.0.2.9");
});

Deno.test("Allocator: counters count addresses, skip what avoidBuggyIPs leaves out and stop at Go's int64", () => {
  const allocator = allocatorOf(
    poolObject("a", ["192.0.2.0/28", "198.51.100.255/32"], { avoidBuggyIPs: true }),
    poolObject("huge", ["fd00::/8", "fe00::/120"]),
  );
  allocator.assign(ask("one"));
  assertEquals(allocator.counters(), [
    {
      name: "a",
      assignedIPv4: 1n,
      assignedIPv6: 0n,
      availableIPv4: 14n,
      availableIPv6: 0n,
      restingIPv4: 0n,
      restingIPv6: 0n,
      skippedIPv4: 2n,
    },
    {
      name: "huge",
      assignedIPv4: 0n,
      assignedIPv6: 0n,
      availableIPv4: 0n,
      availableIPv6: (1n << 63n) - 1n,
      restingIPv4: 0n,
      restingIPv6: 0n,
      skippedIPv4: 0n,
    },
  ]);
});

Deno.test("Allocator: a changed pool set keeps what is held, in the pools or not", () => {
  const allocator = allocatorOf(poolObject("p", ["192.0.2.0/30"]));
  for (const key of ["a", "b", "c"]) allocator.assign(ask(key));
  allocator.setPools(pools(poolObject("q", ["192.0.2.2/31", "198.51.100.0/31"])));
  assertEquals(allocator.poolOf(["192.0.2.0"]), undefined);
  assertEquals(allocator.poolOf(["192.0.2.2"]), "q");
  assertEquals(short(allocator.assign(ask("d"))), "q: 192.0.2.3");
  assertEquals(allocator.counters().map(({ assignedIPv4, availableIPv4 }) => [assignedIPv4, availableIPv4]), [[
    2n,
    2n,
  ]]);
  allocator.book.release("a");
  allocator.setPools(pools(poolObject("p", ["192.0.2.0/30"])));
  assertEquals(short(allocator.assign(ask("e"))), "p: 192.0.2.0");
  assertEquals(short(allocator.assign(ask("f"))), "noAvailableIPs: no available IPs");
});

Deno.test("Allocator: random use never gives one address twice and always the lowest of the first pool (naive model)", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const rng = new SeededRng(seed);
    const allocator = allocatorOf(
      poolObject("a", ["192.0.2.0/29"]),
      poolObject("b", ["198.51.100.4/31", "10.0.0.1/32"]),
    );
    const order = [
      ...Array.from({ length: 8 }, (_, i) => `192.0.2.${i}`),
      "10.0.0.1",
      "198.51.100.4",
      "198.51.100.5",
    ];
    const owners = new Map<string, string>();
    const giveUp = (key: string) => {
      for (const [address, owner] of owners) if (owner === key) owners.delete(address);
    };
    for (let step = 0; step < 150; step++) {
      const key = `s${below(rng, 14)}`;
      const context = `seed ${seed}, step ${step}`;
      const dice = below(rng, 10);
      if (dice < 4) {
        allocator.book.release(key);
        giveUp(key);
      } else if (dice < 6) {
        const address = order[below(rng, order.length)]!;
        const free = owners.get(address) === undefined || owners.get(address) === key;
        const result = allocator.adopt(ask(key), [address]);
        assertEquals(result.ok, free, context);
        allocator.book.confirm(key);
        if (!free) continue;
        giveUp(key);
        owners.set(address, key);
      } else if (allocator.book.heldBy(key).length === 0) {
        const expected = order.find((address) => !owners.has(address));
        const result = allocator.assign(ask(key));
        assertEquals(result.ok ? result.addresses : [undefined], [expected], context);
        if (expected !== undefined) owners.set(expected, key);
      }
    }
    for (const [address, key] of owners) assertEquals(allocator.book.usersOf(address), [key], `seed ${seed}`);
  }
});
