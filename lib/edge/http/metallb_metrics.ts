/**
 * The metrics of MetalLB that Herald has so far, under MetalLB's names and labels, so that its dashboards and alerts go
 * on working; then Herald's own, under `herald_`, and the two process metrics that every dashboard knows.
 *
 * Names exactly as MetalLB exposes them (reference §9.11): some counters have no `_total`, some gauges have one.
 */
import type { DoubleAnswerReport } from "../../base/conflict.ts";
import type { Clock } from "../../base/time.ts";
import type { MetricFamily, Sample } from "./metrics.ts";

/** Kept by the watch loops of either program. */
export interface KubeClientFacts {
  /** Objects handled since start. */
  readonly updates: number;
  /** Of these, how many ended in an error. */
  readonly updateErrors: number;
  /** A configuration was accepted at least once; never goes back. */
  readonly configLoaded: boolean;
  /** The newest configuration was refused and an older one is in force. */
  readonly configStale: boolean;
}

export function kubeClientMetrics(read: () => KubeClientFacts): MetricFamily[] {
  const one = (
    name: string,
    facts: { type: MetricFamily["type"]; help: string; value: () => number },
  ): MetricFamily => ({
    name: `metallb_k8s_client_${name}`,
    type: facts.type,
    help: facts.help,
    read: () => [{ value: facts.value() }],
  });
  return [
    one("updates_total", {
      type: "counter",
      help: "Changes of Kubernetes objects handled",
      value: () => read().updates,
    }),
    one("update_errors_total", {
      type: "counter",
      help: "Changes of Kubernetes objects whose handling failed",
      value: () => read().updateErrors,
    }),
    one("config_loaded_bool", {
      type: "gauge",
      help: "1 once a configuration was accepted",
      value: () => Number(read().configLoaded),
    }),
    one("config_stale_bool", {
      type: "gauge",
      help: "1 while the newest configuration is refused and an older one is in force",
      value: () => Number(read().configStale),
    }),
  ];
}

export interface ProblemCount {
  readonly kind: string;
  readonly severity: "error" | "warning";
  readonly reason: string;
  readonly count: number;
}

export function configurationMetrics(read: () => Iterable<ProblemCount>): MetricFamily[] {
  return [{
    name: "herald_configuration_problems",
    type: "gauge",
    help: "Problems of the configuration at present; the status page names the objects",
    labels: ["kind", "severity", "reason"],
    read: () =>
      [...read()].map(({ kind, severity, reason, count }) => ({ labels: { kind, severity, reason }, value: count })),
  }];
}

/** Addresses of one pool; a number beyond 2^53 may be given as a bigint and is rounded. */
export interface PoolUsage {
  readonly pool: string;
  readonly ipv4Total: number | bigint;
  readonly ipv4InUse: number;
  readonly ipv6Total: number | bigint;
  readonly ipv6InUse: number;
  /** Addresses that nobody has and nobody gets yet. */
  readonly resting: number;
  /** Addresses that `avoidBuggyIPs` leaves out. */
  readonly skipped: number;
  /** Services that have addresses of the pool. */
  readonly services: number;
  /** How often a Service was given addresses of the pool since start. */
  readonly allocations: number;
}

export function allocatorMetrics(read: () => Iterable<PoolUsage>): MetricFamily[] {
  const family = (
    name: string,
    { type, help, value }: { type: "gauge" | "counter"; help: string; value: (usage: PoolUsage) => number },
  ): MetricFamily => ({
    name,
    type,
    help,
    labels: ["pool"],
    read: () => [...read()].map((usage) => ({ labels: { pool: usage.pool }, value: value(usage) })),
  });
  const gauge = (name: string, help: string, value: (usage: PoolUsage) => number): MetricFamily =>
    family(`metallb_allocator_${name}`, { type: "gauge", help, value });
  return [
    gauge("addresses_total", "Usable addresses of the pool", (p) => Number(p.ipv4Total) + Number(p.ipv6Total)),
    gauge("addresses_in_use_total", "Addresses of the pool in use", (p) => p.ipv4InUse + p.ipv6InUse),
    gauge("ipv4_addresses_total", "Usable IPv4 addresses of the pool", (p) => Number(p.ipv4Total)),
    gauge("ipv4_addresses_in_use_total", "IPv4 addresses of the pool in use", (p) => p.ipv4InUse),
    gauge("ipv6_addresses_total", "Usable IPv6 addresses of the pool", (p) => Number(p.ipv6Total)),
    gauge("ipv6_addresses_in_use_total", "IPv6 addresses of the pool in use", (p) => p.ipv6InUse),
    // MetalLB registers this one and never sets it (reference §5.9).
    gauge("services_allocated_total", "Services that have addresses of the pool", (p) => p.services),
    family("metallb_allocator_allocations_total", {
      type: "counter",
      help: "How often a Service was given addresses of the pool",
      value: (p) => p.allocations,
    }),
    family("herald_allocator_addresses_resting", {
      type: "gauge",
      help: "Addresses of the pool that rest after use",
      value: (p) => p.resting,
    }),
    family("herald_allocator_addresses_skipped", {
      type: "gauge",
      help: "Addresses of the pool that nobody gets because of avoidBuggyIPs",
      value: (p) => p.skipped,
    }),
  ];
}

export function leaderMetric(read: () => boolean): MetricFamily {
  return {
    name: "herald_leader",
    type: "gauge",
    help: "1 while this controller leads; in a cluster the sum is 1 but for hand-overs",
    read: () => [{ value: Number(read()) }],
  };
}

export interface Announced {
  /** `namespace/name`. */
  readonly service: string;
  readonly protocol: "layer2" | "bgp";
  readonly node: string;
  readonly ip: string;
}

