/**
 * What giving and taking back an address costs as a pool fills up, without an API: the cost at 99 % beside the cost in
 * the nearly empty pool, measured in the same run by the same operations.
 */
import { resolveConfig } from "../../lib/decision/config/resolve.ts";
import type { AllocRequest } from "../../lib/decision/alloc/alloc_request.ts";
import { Allocator } from "../../lib/decision/alloc/allocator.ts";
import { below, SeededRng } from "../../lib/base/rng.ts";
import { atMost, type Measurement } from "./report.ts";
import { median } from "./stats.ts";

/** A hash table of a million entries does not fit the processor's caches: that is in the bound, a scan is not. */
const RATIO_MAX = 5;
const BATCH = 2000;
const BATCHES = 15;

interface Scenario {
  readonly what: string;
  readonly addresses: readonly string[];
  readonly family: 4 | 6;
  /** How many addresses to have in use at the end. */
  readonly fill: number;
  readonly shareOf?: (index: number) => AllocRequest["share"];
}

export function benchAllocation(options: { quick: boolean }): Promise<Measurement[]> {
  const million = options.quick ? 100_000 : 1_000_000;
  const port = new Set(["TCP/80"]);
  const oneKey = { pair: "k", sharingKey: "k", ports: port };
  const twelve = options.quick ? "10.0.0.0/15" : "10.0.0.0/12";
  const size = options.quick ? 1 << 17 : 1 << 20;
  const full = Math.floor(size * 0.99);
  const scenarios: readonly Scenario[] = [
    { what: `assign and release, ${million} in a /8`, addresses: ["10.0.0.0/8"], family: 4, fill: million },
    { what: `assign and release, ${million} in an IPv6 /64`, addresses: ["fd00::/64"], family: 6, fill: million },
    { what: `assign and release, ${full} of ${size}: 99 %`, addresses: [twelve], family: 4, fill: full },
    {
      what: "the same, groups of four share by key",
      addresses: ["10.0.0.0/16"],
      family: 4,
      fill: 4 * 64_880,
      shareOf: (i) => ({ pair: `k${i >> 2}`, sharingKey: `k${i >> 2}`, ports: new Set([`TCP/${i & 3}`]) }),
    },
    {
      what: "the same, one key for all, one port",
      addresses: ["10.0.0.0/16"],
      family: 4,
      fill: 64_880,
      shareOf: () => oneKey,
    },
  ];
  return Promise.resolve(scenarios.flatMap((scenario, i) => measure(scenario, { withMemory: i === 0 })));
}

/** Memory is measured in the first scenario: later the garbage of those before is in the figure. */
function measure(scenario: Scenario, options: { withMemory: boolean }): Measurement[] {
  const { config } = resolveConfig({ ipAddressPools: [poolOf(scenario.addresses)] });
  const allocator = new Allocator();
  allocator.setPools(config.pools);
  const rng = new SeededRng(1);
  const heapBefore = usedBytes();
  let count = 0;
  const startedAt = performance.now();
  for (; count < BATCH; count++) assign(allocator, { scenario, index: count });
  churn(allocator, { scenario, count, rng });
  const emptyUs = churn(allocator, { scenario, count, rng });
  for (; count < scenario.fill; count++) assign(allocator, { scenario, index: count });
  const fullUs = churn(allocator, { scenario, count, rng });
  const operations = count + 2 * 3 * BATCH * BATCHES;
  const totalUs = (performance.now() - startedAt) * 1000 / operations;
  const bytes = (usedBytes() - heapBefore) / count;
  return [
    {
      what: scenario.what,
      unit: "us",
      value: fullUs,
      control: { what: "nearly empty", value: emptyUs },
      bound: atMost(fullUs / emptyUs, RATIO_MAX, `flat: at most ${RATIO_MAX}x the nearly empty pool`),
    },
    { what: "  mean of all operations", unit: "us", value: totalUs },
    ...(options.withMemory
      ? [{
        what: "  bytes per Service",
        unit: "" as const,
        value: bytes,
        bound: atMost(bytes, BYTES_MAX, `at most ${BYTES_MAX}`),
      }]
      : []),
  ];
}

/** What the Service's own object takes in the caches is a multiple of it. */
const BYTES_MAX = 1024;

/** Microseconds per operation: random Services give their address back and get one again; the median of the batches. */
function churn(
  allocator: Allocator,
  options: { scenario: Scenario; count: number; rng: SeededRng },
): number {
  const { scenario, count, rng } = options;
  const samples: number[] = [];
  for (let batch = 0; batch < BATCHES; batch++) {
    const indexes = Array.from({ length: BATCH }, () => below(rng, count));
    const startedAt = performance.now();
    for (const index of indexes) {
      allocator.book.release(keyOf(index));
      assign(allocator, { scenario, index });
    }
    samples.push((performance.now() - startedAt) * 1000 / (2 * BATCH));
  }
  return median(samples);
}

function assign(allocator: Allocator, options: { scenario: Scenario; index: number }): void {
  const { scenario, index } = options;
  const result = allocator.assign({
    serviceKey: keyOf(index),
    namespace: "bench",
    labels: {},
    families: [scenario.family],
    oneIsEnough: false,
    share: scenario.shareOf?.(index),
  });
  if (!result.ok) throw new Error(`${keyOf(index)}: ${result.message}`);
}

function keyOf(index: number): string {
  return `bench/s${index}`;
}

function poolOf(addresses: readonly string[]): unknown {
  return { kind: "IPAddressPool", metadata: { name: "p", namespace: "metallb-system" }, spec: { addresses } };
}

/** With what is garbage: a bound that holds holds without it too. */
function usedBytes(): number {
  return Deno.memoryUsage().heapUsed;
}
