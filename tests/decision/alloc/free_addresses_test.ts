import { assertEquals } from "@std/assert/equals";
import { parseRange, rangeSize } from "../../../lib/base/cidr.ts";
import { parseIp } from "../../../lib/base/ip.ts";
import { below, SeededRng } from "../../../lib/base/rng.ts";
import { countAddresses, FreeAddresses } from "../../../lib/decision/alloc/free_addresses.ts";

function ranges(...texts: string[]) {
  return texts.map((text) => {
    const result = parseRange(text);
    if (!result.ok) throw new Error(result.message);
    return result.range;
  });
}

const value = (text: string): bigint => parseIp(text)!.value;

Deno.test("FreeAddresses: capacity by reference §11.1, also where MetalLB subtracts twice", () => {
  const table: [string, boolean, bigint][] = [
    ["192.0.2.0/24", true, 254n],
    ["192.0.2.0/23", true, 508n],
    ["192.0.2.0/25", true, 127n],
    ["192.0.2.128/25", true, 127n],
    ["192.0.2.4/30", true, 4n],
    ["192.0.2.0/32", true, 0n],
    ["192.0.2.255/32", true, 0n],
    ["192.0.2.254/31", true, 1n],
    ["0.0.0.0/0", true, (1n << 32n) - (1n << 25n)],
    ["192.0.2.0/24", false, 256n],
    ["fd00::/120", true, 256n],
    ["fd00::/16", false, 1n << 112n],
  ];
  for (const [text, avoidBuggyIps, expected] of table) {
    const [range] = ranges(text);
    const { usable, skipped } = countAddresses([range!], { family: range!.family, avoidBuggyIps });
    assertEquals([usable, usable + skipped], [expected, rangeSize(range!)], text);
  }
});

Deno.test("FreeAddresses: the lowest free address, whatever was taken out of turn and freed (against a scan)", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const rng = new SeededRng(seed);
    const avoidBuggyIps = below(rng, 2) === 0;
    const list = ranges("192.0.1.250-192.0.2.2", "192.0.2.9/32", "192.0.2.253-192.0.3.1");
    const all: bigint[] = [];
    for (const { first, last } of list) for (let one = first; one <= last; one++) all.push(one);
    const usable = all.filter((one) => !avoidBuggyIps || (one % 256n !== 0n && one % 256n !== 255n));
    const used = new Set<bigint>();
    const free = new FreeAddresses({ ranges: list, avoidBuggyIps }, { isUsed: (one) => used.has(one) });
    for (let step = 0; step < 200; step++) {
      const dice = below(rng, 10);
      const expected = usable.find((one) => !used.has(one));
      if (dice < 5) {
        assertEquals(free.lowest(), expected, `seed ${seed}, step ${step}`);
        if (expected === undefined) continue;
        used.add(expected);
      } else if (dice < 7) {
        // Out of turn, also one that is left out: it was held before `avoidBuggyIPs` was turned on.
        const one = all[below(rng, all.length)]!;
        if (used.has(one)) continue;
        used.add(one);
      } else if (used.size > 0) {
        const one = [...used][below(rng, used.size)]!;
        used.delete(one);
        free.released(one);
      }
    }
    assertEquals(free.lowest(), usable.find((one) => !used.has(one)), `seed ${seed}`);
  }
});

Deno.test("FreeAddresses: an address freed and taken out of turn again and again is given once", () => {
  const used = new Set<bigint>();
  const free = new FreeAddresses({ ranges: ranges("10.0.0.0/8"), avoidBuggyIps: false }, {
    isUsed: (one) => used.has(one),
  });
  for (let i = 0; i < 12; i++) used.add(free.lowest()!);
  const address = value("10.0.0.9");
  for (let i = 0; i < 1000; i++) {
    used.delete(address);
    free.released(address);
    used.add(address);
  }
  assertEquals(free.lowest(), value("10.0.0.12"));
  used.delete(address);
  free.released(address);
  assertEquals(free.lowest(), address);
  used.add(address);
  assertEquals(free.lowest(), value("10.0.0.12"));
});
