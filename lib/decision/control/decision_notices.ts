/** What a decision about one Service has to tell: each failure and each loss once, however often it is decided. */
import { parseIp } from "../../base/ip.ts";
import type { ConvergeEffect } from "./converge_io.ts";
import type { ServiceState } from "./decider.ts";
import { clearedNotices, eventNotice, failedNotices } from "./service_notices.ts";
import { requestOf } from "./service_request.ts";

/** What was told about a Service last. */
export interface Reported {
  /** The failure; `undefined` after it ended. */
  cause: string | undefined;
  /** The addresses that may not stay; `undefined` after they were written away. */
  loss: string | undefined;
  /** Why a write was rejected; `undefined` after one succeeded. */
  rejection: string | undefined;
  /** Annotations of which something was said. */
  told: Set<string> | undefined;
}

/** Brings `reported` up to date. `isNews`: the Service changes or has changed; without, a restart goes over it again. */
export function decisionNotices(
  state: ServiceState,
  options: { reported: Reported; isNews: boolean },
): ConvergeEffect[] {
  const { view, decision, adoptRefusal } = state;
  const { reported, isNews } = options;
  if (decision === undefined) return [];
  const notices: ConvergeEffect[] = [];
  if (adoptRefusal !== undefined && decision.kind !== "left") {
    const loss = view.ingress.join(",");
    if (reported.loss !== loss) notices.push(...lossNotices(state, adoptRefusal.message));
    reported.loss = loss;
  }
  const why = decision.kind === "assigned" ? decision.unmet : decision;
  if (why === undefined) {
    reported.cause = undefined;
    return notices;
  }
  const cause = `${why.reason} ${why.message}`;
  if (reported.cause === cause || (decision.kind === "assigned" && !isNews)) return notices;
  reported.cause = cause;
  notices.push(...causeNotices(state, why));
  return notices;
}

function causeNotices(state: ServiceState, why: { reason: string; message: string }): ConvergeEffect[] {
  const { view, decision } = state;
  const { reason, message } = why;
  switch (decision!.kind) {
    case "ignored":
      return reason === "classNotServed"
        ? [eventNotice(view, { type: "Warning", reason: "LoadBalancerClassNotServed", message })]
        : [];
    case "assigned":
      if (reason === "secondNotInPool") return [];
      return reason === "secondExhausted"
        ? [eventNotice(view, {
          type: "Normal",
          reason: "AdditionalAssignFailed",
          message: `Cannot give "${view.key}" a second address for PreferDualStack: ${message}`,
        })]
        : failedNotices(view, { reason, message: `${message}; it keeps what it has meanwhile` });
    case "pending":
    case "left":
      break;
  }
  const request = state.isUndecodable ? undefined : requestOf(view);
  if (request?.ok === false) {
    const { eventReason } = request.refusal;
    return eventReason === undefined ? [] : failedNotices(view, { reason, message, eventReason });
  }
  if (decision!.kind === "pending") return failedNotices(view, { reason, message });
  return [{ kind: "log", event: { level: "warn", event: "serviceLeftAlone", service: view.key, reason, message } }];
}

function lossNotices(state: ServiceState, why: string): ConvergeEffect[] {
  const { view } = state;
  const families = view.ingress.slice(0, 3).map((text) => parseIp(text)?.family);
  const areKnown = !families.includes(undefined) && new Set(families).size === families.length;
  if (areKnown) return clearedNotices(view, why);
  const message = `The addresses that "${view.key}" shows make no IPv4, IPv6 or dual-stack Service: ${why}`;
  return [eventNotice(view, { type: "Warning", reason: "nolbIPsIPFamily", message })];
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
