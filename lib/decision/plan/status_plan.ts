/**
 * What is to be written so that the `ServiceL2Status` objects of one Service say who announces it (reference §6.7).
 *
 * The node that announces keeps one object; what it announces no more it removes, and what a node left behind that
 * announces no more either is removed by the successor. Unlike in MetalLB the addresses of one Service may be on several
 * nodes (one of them has no link on an interface, another Service shares an address): then each of them keeps its own.
 *
 * Level-based: of what is shown and what is so, not of what happened; where nothing is to be written there are no steps.
 */
import { sameTexts } from "../../base/text_list.ts";
import { compareText } from "../config/config.ts";
import type { L2StatusView } from "../config/l2_status_view.ts";
import { nodeLabel } from "../config/node_label.ts";

/** What this speaker has to say of a Service. */
export interface StatusClaim {
  /** `undecided`: not all of its addresses were decided on yet, so what stands there from before may be right. */
  readonly state: "announced" | "silent" | "undecided";
  /** Where it is announced; of no meaning otherwise. */
  readonly interfaces: "all" | readonly string[];
  /** Other nodes that announce an address of it, as far as is known here. */
  readonly others: ReadonlySet<string>;
  /** No address of it is to be announced by anybody. */
  readonly isOver: boolean;
}

export type StatusStep =
  | { readonly kind: "create" }
  /** Its status is missing or has other interfaces. */
  | { readonly kind: "fill"; readonly name: string }
  /** It belongs to a Pod that this speaker is not any more. */
  | { readonly kind: "own"; readonly name: string }
  | { readonly kind: "remove"; readonly name: string; readonly uid: string; readonly why: RemovalReason };

/** Closed set; shown in the log. */
export type RemovalReason =
  | "withdrawn"
  | "duplicate"
  /** Its immutable fields speak of something else than its labels. */
  | "contradictory"
  /** Another node's, which announces the Service no more: that node had the first chance to remove it. */
  | "leftover";

export interface StatusSituation {
  readonly node: string;
  /** UID of the own Pod; `undefined` outside of one. */
  readonly podUid: string | undefined;
  readonly claim: StatusClaim;
  /** All objects that speak of the Service. */
  readonly shown: readonly L2StatusView[];
}

/** In the order in which they are to be done; the first alone may change what the others are. */
export function statusSteps({ node, podUid, claim, shown }: StatusSituation): StatusStep[] {
  if (claim.state === "undecided") return [];
  const steps: StatusStep[] = [];
  const own = shown.filter((one) => isOf(one, node)).sort(byAge);
  const kept = claim.state === "announced" ? own.find(({ isContradictory }) => !isContradictory) : undefined;
  if (claim.state === "announced") {
    if (kept === undefined) steps.push({ kind: "create" });
    else {
      const { name } = kept;
      if (!showsInterfaces(kept, claim.interfaces)) steps.push({ kind: "fill", name });
      if (podUid !== undefined && !kept.ownerUids.includes(podUid)) steps.push({ kind: "own", name });
    }
  }
  for (const one of own) {
    if (one === kept) continue;
    const why = claim.state === "silent" ? "withdrawn" : one.isContradictory ? "contradictory" : "duplicate";
    steps.push({ kind: "remove", name: one.name, uid: one.uid, why });
  }
  // Who does not announce says nothing of what others do, but for what nobody is to announce.
  if (claim.state === "announced" || claim.isOver) {
    for (const one of shown) {
      if (isOf(one, node) || [...claim.others].some((other) => isOf(one, other))) continue;
      steps.push({ kind: "remove", name: one.name, uid: one.uid, why: "leftover" });
    }
  }
  return steps;
}

function isOf(view: L2StatusView, node: string): boolean {
  return view.node === node || (!view.isFilled && view.node === nodeLabel(node));
}

/** `status.interfaces` names those that the advertisement restricts it to, and none otherwise. */
export function statusInterfaces(interfaces: StatusClaim["interfaces"]): { readonly name: string }[] {
  return interfaces === "all" ? [] : interfaces.map((name) => ({ name }));
}

function showsInterfaces({ isFilled, interfaces }: L2StatusView, wanted: StatusClaim["interfaces"]): boolean {
  return isFilled &&
    sameTexts([...interfaces].sort(compareText), wanted === "all" ? [] : [...wanted].sort(compareText));
}

/** The oldest first: it is what people have seen. */
function byAge(a: L2StatusView, b: L2StatusView): number {
  return compareText(a.creationTimestamp, b.creationTimestamp) || compareText(a.name, b.name);
}
