/**
 * Which nodes selectors mean, and whether two sets of them meet. Without nodes (files, no cluster) only what is
 * certain counts: sets meet when one is unrestricted or both say the same.
 */
import type { NodeView } from "./node_view.ts";
import type { ProblemList } from "./problem.ts";
import { anySelectorMatches, type Selector } from "./selector.ts";

export class NodeSets {
  readonly #nodes: readonly NodeView[] | undefined;
  /** By canonical text of the selectors: many objects carry the same ones. */
  readonly #cache = new Map<string, ReadonlySet<string>>();

  /** `undefined` when the nodes are not known. */
  constructor(nodes: readonly NodeView[] | undefined) {
    this.#nodes = nodes;
  }

  /** True when some node is certainly in both; an empty list of selectors means every node. */
  meet(a: readonly Selector[], b: readonly Selector[]): boolean {
    if (this.#nodes === undefined || this.#nodes.length === 0) {
      return a.length === 0 || b.length === 0 || textOf(a) === textOf(b);
    }
    if (a.length === 0) return b.length === 0 || this.#namesOf(b).size > 0;
    if (b.length === 0) return this.#namesOf(a).size > 0;
    const names = this.#namesOf(a);
    const others = this.#namesOf(b);
    if (names === others) return names.size > 0;
    for (const name of names) if (others.has(name)) return true;
    return false;
  }

  /** Warns about `spec.nodeSelectors` that match no node; `consequence` says what follows. */
  warnOfNone(selectors: readonly Selector[], options: { problems: ProblemList; consequence: string }): void {
    if (this.#nodes === undefined || selectors.length === 0 || this.#namesOf(selectors).size > 0) return;
    const message = `no node has these labels at present, so ${options.consequence}`;
    options.problems.warning({ path: "spec.nodeSelectors", reason: "matchesNothing", message });
  }

  #namesOf(selectors: readonly Selector[]): ReadonlySet<string> {
    const text = textOf(selectors);
    const known = this.#cache.get(text);
    if (known !== undefined) return known;
    const matching = (this.#nodes ?? []).filter(({ labels }) => anySelectorMatches(selectors, labels));
    const names = new Set(matching.map(({ name }) => name));
    this.#cache.set(text, names);
    return names;
  }
}

function textOf(selectors: readonly Selector[]): string {
  return selectors.map(({ text }) => text).sort().join("\n");
}
