/**
 * From the problems of one component to the status of its ConfigurationState (reference §4.5, §9.3).
 *
 * `result`, `errorSummary` and the condition of MetalLB say what MetalLB's tools look for: its own words of the first
 * error, in the order in which MetalLB checks. Beside it there is one condition per reason of ours, of type
 * `herald.dev/<Reason>`, that is there and `True` while such a problem is there; the reason of the condition is `Error`
 * or `Warning`, so that nothing which counts MetalLB's conditions mistakes it. Everything is bounded, whatever users
 * write. Unlike MetalLB, `lastTransitionTime` stays while the status does (R-37).
 */
import { compareText } from "./config.ts";
import type { Problem, ProblemReason } from "./problem.ts";

/** The condition of the controller, and that of a speaker. */
export type ConfigurationConditionType = "poolReconcilerValid" | "configReconcilerValid";

export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  /** RFC 3339. */
  readonly lastTransitionTime: string;
}

export interface ConfigurationStateStatus {
  readonly result: "Valid" | "Invalid" | "Unknown";
  readonly errorSummary: string;
  readonly conditions: readonly Condition[];
}

export interface ConfigurationStateInput {
  readonly conditionType: ConfigurationConditionType;
  /** `undefined` before the first look at the configuration, or when it could not be listed. */
  readonly problems: readonly Problem[] | undefined;
  /** As they stand in the object now; what is not of the right shape there may be left out. */
  readonly previous: readonly Condition[];
  /** RFC 3339. */
  readonly now: string;
}

const PREFIX = "configuration error: ";
const OWN_TYPE = "herald.dev/";
/** What one text may take: `kubectl get` prints the summary, and an object has to stay small. */
const TEXT_MAX = 1024;
const OWN_CONDITIONS_MAX = 16;
const OBJECTS_NAMED_MAX = 5;

/** The order in which MetalLB checks (reference §2.2): of several errors it would have told the first. */
const KIND_ORDER: readonly string[] = [
  "BFDProfile",
  "BGPPeer",
  "Community",
  "IPAddressPool",
  "L2Advertisement",
  "BGPAdvertisement",
];

export function configurationStateStatus(input: ConfigurationStateInput): ConfigurationStateStatus {
  const { problems, conditionType } = input;
  if (problems === undefined) {
    const message = "the configuration could not be read yet";
    const condition = dated({ type: conditionType, status: "Unknown", reason: "NotRead", message }, input);
    return { result: "Unknown", errorSummary: "", conditions: [condition] };
  }
  const first = firstError(problems);
  const summary = first === undefined ? "" : cut(PREFIX + (first.metallbText ?? textOf(first)));
  const main = first === undefined
    ? { type: conditionType, status: "True", reason: "Reconciled", message: "" } as const
    : { type: conditionType, status: "False", reason: "ConfigurationError", message: summary } as const;
  return {
    result: first === undefined ? "Valid" : "Invalid",
    errorSummary: summary,
    conditions: [dated(main, input), ...ownConditions(problems).map((condition) => dated(condition, input))],
  };
}

type Undated = Omit<Condition, "lastTransitionTime">;

function dated(condition: Undated, { previous, now }: ConfigurationStateInput): Condition {
  const before = previous.find(({ type }) => type === condition.type);
  const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : now;
  return { ...condition, lastTransitionTime };
}

function firstError(problems: readonly Problem[]): Problem | undefined {
  let first: Problem | undefined;
  for (const problem of problems) {
    if (problem.severity !== "error") continue;
    if (first === undefined || orderOf(problem.kind) < orderOf(first.kind)) first = problem;
  }
  return first;
}

function orderOf(kind: string): number {
  const index = KIND_ORDER.indexOf(kind);
  return index < 0 ? KIND_ORDER.length : index;
}

/** Errors before warnings, then by type, the same for the same problems. */
function ownConditions(problems: readonly Problem[]): Undated[] {
  const byReason = new Map<ProblemReason, Problem[]>();
  for (const problem of problems) {
    const list = byReason.get(problem.reason);
    if (list === undefined) byReason.set(problem.reason, [problem]);
    else list.push(problem);
  }
  const conditions = [...byReason].map(([reason, list]): Undated => {
    const isError = list.some(({ severity }) => severity === "error");
    return {
      type: OWN_TYPE + reason.charAt(0).toUpperCase() + reason.slice(1),
      status: "True",
      reason: isError ? "Error" : "Warning",
      message: messageOf(list),
    };
  });
  conditions.sort((a, b) => compareText(a.reason, b.reason) || compareText(a.type, b.type));
  return conditions.slice(0, OWN_CONDITIONS_MAX);
}

function messageOf(problems: readonly Problem[]): string {
  const errorsFirst = [...problems].sort((a, b) => compareText(a.severity, b.severity));
  const more = problems.length - OBJECTS_NAMED_MAX;
  const texts = errorsFirst.slice(0, OBJECTS_NAMED_MAX).map(textOf);
  return cut((more > 0 ? [`${problems.length} problems`, ...texts] : texts).join("\n"));
}

/** `IPAddressPool metallb-system/p spec.addresses[1]: …` */
function textOf({ kind, namespace, name, path, message }: Problem): string {
  return `${kind} ${namespace === "" ? "" : `${namespace}/`}${name}${path === "" ? "" : ` ${path}`}: ${message}`;
}

function cut(text: string): string {
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX - 1)}…`;
}
