/**
 * Answers a person's question: which node announces this address, and why not another, or why none.
 *
 * Not a second decision: it is the packet thread's own rule (`firstLiving`) over the same plan, with liveness as an input.
 */
import { firstLiving } from "../../base/election.ts";
import { compareText } from "../config/config.ts";
import type { Exclusion, ExclusionReason } from "./candidates.ts";
import type { L2Plan } from "./l2_plan.ts";
import type { L2Reason, ServiceL2Plan } from "./service_l2_plan.ts";

export interface AddressExplanation {
  readonly address: string;
  /** `null` when no candidate lives. */
  readonly announcer: string | null;
  readonly interfaces: "all" | readonly string[];
  /** Those that live, in order: the first announces, the next takes over. */
  readonly candidates: readonly string[];
  /** By node name, those without a living speaker included. */
  readonly excluded: readonly NodeExclusion[];
}

export interface NodeExclusion {
  /** {@linkcode EVERY_NODE} for a reason that no node can change, where no nodes are known. */
  readonly node: string;
  readonly reason: ExclusionReason | L2Reason;
  readonly message: string;
}

export const EVERY_NODE = "*";

export interface Layer2Explanation {
  readonly addresses: readonly AddressExplanation[];
  /** Why the Service is announced nowhere; `undefined` when it has an address that may be announced. */
  readonly reason: L2Reason | undefined;
  readonly message: string;
}

export interface ExplainOptions {
  readonly plan: L2Plan;
  readonly isLiving: (node: string) => boolean;
}

/** `undefined` when the plan does not know the Service. `nodes` are the names of all nodes. */
export function explainService(
  service: { readonly key: string; readonly addresses: readonly string[] },
  options: ExplainOptions & { readonly nodes: readonly string[] },
): Layer2Explanation | undefined {
  const plan = options.plan.services.get(service.key);
  if (plan === undefined) return undefined;
  const { reason, message } = plan;
  const addresses = reason === undefined
    ? plan.addresses.flatMap(({ address }) => explainAddress(address, options) ?? [])
    : service.addresses.map((address) => silentAddress(address, { plan, reason, nodes: options.nodes }));
  return { addresses, reason, message };
}

/** `address` is canonical text; `undefined` when the plan does not announce it. */
export function explainAddress(address: string, options: ExplainOptions): AddressExplanation | undefined {
  const { plan, isLiving } = options;
  const wanted = plan.addresses.get(address);
  if (wanted === undefined) return undefined;
  const { candidates, interfaces, services } = wanted;
  const dead = candidates.filter((node) => !isLiving(node)).map((node): Exclusion => {
    return { node, reason: "noSpeaker", message: "no speaker is alive on the node" };
  });
  const excluded = [...plan.services.get(services[0] ?? "")?.excluded ?? [], ...dead];
  return {
    address,
    announcer: firstLiving(candidates, isLiving) ?? null,
    interfaces,
    candidates: candidates.filter(isLiving),
    excluded: excluded.sort((a, b) => compareText(a.node, b.node)),
  };
}

/** Every node is out, each by its own reason or else by the one that they have in common. */
function silentAddress(
  address: string,
  { plan, reason, nodes }: { plan: ServiceL2Plan; reason: L2Reason; nodes: readonly string[] },
): AddressExplanation {
  const own = new Map<string, NodeExclusion>(plan.excluded.map((exclusion) => [exclusion.node, exclusion]));
  const { message } = plan;
  const names = nodes.length === 0 ? [EVERY_NODE] : [...nodes].sort(compareText);
  const excluded = names.map((node) => own.get(node) ?? { node, reason, message });
  return { address, announcer: null, interfaces: "all", candidates: [], excluded };
}