export function announcedMetrics(read: () => Iterable<Announced>): MetricFamily[] {
  return [{
    name: "metallb_speaker_announced",
    type: "gauge",
    help: "1 for each address of a Service that this node announces",
    labels: ["service", "protocol", "node", "ip"],
    read: () =>
      [...read()].map((a): Sample => ({
        labels: { service: a.service, protocol: a.protocol, node: a.node, ip: a.ip },
        value: 1,
      })),
  }];
}

/** Counted by the packet thread per address, since start; an address that was ever counted stays listed. */
export interface Layer2Counts {
  readonly ip: string;
  readonly requestsReceived: number;
  readonly responsesSent: number;
  readonly gratuitousSent: number;
}

export function layer2Metrics(read: () => Iterable<Layer2Counts>): MetricFamily[] {
  const counter = (name: string, help: string, value: (counts: Layer2Counts) => number): MetricFamily => ({
    name: `metallb_layer2_${name}`,
    type: "counter",
    help,
    labels: ["ip"],
    read: () => [...read()].map((counts) => ({ labels: { ip: counts.ip }, value: value(counts) })),
  });
  return [
    counter("requests_received", "ARP requests and neighbour solicitations for the address", (c) => c.requestsReceived),
    counter("responses_sent", "Answers sent for the address", (c) => c.responsesSent),
    counter("gratuitous_sent", "Unasked announcements sent for the address", (c) => c.gratuitousSent),
  ];
}

/** Of one address that a stranger on the segment was seen to use, since start. */
export interface ConflictCount {
  readonly ip: string;
  /** Conflicts in which this node went on answering. */
  readonly found: number;
  /** Conflicts in which the other station was first and this node does not answer. */
  readonly yielded: number;
  /** MAC of the other station while a conflict is on. */
  readonly active: string | undefined;
}

export function conflictMetrics(read: () => Iterable<ConflictCount>): MetricFamily[] {
  return [
    {
      name: "herald_layer2_conflicts_total",
      type: "counter",
      help: "Times that another station on the segment was found to use the address, by what this node did",
      labels: ["ip", "outcome"],
      read: () =>
        [...read()].flatMap(({ ip, found, yielded }): Sample[] => [
          { labels: { ip, outcome: "defended" }, value: found },
          { labels: { ip, outcome: "yielded" }, value: yielded },
        ]),
    },
    {
      name: "herald_layer2_conflict",
      type: "gauge",
      help: "1 while another station on the segment uses the address",
      labels: ["ip", "mac"],
      read: () =>
        [...read()].flatMap(({ ip, active }): Sample[] =>
          active === undefined ? [] : [{ labels: { ip, mac: active }, value: 1 }]
        ),
    },
  ];
}

export function doubleAnswerMetrics(read: () => Iterable<DoubleAnswerReport>): MetricFamily[] {
  return [{
    name: "herald_layer2_double_answer",
    type: "gauge",
    help: "1 while another node of the cluster answers for the address too, of which one is named for each such node",
    labels: ["ip", "other", "mac"],
    read: () => [...read()].map(({ address: ip, other, mac }) => ({ labels: { ip, other, mac }, value: 1 })),
  }];
}

/** What goes on between the speakers, as this one sees it. */
export interface ClusterCounts {
  /** By address, since start: partitions in which another node announced it too. */
  readonly splits: readonly { readonly ip: string; readonly count: number }[];
  /** Living members that are not Herald. */
  readonly foreignMembers: number;
  readonly cutOff: boolean;
}

export function clusterMetrics(read: () => ClusterCounts): MetricFamily[] {
  return [
    {
      name: "herald_layer2_splits_healed_total",
      type: "counter",
      help: "Times that this node and another one found out that both announced the address",
      labels: ["ip"],
      read: () => read().splits.map(({ ip, count }) => ({ labels: { ip }, value: count })),
    },
    {
      name: "herald_members_not_herald",
      type: "gauge",
      help: "Living members that are not Herald: while there are any, MetalLB's order holds",
      read: () => [{ value: read().foreignMembers }],
    },
    {
      name: "herald_speaker_cut_off",
      type: "gauge",
      help: "1 while the speaker answers nothing because it sees neither the API nor most of its peers (--safe)",
      read: () => [{ value: read().cutOff ? 1 : 0 }],
    },
  ];
}

export interface ProcessDeps {
  readonly clock: Clock;
  /** Bytes of resident memory, e.g. `Deno.memoryUsage().rss`. */
  residentBytes(): number;
}

/** Register once, at start: uptime counts from this call. */
export function processMetrics(
  options: { readonly program: "controller" | "speaker"; readonly version: string },
  deps: ProcessDeps,
): MetricFamily[] {
  const startedAt = deps.clock.now();
  const startedWallMs = deps.clock.wallMs();
  const gauge = (name: string, help: string, value: () => number): MetricFamily => ({
    name,
    type: "gauge",
    help,
    read: () => [{ value: value() }],
  });
  return [
    {
      name: "herald_build_info",
      type: "gauge",
      help: "Always 1; the labels say what runs",
      labels: ["program", "version"],
      read: () => [{ labels: { program: options.program, version: options.version }, value: 1 }],
    },
    gauge("herald_uptime_seconds", "Seconds since start", () => (deps.clock.now() - startedAt) / 1000),
    gauge("herald_resident_memory_bytes", "Resident memory", () => deps.residentBytes()),
    gauge("process_resident_memory_bytes", "Resident memory size in bytes.", () => deps.residentBytes()),
    gauge(
      "process_start_time_seconds",
      "Start time of the process since unix epoch in seconds.",
      () => startedWallMs / 1000,
    ),
  ];
}
