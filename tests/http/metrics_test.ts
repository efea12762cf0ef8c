import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import type { LogEvent } from "../../lib/base/log.ts";
import { silentLog } from "../../lib/base/log.ts";
import { memberMetrics } from "../../lib/edge/http/member_metrics.ts";
import {
  allocatorMetrics,
  announcedMetrics,
  doubleAnswerMetrics,
  kubeClientMetrics,
  layer2Metrics,
  processMetrics,
} from "../../lib/edge/http/metallb_metrics.ts";
import { type MetricFamily, MetricsRegistry, type Sample } from "../../lib/edge/http/metrics.ts";
import { metricsApp } from "../../lib/edge/http/metrics_app.ts";

async function scrape(families: readonly MetricFamily[]): Promise<string[]> {
  const registry = new MetricsRegistry({}, { log: silentLog });
  registry.register(families);
  return samplesOf(await registry.text());
}

function samplesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

const family = (read: () => Iterable<Sample>, facts: Partial<MetricFamily> = {}): MetricFamily => ({
  name: "herald_test",
  help: "For this test",
  type: "gauge",
  labels: ["ip"],
  ...facts,
  read,
});

const UNREADABLE: readonly (readonly [string, MetricFamily])[] = [
  [
    "a source that throws",
    family(() => {
      throw new Error("no");
    }),
  ],
  ["an undeclared label", family(() => [{ labels: { colour: "red" }, value: 1 }])],
  ["a counter below zero", family(() => [{ value: -1 }], { type: "counter" })],
  ["a counter that is not a number", family(() => [{ value: NaN }], { type: "counter" })],
];

for (const [title, unreadable] of UNREADABLE) {
  Deno.test(`Metrics: ${title} loses its own family only, and says so in the log`, async () => {
    const events: LogEvent[] = [];
    const registry = new MetricsRegistry({}, { log: (event) => events.push(event) });
    registry.register([unreadable, family(() => [{ value: 7 }], { name: "herald_other" })]);
    assertEquals(samplesOf(await registry.text()), ["herald_other 7"]);
    assertEquals(events.map(({ level, event, metric }) => [level, event, metric]), [[
      "error",
      "metricUnreadable",
      "herald_test",
    ]]);
  });
}

Deno.test("Metrics: a name can be taken once per registry, and must be one", () => {
  const registry = new MetricsRegistry({}, { log: silentLog });
  registry.register([family(() => [])]);
  assertThrows(() => registry.register([family(() => [])]));
  assertThrows(() => registry.register([family(() => [], { name: "not a name" })]));
});

Deno.test("Metrics: two registries in one process do not see each other", async () => {
  assertEquals(await scrape([family(() => [{ value: 1 }])]), ["herald_test 1"]);
  assertEquals(await scrape([family(() => [{ value: 2 }])]), ["herald_test 2"]);
});

Deno.test("Metrics: values are of the moment of the scrape, and series that ended disappear", async () => {
  let samples: Sample[] = [{ labels: { ip: "192.0.2.1" }, value: 1 }, { labels: { ip: "192.0.2.2" }, value: 1 }];
  const registry = new MetricsRegistry({}, { log: silentLog });
  registry.register([family(() => samples)]);
  assertEquals(samplesOf(await registry.text()), ['herald_test{ip="192.0.2.1"} 1', 'herald_test{ip="192.0.2.2"} 1']);
  samples = [{ labels: { ip: "192.0.2.2" }, value: 5 }];
  assertEquals(samplesOf(await registry.text()), ['herald_test{ip="192.0.2.2"} 5']);
});

Deno.test("Metrics: a counter shows what its source counts, however often it is scraped", async () => {
  const registry = new MetricsRegistry({}, { log: silentLog });
  registry.register([family(() => [{ value: 3 }], { type: "counter" })]);
  assertEquals(samplesOf(await registry.text()), ["herald_test 3"]);
  assertEquals(samplesOf(await registry.text()), ["herald_test 3"]);
});

Deno.test("Metrics: label values that Prometheus must see quoted", async () => {
  assertEquals(await scrape([family(() => [{ labels: { ip: 'a"b\\c\nd' }, value: 1 }])]), [
    'herald_test{ip="a\\"b\\\\c\\nd"} 1',
  ]);
});

