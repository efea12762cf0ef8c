/**
 * Decides what each Service should show, in three steps that a pass over all Services takes one after the other:
 *
 * 1. `adopt`: who shows an address that it may have keeps it;
 * 2. `reserve`: what the others show is kept from everybody else until the API no longer shows it;
 * 3. `allocate`: only then anything new is given.
 *
 * It holds the allocator and knows nothing of writes and time.
 */
import { Allocator } from "../alloc/allocator.ts";
import type { AllocReason, AllocRequest, AllocResult } from "../alloc/alloc_request.ts";
import { type Config, EMPTY_CONFIG } from "../config/config.ts";
import { classIsOurs, type LoadBalancerClasses } from "../config/load_balancer_class.ts";
import type { ServiceView } from "../config/service_view.ts";
import { type Decision, sameList, shownAddresses } from "./service_decision.ts";
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
const ENDED_BY_RELEASE: ReadonlySet<string> = new Set<AllocReason>(["noAvailableIPs", "poolExhausted", "addressInUse"]);

export class Decider {
  readonly allocator = new Allocator();
  readonly #lbClasses: LoadBalancerClasses;
  #config: Config = EMPTY_CONFIG;

  constructor(options: { lbClasses?: LoadBalancerClasses }) {
    this.#lbClasses = options.lbClasses;
  }

  setConfig(config: Config): void {
    this.#config = config;
    this.allocator.setPools(config.pools, { disabled: config.disabledPools });
  }

  /** True when the Service keeps an address: the decision is made, but it may still lack its second family. */
  adopt(state: ServiceState): boolean {
    const { key, view } = state;
    state.adoptRefusal = undefined;
    if (state.isUndecodable || this.#ignored(view) !== undefined) return false;
    const request = requestOf(view);
    if (!request.ok) return false;
    const shown = shownAddresses(view);
    const held = this.allocator.heldBy(key);
    // What was decided and is not written yet counts for more than what is shown, unless somebody changed that since.
    const tries = sameList(shown, state.basis) ? [held, shown] : [shown, held];
    let refusal: Refusal | undefined;
    for (const addresses of tries) {
      if (addresses.length === 0) continue;
      const result = this.allocator.adopt(key, addresses, request.request);
      if (result.ok) {
        this.#decide(state, { kind: "assigned", pool: result.pool, addresses: result.addresses });
        return true;
      }
      refusal ??= result;
    }
    if (shown.length > 0) state.adoptRefusal = refusal;
    return false;
  }

  /** For a Service that adopted nothing. */
  reserve(state: ServiceState): void {
    const { key, view } = state;
    const isForeign = this.#ignored(view) !== undefined && view.allocatedFromPool === undefined;
    if (isForeign && !state.isUndecodable) return;
    this.allocator.hold(key, [...this.allocator.heldBy(key), ...shownAddresses(view)]);
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
    // The pool's errors may be a slip of the pen: what it gave is not taken away for them.
    const from = view.allocatedFromPool;
    const isInDisabledPool = from !== undefined && this.#config.disabledPools.has(from);
    if (isInDisabledPool && state.adoptRefusal?.reason === "ipNotAllowed") {
      const message = `pool "${from}" has errors and is disabled; its addresses are left alone`;
      this.#decide(state, { kind: "left", reason: "disabledPool", message });
      return;
    }
    const result = this.allocator.assign(request.request);
    if (result.ok) this.#decide(state, { kind: "assigned", pool: result.pool, addresses: result.addresses });
    else this.#give(state, { kind: "pending", reason: result.reason, message: result.message });
  }

  /**
   * Of a Service that waits for an address, or for its second one: equal for all that any state of the pools would
   * answer alike. `undefined` when a release cannot help it.
   */
  pendingSignature(state: ServiceState): string | undefined {
    const { decision, view } = state;
    if (decision?.kind === "assigned") {
      const first = decision.addresses[0]?.includes(":") === true ? 6 : 4;
      return this.#lacksSecond(state) ? `second from ${decision.pool} beside IPv${first}` : undefined;
    }
    if (decision?.kind !== "pending" || !ENDED_BY_RELEASE.has(decision.reason)) return undefined;
    const request = requestOf(view);
    if (!request.ok) return undefined;
    const { families, oneIsEnough, pool, addresses } = request.request;
    const isPinned = this.#config.pools.some(({ allocation }) => allocation !== undefined);
    return JSON.stringify([
      families,
      oneIsEnough,
      pool ?? null,
      addresses?.map(({ family, value }) => [family, value.toString()]) ?? null,
      isPinned ? [view.namespace, Object.entries(view.labels).sort()] : null,
    ]);
  }

  #lacksSecond({ decision, view }: ServiceState): boolean {
    if (decision?.kind !== "assigned" || decision.addresses.length > 1) return false;
    if (view.ipFamilyPolicy !== "PreferDualStack" || view.clusterIps.length < 2) return false;
    return view.requestedAddresses === undefined && view.loadBalancerIp === undefined;
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

  /** Decides on no address: what the Service holds is given up. */
  #give(state: ServiceState, decision: Decision): void {
    this.allocator.retire(state.key);
    this.#decide(state, decision);
  }

  #decide(state: ServiceState, decision: Decision): void {
    state.decision = decision;
    state.basis = shownAddresses(state.view);
  }

  #ignored({ type, loadBalancerClass }: ServiceView): Ignored | undefined {
    if (type !== "LoadBalancer") {
      return { kind: "ignored", reason: "notLoadBalancer", message: `the Service is of type ${type}` };
    }
    if (classIsOurs(loadBalancerClass, this.#lbClasses)) return undefined;
    const message = `loadBalancerClass ${JSON.stringify(loadBalancerClass ?? "")} is not served here`;
    return { kind: "ignored", reason: "otherClass", message };
  }
}
