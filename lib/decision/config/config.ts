/**
 * The configuration as the decisions use it: only what is valid, with defaults applied and selectors compiled.
 */
import type { IpRange } from "../../base/cidr.ts";
import type { AddressPolicy } from "../../base/wanted.ts";
import type { Selector } from "./selector.ts";
import { anySelectorMatches } from "./selector.ts";
import type { Labels } from "./service_view.ts";

/** Restricts a pool to some Services, and puts it before the pools that have no restriction. */
export interface PoolAllocation {
  /** Lower is preferred; 0 comes last. */
  readonly priority: number;
  /** Names, those that the namespace selectors match included; `all` when neither names nor selectors are given. */
  readonly namespaces: "all" | ReadonlySet<string>;
  /** Empty means every Service. */
  readonly serviceSelectors: readonly Selector[];
}

export interface Pool {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Labels;
  /** Disjoint, IPv4 before IPv6, ascending. */
  readonly ranges: readonly IpRange[];
  readonly autoAssign: boolean;
  /** IPv4 addresses that end in .0 or .255 are not in the pool. */
  readonly avoidBuggyIps: boolean;
  readonly allocation: PoolAllocation | undefined;
  /** Load balancer classes that it is bound to; `undefined` for every class that is ours, and for none. */
  readonly classes: ReadonlySet<string> | undefined;
  /** How long an address rests after use before another Service gets it; `undefined` for not at all. */
  readonly reuseAfterMs: number | undefined;
}

export interface PreferredNodes {
  readonly weight: number;
  readonly preference: Selector;
}

export interface L2Advertisement {
  readonly name: string;
  readonly namespace: string;
  /** Names of the pools it selects, by name or by label, disabled ones included. */
  readonly pools: ReadonlySet<string>;
  /** Empty means every node. */
  readonly nodeSelectors: readonly Selector[];
  readonly interfaces: "all" | readonly string[];
  /** Empty means every Service. */
  readonly serviceSelectors: readonly Selector[];
  readonly preferredNodes: readonly PreferredNodes[];
  /** What its annotations say of each address that it announces. */
  readonly policy: AddressPolicy;
}

export interface BgpAdvertisement {
  readonly name: string;
  readonly namespace: string;
  /** Names of the pools it selects, by name or by label, disabled ones included. */
  readonly pools: ReadonlySet<string>;
  /** Prefix lengths that addresses are announced with: 32 and 128 unless given. */
  readonly aggregationLength: number;
  readonly aggregationLengthV6: number;
  /** 0 when not given. */
  readonly localPref: number;
  /** Resolved, `65000:100` or `large:65000:1:2`, each once, in numeric order. */
  readonly communities: readonly string[];
  /** Empty means every node. */
  readonly nodeSelectors: readonly Selector[];
  /** Names of BGPPeers. */
  readonly peers: "all" | ReadonlySet<string>;
  /** Empty means every Service. */
  readonly serviceSelectors: readonly Selector[];
}

export interface BgpPeer {
  readonly name: string;
  readonly namespace: string;
  readonly myAsn: number;
  /** The router's number, or of which kind it must be. */
  readonly peerAsn: number | "internal" | "external";
  readonly localAsn: number | undefined;
  /** Canonical; exactly one of this and `interfaceName` is given. */
  readonly peerAddress: string | undefined;
  readonly interfaceName: string | undefined;
  readonly sourceAddress: string | undefined;
  readonly peerPort: number;
  /** Both or neither: of one alone the other follows (reference §2.8). */
  readonly holdTimeMs: number | undefined;
  readonly keepaliveTimeMs: number | undefined;
  readonly connectTimeMs: number | undefined;
  readonly routerId: string | undefined;
  /** Empty means every node. */
  readonly nodeSelectors: readonly Selector[];
  /** A secret: never logged, never shown. */
  readonly password: string | undefined;
  readonly bfdProfile: string | undefined;
  readonly gracefulRestart: boolean;
  readonly ebgpMultiHop: boolean;
  /** Empty for the default one. */
  readonly vrf: string;
  readonly dualStackAddressFamily: boolean;
}

export interface BfdProfile {
  readonly name: string;
  readonly namespace: string;
  readonly receiveIntervalMs: number;
  readonly transmitIntervalMs: number;
  readonly detectMultiplier: number;
  readonly echoIntervalMs: number;
  readonly echoMode: boolean;
  readonly passiveMode: boolean;
  readonly minimumTtl: number;
}

/** Labels by name, as far as they can be read: what such a pool gave goes on being announced. */
export type DisabledPools = ReadonlyMap<string, Labels>;

export interface Config {
  /** By name, ascending. */
  readonly pools: readonly Pool[];
  /** By name, ascending. */
  readonly l2Advertisements: readonly L2Advertisement[];
  /** By name, ascending; so the next two. */
  readonly bgpAdvertisements: readonly BgpAdvertisement[];
  readonly bgpPeers: readonly BgpPeer[];
  readonly bfdProfiles: readonly BfdProfile[];
  /** Names of pools that exist but have errors: nothing new comes from them, what they gave is left alone. */
  readonly disabledPools: DisabledPools;
}

export const EMPTY_CONFIG: Config = {
  pools: [],
  l2Advertisements: [],
  bgpAdvertisements: [],
  bgpPeers: [],
  bfdProfiles: [],
  disabledPools: new Map(),
};

/** True when the pool is bound to no class or to that of a Service. */
export function poolServesClass({ classes }: Pool, loadBalancerClass: string | undefined): boolean {
  return classes === undefined || (loadBalancerClass !== undefined && classes.has(loadBalancerClass));
}

/** True when the pool's class and its `serviceAllocation` admit a Service; a pool without either admits all. */
export function poolAdmits(
  pool: Pool,
  service: {
    readonly namespace: string;
    readonly labels: Labels;
    readonly loadBalancerClass?: string | undefined;
  },
): boolean {
  if (!poolServesClass(pool, service.loadBalancerClass)) return false;
  const allocation = pool.allocation;
  if (allocation === undefined) return true;
  if (allocation.namespaces !== "all" && !allocation.namespaces.has(service.namespace)) return false;
  return allocation.serviceSelectors.length === 0 || anySelectorMatches(allocation.serviceSelectors, service.labels);
}

/** Orders by code unit, the same on every machine and in every locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