Deno.test("Metrics: the page has Prometheus' content type, help and type, and is made at the first scrape", async () => {
  let made = 0;
  const app = metricsApp({
    registry: () => {
      made++;
      const registry = new MetricsRegistry({}, { log: silentLog });
      registry.register([family(() => [{ value: 3 }], { type: "counter" })]);
      return Promise.resolve(registry);
    },
  });
  assertEquals(made, 0);
  for (let scrape = 0; scrape < 2; scrape++) {
    const response = await app.request("/metrics");
    assertEquals(response.status, 200);
    assertEquals(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    const text = "# HELP herald_test For this test\n# TYPE herald_test counter\nherald_test 3\n";
    assertEquals(await response.text(), text);
  }
  assertEquals(made, 1);
});

Deno.test("MetallbMetrics: the client's counters and flags", async () => {
  const facts = { updates: 12, updateErrors: 1, configLoaded: true, configStale: false };
  assertEquals(await scrape(kubeClientMetrics(() => facts)), [
    "metallb_k8s_client_updates_total 12",
    "metallb_k8s_client_update_errors_total 1",
    "metallb_k8s_client_config_loaded_bool 1",
    "metallb_k8s_client_config_stale_bool 0",
  ]);
});

Deno.test("MetallbMetrics: a pool's addresses by family and together, also beyond 2^53", async () => {
  const usage = {
    pool: "blue",
    ipv4Total: 254,
    ipv4InUse: 3,
    ipv6Total: 2n ** 63n - 1n,
    ipv6InUse: 1,
    resting: 2,
    skipped: 6,
    services: 5,
    allocations: 9,
  };
  assertEquals(await scrape(allocatorMetrics(() => [usage])), [
    'metallb_allocator_addresses_total{pool="blue"} 9223372036854776000',
    'metallb_allocator_addresses_in_use_total{pool="blue"} 4',
    'metallb_allocator_ipv4_addresses_total{pool="blue"} 254',
    'metallb_allocator_ipv4_addresses_in_use_total{pool="blue"} 3',
    'metallb_allocator_ipv6_addresses_total{pool="blue"} 9223372036854776000',
    'metallb_allocator_ipv6_addresses_in_use_total{pool="blue"} 1',
    'metallb_allocator_services_allocated_total{pool="blue"} 5',
    'metallb_allocator_allocations_total{pool="blue"} 9',
    'herald_allocator_addresses_resting{pool="blue"} 2',
    'herald_allocator_addresses_skipped{pool="blue"} 6',
  ]);
});

Deno.test("MetallbMetrics: what a speaker announces, and what its packet thread counts", async () => {
  assertEquals(
    await scrape(announcedMetrics(() => [{ service: "shop/web", protocol: "layer2", node: "n1", ip: "192.0.2.1" }])),
    ['metallb_speaker_announced{service="shop/web",protocol="layer2",node="n1",ip="192.0.2.1"} 1'],
  );
  const counts = { ip: "192.0.2.1", requestsReceived: 5, responsesSent: 4, gratuitousSent: 10 };
  assertEquals(await scrape(layer2Metrics(() => [counts])), [
    'metallb_layer2_requests_received{ip="192.0.2.1"} 5',
    'metallb_layer2_responses_sent{ip="192.0.2.1"} 4',
    'metallb_layer2_gratuitous_sent{ip="192.0.2.1"} 10',
  ]);
});

Deno.test("MetallbMetrics: a node that answers beside the speakers, with its hardware address", async () => {
  const report = {
    kind: "doubleAnswer",
    state: "found",
    address: "192.0.2.1",
    other: "n2",
    interface: "eth0",
  } as const;
  assertEquals(await scrape(doubleAnswerMetrics(() => [{ ...report, mac: "02:00:00:00:00:77" }])), [
    'herald_layer2_double_answer{ip="192.0.2.1",other="n2",mac="02:00:00:00:00:77"} 1',
  ]);
});

Deno.test("MemberMetrics: every state is there, also when nobody is in it", async () => {
  const states = { alive: 2, suspect: 0, dead: 1, left: 0 };
  const counts = { states, gossipReceived: 7, gossipRefused: 3, gossipStreamsFailed: 1 };
  assertEquals(await scrape(memberMetrics(() => counts)), [
    'herald_members{state="alive"} 2',
    'herald_members{state="suspect"} 0',
    'herald_members{state="dead"} 1',
    'herald_members{state="left"} 0',
    "herald_gossip_received_total 7",
    "herald_gossip_refused_total 3",
    "herald_gossip_streams_failed_total 1",
  ]);
});

Deno.test("MetallbMetrics: the process, by the injected clock", async () => {
  let now = 1_000;
  const deps = { clock: { now: () => now, wallMs: () => 1_700_000_000_000 }, residentBytes: () => 42 };
  const families = processMetrics({ program: "speaker", version: "0.1.0" }, deps);
  now = 3_500;
  assertEquals(await scrape(families), [
    'herald_build_info{program="speaker",version="0.1.0"} 1',
    "herald_uptime_seconds 2.5",
    "herald_resident_memory_bytes 42",
    "process_resident_memory_bytes 42",
    "process_start_time_seconds 1700000000",
  ]);
});
