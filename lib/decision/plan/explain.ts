/**
 * Answers a person's question: which node announces this address, and why not another, or why none.
 *
 * Not a second decision: it is the packet thread's own rule (`firstLiving`) over the same plan, with liveness as an input.
 */
import { firstLiving } from "../../base/election.ts";
import type { Exclusion } from "./candidates.ts";
import type { L2Plan } from "./l2_plan.ts";
import type { L2Reason } from "./service_l2_plan.ts";

export interface AddressExplanation {
  readonly address: string;
  /** `null` when no candidate lives. */
  readonly announcer: string | null;
  readonly interfaces: "all" | readonly string[];
  /** In order, the dead included. */
  readonly candidates: readonly string[];
  readonly excluded: readonly Exclusion[];
}

export interface Layer2Explanation {
  readonly addresses: readonly AddressExplanation[];
  /** Why the Service is announced nowhere; `undefined` when it has an address that may be announced. */
  readonly reason: L2Reason | undefined;
  readonly message: string;
  readonly excluded: readonly Exclusion[];
}

/** `undefined` when the plan does not know the Service. */
export function explainService(
  key: string,
  options: { plan: L2Plan; isLiving: (node: string) => boolean },
): Layer2Explanation | undefined {
  const service = options.plan.services.get(key);
  if (service === undefined) return undefined;
  const addresses: AddressExplanation[] = [];
  for (const { address } of service.addresses) {
    const explanation = explainAddress(address, options);
    if (explanation !== undefined) addresses.push(explanation);
  }
  return { addresses, reason: service.reason, message: service.message, excluded: service.excluded };
}

/** `address` is canonical text; `undefined` when the plan does not announce it. */
export function explainAddress(
  address: string,
  options: { plan: L2Plan; isLiving: (node: string) => boolean },
): AddressExplanation | undefined {
  const wanted = options.plan.addresses.get(address);
  if (wanted === undefined) return undefined;
  const { candidates, interfaces, services } = wanted;
  return {
    address,
    announcer: firstLiving(candidates, options.isLiving) ?? null,
    interfaces,
    candidates,
    excluded: options.plan.services.get(services[0] ?? "")?.excluded ?? [],
  };
}
