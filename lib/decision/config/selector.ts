/**
 * Label selectors of Kubernetes: `matchLabels` and `matchExpressions`, AND-ed; a list of selectors is OR-ed; an empty
 * selector matches everything and an empty list restricts nothing (reference §1.1, §2.4).
 */
import { formatPath } from "./decode.ts";
import { labelKeyProblem, labelValueProblem } from "./label_text.ts";
import type { ProblemList } from "./problem.ts";
import type { LabelSelectorObject } from "./schema/common.ts";
import type { Labels } from "./service_view.ts";

type Operator = "In" | "NotIn" | "Exists" | "DoesNotExist";

interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: ReadonlySet<string>;
}

export interface Selector {
  readonly requirements: readonly Requirement[];
  /** Canonical: two selectors that say the same in another order have the same text. Empty matches everything. */
  readonly text: string;
}

/** True when every requirement holds. `NotIn` holds for an absent label, as in Kubernetes. */
export function selectorMatches(selector: Selector, labels: Labels): boolean {
  for (const { key, operator, values } of selector.requirements) {
    const present = Object.hasOwn(labels, key);
    const holds = operator === "Exists"
      ? present
      : operator === "DoesNotExist"
      ? !present
      : operator === "In"
      ? present && values.has(labels[key]!)
      : !present || !values.has(labels[key]!);
    if (!holds) return false;
  }
  return true;
}

/** True when one of them matches; the empty list matches nothing here, the caller says what it means. */
export function anySelectorMatches(selectors: readonly Selector[], labels: Labels): boolean {
  for (const selector of selectors) if (selectorMatches(selector, labels)) return true;
  return false;
}

/** Compiles a list at `path`; what is wrong goes to `problems`, a selector said twice included. */
export function compileSelectors(
  objects: readonly LabelSelectorObject[],
  options: { path: readonly PropertyKey[]; problems: ProblemList },
): Selector[] {
  const { problems } = options;
  const selectors: Selector[] = [];
  const seen = new Map<string, number>();
  for (const [index, object] of objects.entries()) {
    const path = [...options.path, index];
    const selector = compileSelector(object, { path, problems });
    if (selector === undefined) continue;
    const first = seen.get(selector.text);
    if (first !== undefined) {
      const message = `it says the same as ${formatPath([...options.path, first])}; remove one of the two`;
      problems.error({ path: formatPath(path), reason: "duplicateEntry", message });
      continue;
    }
    seen.set(selector.text, index);
    selectors.push(selector);
  }
  return selectors;
}

/** `undefined` when it is not valid; why goes to `problems`. */
export function compileSelector(
  object: LabelSelectorObject,
  options: { path: readonly PropertyKey[]; problems: ProblemList },
): Selector | undefined {
  const before = options.problems.errors;
  const requirements: Requirement[] = [];
  const refuse = (path: readonly PropertyKey[], message: string): void =>
    options.problems.error({ path: formatPath([...options.path, ...path]), reason: "invalidSelector", message });

  for (const key of Object.keys(object.matchLabels)) {
    const value = object.matchLabels[key]!;
    const wrong = labelKeyProblem(key) ?? labelValueProblem(value);
    if (wrong !== undefined) refuse(["matchLabels", key], wrong);
    requirements.push({ key, operator: "In", values: new Set([value]) });
  }
  const texts = new Set<string>();
  for (const [index, expression] of object.matchExpressions.entries()) {
    const path = ["matchExpressions", index];
    const wrong = expressionProblem(expression);
    if (wrong !== undefined) {
      refuse([...path, ...wrong.path], wrong.message);
      continue;
    }
    const requirement: Requirement = {
      key: expression.key,
      operator: expression.operator as Operator,
      values: new Set(expression.values),
    };
    const text = requirementText(requirement);
    if (texts.has(text)) refuse(path, "it says the same as an expression before it; remove one of the two");
    texts.add(text);
    requirements.push(requirement);
  }
  if (options.problems.errors > before) return undefined;
  return { requirements, text: requirements.map(requirementText).sort().join(",") };
}

interface Wrong {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function expressionProblem(expression: LabelSelectorObject["matchExpressions"][number]): Wrong | undefined {
  const { key, operator, values } = expression;
  const badKey = labelKeyProblem(key);
  if (badKey !== undefined) return { path: ["key"], message: badKey };
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length === 0) return { path: ["values"], message: `${operator} needs at least one value` };
      break;
    case "Exists":
    case "DoesNotExist":
      if (values.length > 0) return { path: ["values"], message: `${operator} takes no values` };
      break;
    default: {
      const message = `${JSON.stringify(operator.slice(0, 63))} is not one of In, NotIn, Exists, DoesNotExist`;
      return { path: ["operator"], message };
    }
  }
  const seen = new Set<string>();
  for (const [index, value] of values.entries()) {
    const wrong = labelValueProblem(value) ??
      (seen.has(value) ? `${JSON.stringify(value)} is listed twice` : undefined);
    if (wrong !== undefined) return { path: ["values", index], message: wrong };
    seen.add(value);
  }
  return undefined;
}

function requirementText({ key, operator, values }: Requirement): string {
  switch (operator) {
    case "Exists":
      return key;
    case "DoesNotExist":
      return `!${key}`;
    default:
      return `${key} ${operator === "In" ? "in" : "notin"} (${[...values].sort().join(",")})`;
  }
}
