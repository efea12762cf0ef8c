/**
 * Which pools an advertisement is about, of either protocol (reference §1.3, §2.5): names and labels select together,
 * and neither given means every pool.
 *
 * A disabled pool is selected too: what it gave before it was broken goes on being announced. A name that nobody has is
 * warned about, and the rest is served: MetalLB keeps silent there.
 */
import type { DisabledPools, Pool } from "./config.ts";
import { formatPath } from "./decode.ts";
import { distinctTexts, quoteName } from "./distinct_texts.ts";
import { NameHints } from "./name_hints.ts";
import type { ProblemList } from "./problem.ts";
import type { LabelSelectorObject } from "./schema/common.ts";
import { anySelectorMatches, compileSelectors } from "./selector.ts";
import type { Labels } from "./service_view.ts";

export interface PoolSelectionSpec {
  readonly ipAddressPools: readonly string[];
  readonly ipAddressPoolSelectors: readonly LabelSelectorObject[];
}

const NAMES_PATH = ["spec", "ipAddressPools"];
const SELECTORS_PATH = ["spec", "ipAddressPoolSelectors"];

export class PoolSelection {
  /** Of every pool, one that has errors included. */
  readonly #labels: ReadonlyMap<string, Labels>;
  readonly #disabled: DisabledPools;
  /** One set for all advertisements that select everything. */
  readonly #all: ReadonlySet<string>;
  readonly #hints: NameHints;

  constructor(pools: readonly Pool[], disabledPools: DisabledPools) {
    this.#labels = new Map([...disabledPools, ...pools.map(({ name, labels }) => [name, labels] as const)]);
    this.#disabled = disabledPools;
    this.#all = new Set(this.#labels.keys());
    this.#hints = new NameHints(this.#all);
  }

  select(spec: PoolSelectionSpec, problems: ProblemList): ReadonlySet<string> {
    const selectors = compileSelectors(spec.ipAddressPoolSelectors, { path: SELECTORS_PATH, problems });
    if (spec.ipAddressPools.length === 0 && spec.ipAddressPoolSelectors.length === 0) return this.#all;
    const selected = new Set<string>();
    const named = distinctTexts(spec.ipAddressPools, { path: NAMES_PATH, problems, severity: "error" });
    for (const [name, index] of named) {
      if (this.#labels.has(name)) selected.add(name);
      if (!this.#labels.has(name) || this.#disabled.has(name)) this.#warnMissing(name, { index, problems });
    }
    if (selectors.length > 0) this.#selectByLabel(selected, { selectors, problems });
    return selected;
  }

  #selectByLabel(
    selected: Set<string>,
    options: { selectors: ReturnType<typeof compileSelectors>; problems: ProblemList },
  ): void {
    let matched = false;
    for (const [name, labels] of this.#labels) {
      if (!anySelectorMatches(options.selectors, labels)) continue;
      selected.add(name);
      matched = true;
    }
    if (matched) return;
    const message = "no IPAddressPool has these labels at present";
    options.problems.warning({ path: formatPath(SELECTORS_PATH), reason: "matchesNothing", message });
  }

  #warnMissing(name: string, { index, problems }: { index: number; problems: ProblemList }): void {
    const path = formatPath([...NAMES_PATH, index]);
    const quoted = quoteName(name);
    if (this.#disabled.has(name)) {
      const message = `pool ${quoted} has errors: it gives nothing new until they are corrected`;
      problems.warning({ path, reason: "disabledPool", message });
      return;
    }
    const message = `there is no IPAddressPool named ${quoted}${this.#hints.hint(name)}`;
    problems.warning({ path, reason: "unknownPool", message });
  }
}
