/**
 * On which interfaces each node announces what some advertisements cover: the union over those that select the node; one
 * without a list means all (reference §6.5). Interfaces do not decide who is a candidate.
 */
import { sameInterfaces } from "../../base/wanted.ts";
import { compareText, type L2Advertisement } from "../config/config.ts";
import type { NodeTable } from "./candidates.ts";

type Interfaces = "all" | readonly string[];

export interface InterfacesByNode {
  /** Of the node that was asked for; of all nodes together where none was, or where it is not selected. */
  readonly interfaces: Interfaces;
  /** Of the selected nodes, where they differ from that. */
  readonly byNode: ReadonlyMap<string, Interfaces>;
}

/** `advertisements` holds at least one. */
export function interfacesByNode(
  advertisements: readonly L2Advertisement[],
  { table, node }: { table: NodeTable; node: string | undefined },
): InterfacesByNode {
  const selecting = (name: string) => advertisements.filter((one) => table.scores(one).has(name));
  const ours = node === undefined ? [] : selecting(node);
  const interfaces = unionOfInterfaces((ours.length > 0 ? ours : advertisements).map((one) => one.interfaces));
  const byNode = new Map<string, Interfaces>();
  const [first] = advertisements;
  if (advertisements.every((one) => sameInterfaces(one.interfaces, first!.interfaces))) return { interfaces, byNode };
  for (const { name } of table.nodes) {
    const theirs = selecting(name);
    const union = unionOfInterfaces(theirs.map((one) => one.interfaces));
    if (theirs.length > 0 && !sameInterfaces(union, interfaces)) byNode.set(name, union);
  }
  return { interfaces, byNode };
}

/** All of them together, sorted; nothing of nothing. */
export function unionOfInterfaces(lists: readonly Interfaces[]): Interfaces {
  const union = new Set<string>();
  for (const interfaces of lists) {
    if (interfaces === "all") return "all";
    for (const name of interfaces) union.add(name);
  }
  return [...union].sort(compareText);
}
