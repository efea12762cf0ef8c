/** What a decision about one Service has to tell: each failure and each loss once, however often it is decided. */
import type { ConvergeEffect } from "./converge_io.ts";
import type { ServiceState } from "./decider.ts";
import { clearedNotices, failedNotices } from "./service_notices.ts";
import { requestOf } from "./service_request.ts";

/** What was told about a Service last. */
export interface Reported {
  /** The failure; `undefined` after it ended. */
  cause: string | undefined;
  /** The addresses that may not stay; `undefined` after they were written away. */
  loss: string | undefined;
  /** Why a write was rejected; `undefined` after one succeeded. */
  rejection: string | undefined;
}

/** Brings `reported` up to date. */
export function decisionNotices(state: ServiceState, reported: Reported): ConvergeEffect[] {
  const { view, decision, adoptRefusal } = state;
  if (decision === undefined) return [];
  const notices: ConvergeEffect[] = [];
  if (adoptRefusal !== undefined && decision.kind !== "left") {
    const loss = view.ingress.join(",");
    if (reported.loss !== loss) notices.push(...clearedNotices(view, adoptRefusal.message));
    reported.loss = loss;
  }
  if (decision.kind !== "pending" && decision.kind !== "left") {
    reported.cause = undefined;
    return notices;
  }
  const { reason, message } = decision;
  const cause = `${reason} ${message}`;
  if (reported.cause === cause) return notices;
  reported.cause = cause;
  const request = state.isUndecodable ? undefined : requestOf(view);
  if (request?.ok === false) {
    const { eventReason } = request.refusal;
    if (eventReason !== undefined) notices.push(...failedNotices(view, { reason, message, eventReason }));
  } else if (decision.kind === "pending") {
    notices.push(...failedNotices(view, { reason, message }));
  } else {
    const service = view.key;
    notices.push({ kind: "log", event: { level: "warn", event: "serviceLeftAlone", service, reason, message } });
  }
  return notices;
}

/** A write that the server understood and refused. */
export function rejectedNotices(
  state: ServiceState,
  options: { message: string; reported: Reported },
): ConvergeEffect[] {
  const { message, reported } = options;
  if (reported.rejection === message) return [];
  reported.rejection = message;
  return failedNotices(state.view, { reason: "rejected", message });
}
