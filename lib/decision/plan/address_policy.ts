/**
 * What the annotations of all L2Advertisements of an address say together: of each wish the strictest, and who said it.
 *
 * `never` is stricter than any wait and the longest wait than the shorter ones; `strict` is stricter than `beside`, and
 * that than `off`; addresses to probe are asked for all together.
 */
import { sameTexts } from "../../base/text_list.ts";
import { type AddressPolicy, DEFAULT_ADDRESS_POLICY } from "../../base/wanted.ts";
import { compareText } from "../config/config.ts";
import { LINK_PROBES_MAX } from "../config/l2_annotations.ts";

/** Something with a name that says what is to be done: an advertisement, or a Service with those that match it. */
export interface Wish {
  readonly name: string;
  readonly policy: AddressPolicy;
}

/** By annotation the name of the wish that decides; a default that nobody asked for is nobody's. */
export interface PolicyDeciders {
  readonly failback: string | undefined;
  readonly probe: string | undefined;
  /** Of each address that is to answer. */
  readonly linkProbes: Readonly<Record<string, string>>;
}

export interface DecidedPolicy extends AddressPolicy {
  readonly decidedBy: PolicyDeciders;
}

export const DEFAULT_DECIDED_POLICY: DecidedPolicy = {
  ...DEFAULT_ADDRESS_POLICY,
  decidedBy: { failback: undefined, probe: undefined, linkProbes: {} },
};

const PROBE_STRICTNESS: Readonly<Record<AddressPolicy["probe"], number>> = { off: 0, beside: 1, strict: 2 };

/** The same whatever the order of `wishes`: of two that say the same, the one whose name sorts first decides. */
export function decidePolicy(wishes: readonly Wish[]): DecidedPolicy {
  if (wishes.every(({ policy }) => policy === DEFAULT_ADDRESS_POLICY)) return DEFAULT_DECIDED_POLICY;
  const sorted = [...wishes].sort((a, b) => compareText(a.name, b.name));
  const failback = strictest(sorted, ({ failback }) => failbackStrictness(failback));
  const probe = strictest(sorted, ({ probe }) => PROBE_STRICTNESS[probe]);
  const linkProbes = new Map<string, string>();
  for (const { name, policy } of sorted) {
    for (const address of policy.linkProbes) if (!linkProbes.has(address)) linkProbes.set(address, name);
  }
  // All speakers leave out the same ones.
  const asked = [...linkProbes].sort(([a], [b]) => compareText(a, b)).slice(0, LINK_PROBES_MAX);
  const isDefault = (key: "failback" | "probe", { policy }: Wish) => policy[key] === DEFAULT_ADDRESS_POLICY[key];
  return {
    failback: failback.policy.failback,
    probe: probe.policy.probe,
    linkProbes: asked.map(([address]) => address),
    decidedBy: {
      failback: isDefault("failback", failback) ? undefined : failback.name,
      probe: isDefault("probe", probe) ? undefined : probe.name,
      linkProbes: Object.fromEntries(asked),
    },
  };
}

/** As it goes to the packet thread, which does not ask who decided; `undefined` when it says nothing of its own. */
export function plainPolicy({ failback, probe, linkProbes }: AddressPolicy): AddressPolicy | undefined {
  const isDefault = failback === DEFAULT_ADDRESS_POLICY.failback && probe === DEFAULT_ADDRESS_POLICY.probe &&
    linkProbes.length === 0;
  return isDefault ? undefined : { failback, probe, linkProbes };
}

export function samePolicy(a: AddressPolicy | undefined, b: AddressPolicy | undefined): boolean {
  if (a === undefined || b === undefined || a === b) return a === b;
  return failbackStrictness(a.failback) === failbackStrictness(b.failback) && a.probe === b.probe &&
    sameTexts(a.linkProbes, b.linkProbes);
}

function failbackStrictness(failback: AddressPolicy["failback"]): number {
  if (typeof failback === "object") return failback.afterMs;
  return failback === "never" ? Infinity : 0;
}

/** `wishes` holds at least one. */
function strictest(wishes: readonly Wish[], strictness: (policy: AddressPolicy) => number): Wish {
  return wishes.reduce((best, one) => strictness(one.policy) > strictness(best.policy) ? one : best);
}
