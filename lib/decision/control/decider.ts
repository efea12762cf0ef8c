/**
 * Decides what each Service should show, in three steps that a pass over all Services takes one after the other:
 *
 * 1. `adopt`: who shows an address that it may have keeps it;
 * 2. `reserve`: what the others show is kept from everybody else until the API no longer shows it;
 * 3. `allocate`: only then anything new is given.
 *
 * It holds the allocator and knows nothing of writes and time.
 */
import { sameTexts } from "../../base/text_list.ts";
import { Allocator } from "../alloc/allocator.ts";
import type { AllocReason, AllocRequest, AllocResult } from "../alloc/alloc_request.ts";
import { type Share, shareOf } from "../alloc/share.ts";
import { type Config, EMPTY_CONFIG } from "../config/config.ts";
import {
  classIsMeantForUs,
  classIsOurs,
  type LoadBalancerClasses,
  notServedText,
} from "../config/load_balancer_class.ts";
import type { ServiceView } from "../config/service_view.ts";
import { type Decision, shownAddresses, type UnmetReason } from "./service_decision.ts";
import { requestOf } from "./service_request.ts";

/** What the decider keeps of one Service. */
export interface ServiceState {
  readonly key: string;
  view: ServiceView;
  /** The object cannot be read; the view holds only what could be saved of it. */
  isUndecodable: boolean;
  decision: Decision | undefined;
  /** The addresses that the Service showed when it was decided. */
  basis: readonly string[];
  /** Why what it shows may not stay; `undefined` when it may, or when it shows nothing. */
  adoptRefusal: Refusal | undefined;
}

type Refusal = Extract<AllocResult, { ok: false }>;
type Ignored = Extract<Decision, { kind: "ignored" }>;

/** Refusals that end when somebody gives up an address; all others end only with a change of objects. */
const ENDED_BY_RELEASE: ReadonlySet<string> = new Set<UnmetReason>([
  "noAvailableIPs",
  "poolExhausted",
  "addressInUse",
  "sharingConflict",
  "portConflict",
  "secondExhausted",
]);

/**
 * A request for addresses that can never be had costs the old ones, as in MetalLB (reference §13). All other requests
 * that fail leave what the Service has, as long as that may stay but for the request.
 */
const COSTS_THE_OLD: ReadonlySet<string> = new Set<AllocReason>([
  "ipNotAllowed",
  "familyMismatch",
  "poolMismatch",
  "poolIncompatible",
]);

export class Decider {
  readonly allocator = new Allocator();
  readonly #lbClasses: LoadBalancerClasses;
  #config: Config = EMPTY_CONFIG;
  /** Whether there are pools that look at namespace and labels of a Service, and at its class. */
  #hasPinned = false;
  #hasBound = false;

  constructor(options: { lbClasses?: LoadBalancerClasses }) {
    this.#lbClasses = options.lbClasses;
  }

  setConfig(config: Config): void {
    this.#config = config;
    this.#hasPinned = config.pools.some(({ allocation }) => allocation !== undefined);
    this.#hasBound = config.pools.some(({ classes }) => classes !== undefined);
    this.allocator.setPools(config.pools, { disabled: config.disabledPools });
  }

  /** True when the Service keeps an address: the decision is made, but it may still lack its second family. */
  adopt(state: ServiceState): boolean {
    const { view } = state;
    state.adoptRefusal = undefined;
    if (state.isUndecodable || this.#ignored(view) !== undefined) return false;
    const request = requestOf(view);
    if (!request.ok) return false;
    let refusal: Refusal | undefined;
    for (const addresses of this.#present(state)) {
      const result = this.allocator.adopt(request.request, addresses);
      if (result.ok) {
        const mayBeLeft = request.request.pool !== result.pool && sameTexts(addresses, shownAddresses(view));
        const left = mayBeLeft ? this.#leftWithItsPool(view) : undefined;
        this.#decide(state, left ?? { kind: "assigned", pool: result.pool, addresses: result.addresses });
        return true;
      }
      refusal ??= result;
    }
    if (view.ingress.length > 0) state.adoptRefusal = refusal;
    return false;
  }

  /** For a Service that adopted nothing. */
  reserve(state: ServiceState): void {
    const { key, view } = state;
    const isForeign = this.#ignored(view) !== undefined && view.allocatedFromPool === undefined;
    if (isForeign && !state.isUndecodable) return;
    this.allocator.book.hold(key, [...this.allocator.book.heldBy(key), ...shownAddresses(view)], shareOf(view));
  }

  /** `adopted` is what `adopt` said. */
  allocate(state: ServiceState, adopted: boolean): void {
    const { view } = state;
    if (state.isUndecodable) {
      this.#decide(state, { kind: "left", reason: "undecodable", message: "the object cannot be read" });
      return;
    }
    const ignored = this.#ignored(view);
    if (ignored !== undefined) {
      this.#give(state, ignored);
      return;
    }
    const request = requestOf(view);
    if (!request.ok) {
      const { reason, message, keepsAddress } = request.refusal;
      if (keepsAddress) this.#decide(state, { kind: "left", reason, message });
      else this.#give(state, { kind: "pending", reason, message });
      return;
    }
    if (adopted) {
      this.#fillUp(state, request.request);
      return;
    }
    const left = this.#leftWithItsPool(view);
    const from = view.allocatedFromPool;
    if (left !== undefined && isForThePool(state.adoptRefusal, { asksFor: request.request.pool, from })) {
      this.#decide(state, left);
      return;
    }
    const result = this.allocator.assign(request.request);
    if (result.ok) this.#decide(state, { kind: "assigned", pool: result.pool, addresses: result.addresses });
    else if (!this.#keep(state, { request: request.request, refusal: result })) {
      this.#give(state, { kind: "pending", reason: result.reason, message: result.message });
    }
  }

  /**
   * Of a Service that waits for an address, or for its second one: equal for all that any state of the pools would
   * answer alike. `undefined` when a release cannot help it.
   */
  pendingSignature(state: ServiceState): string | undefined {
    const { decision, view } = state;
    if (decision?.kind !== "pending" && decision?.kind !== "assigned") return undefined;
    const reason = decision.kind === "pending" ? decision.reason : decision.unmet?.reason;
    if (reason === undefined || !ENDED_BY_RELEASE.has(reason)) return undefined;
    const request = requestOf(view);
    if (!request.ok) return undefined;
    const share = termsOf(request.request.share);
    if (decision.kind === "assigned" && reason === "secondExhausted") {
      const first = decision.addresses[0]?.includes(":") === true ? 6 : 4;
      return JSON.stringify([`second from ${decision.pool} beside IPv${first}`, share]);
    }
    const { families, oneIsEnough, pool, addresses } = request.request;
    return JSON.stringify([
      families,
      oneIsEnough,
      pool ?? null,
      addresses?.map(({ family, value }) => [family, value.toString()]) ?? null,
      share,
      this.#hasPinned ? [view.namespace, Object.entries(view.labels).sort()] : null,
      this.#hasBound ? view.loadBalancerClass ?? null : null,
    ]);
  }

  /**
   * What the Service has, in the order in which it counts: what was decided and is not written yet counts for more than
   * what is shown, unless somebody changed that since.
   */
  #present({ key, view, basis }: ServiceState): (readonly string[])[] {
    const shown = shownAddresses(view);
    const held = this.allocator.book.heldBy(key);
    return (sameTexts(shown, basis) ? [held, shown] : [shown, held]).filter(({ length }) => length > 0);
  }

  /** What it asks for cannot be had: it keeps what it has where only the request speaks against that. */
  #keep(state: ServiceState, options: { request: AllocRequest; refusal: Refusal }): boolean {
    const { request, refusal: { reason, message } } = options;
    if (request.addresses === undefined && request.pool === undefined) return false;
    if (request.addresses !== undefined && COSTS_THE_OLD.has(reason)) return false;
    const unbound: AllocRequest = { ...request, addresses: undefined, pool: undefined };
    for (const addresses of this.#present(state)) {
      const kept = this.allocator.adopt(unbound, addresses);
      if (!kept.ok) continue;
      state.adoptRefusal = undefined;
      this.#decide(state, { kind: "assigned", pool: kept.pool, addresses: kept.addresses, unmet: { reason, message } });
      return true;
    }
    return false;
  }

  /** A dual-stack Service with one address gets its second as soon as its pool has one. */
  #fillUp(state: ServiceState, request: AllocRequest): void {
    const { decision } = state;
    if (decision?.kind !== "assigned" || decision.addresses.length >= request.families.length) return;
    if (request.addresses !== undefined) return;
    const result = this.allocator.extend(request);
    if (result?.ok === true) {
      this.#decide(state, { kind: "assigned", pool: result.pool, addresses: result.addresses });
    }
  }

  /**
   * The pool's errors may be a slip of the pen: what it gave is not taken away for them. Nor does it pass to a pool that
   * overlaps it, because other advertisements may select that one.
   */
  #leftWithItsPool({ allocatedFromPool: from, ingress }: ServiceView): Decision | undefined {
    if (from === undefined || ingress.length === 0 || !this.#config.disabledPools.has(from)) return undefined;
    const message = `pool "${from}" has errors and is disabled; its addresses are left alone`;
    return { kind: "left", reason: "disabledPool", message };
  }

  /** Decides on no address: what the Service holds is given up. */
  #give(state: ServiceState, decision: Decision): void {
    this.allocator.book.retire(state.key);
    this.#decide(state, decision);
  }

  #decide(state: ServiceState, decision: Decision): void {
    state.decision = this.#withSecond(state, decision);
    state.basis = shownAddresses(state.view);
  }

  /** Says what a Service with one address of two still lacks. */
  #withSecond({ view }: ServiceState, decision: Decision): Decision {
    if (view.ipFamilyPolicy !== "PreferDualStack" || decision.kind !== "assigned") return decision;
    if (decision.unmet !== undefined || decision.addresses.length > 1 || view.clusterIps.length < 2) return decision;
    const request = requestOf(view);
    if (!request.ok || request.request.addresses !== undefined) return decision;
    const { pool, addresses } = decision;
    const missing = addresses[0]!.includes(":") ? 4 : 6;
    const unmet = this.allocator.canExtend(request.request)
      ? { reason: "secondExhausted", message: `no available IPv${missing} address in pool ${pool}` } as const
      : { reason: "secondNotInPool", message: `pool ${pool} has no IPv${missing} addresses` } as const;
    return { ...decision, unmet };
  }

  #ignored({ type, loadBalancerClass }: ServiceView): Ignored | undefined {
    if (type !== "LoadBalancer") {
      return { kind: "ignored", reason: "notLoadBalancer", message: `the Service is of type ${type}` };
    }
    if (classIsOurs(loadBalancerClass, this.#lbClasses)) return undefined;
    const isMeantForUs = loadBalancerClass !== undefined && (classIsMeantForUs(loadBalancerClass) ||
      this.#config.pools.some(({ classes }) => classes?.has(loadBalancerClass) === true));
    const message = notServedText(loadBalancerClass, this.#lbClasses);
    return { kind: "ignored", reason: isMeantForUs ? "classNotServed" : "otherClass", message };
  }
}

/**
 * True when the address may not stay only because of what the pools are like now: in none, or in one that overlaps the
 * pool that gave it and does not serve the Service.
 */
function isForThePool(
  refusal: Refusal | undefined,
  pool: { asksFor: string | undefined; from: string | undefined },
): boolean {
  const { asksFor, from } = pool;
  if (refusal?.reason === "poolMismatch") return asksFor === from;
  return refusal?.reason === "ipNotAllowed" || refusal?.reason === "poolIncompatible";
}

/** Equal exactly for equal terms. */
function termsOf(share: Share | undefined): unknown {
  return share === undefined ? null : [share.pair, [...share.ports].sort()];
}
