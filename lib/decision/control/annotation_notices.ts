/**
 * What is to be said about the annotations of a Service: the deprecated prefix is still read, with a Warning in
 * MetalLB's words; where both prefixes are there and disagree, today's wins, with a Warning too. Each once.
 */
import type { ConvergeEffect } from "./converge_io.ts";
import type { ServiceState } from "./decider.ts";
import type { Reported } from "./decision_notices.ts";
import { eventNotice } from "./service_notices.ts";

const NAMES = ["address-pool", "loadBalancerIPs", "allow-shared-ip"] as const;

/** Brings `reported` up to date. */
export function annotationNotices({ view, decision }: ServiceState, reported: Reported): ConvergeEffect[] {
  if (decision?.kind === "ignored") return [];
  const { annotations } = view;
  const notices: ConvergeEffect[] = [];
  const tell = (reason: string, message: string): void => {
    reported.told ??= new Set();
    if (reported.told.has(message)) return;
    reported.told.add(message);
    notices.push(eventNotice(view, { type: "Warning", reason, message }));
  };
  for (const name of NAMES) {
    const [current, old] = [`metallb.io/${name}`, `metallb.universe.tf/${name}`];
    if (!Object.hasOwn(annotations, old)) continue;
    if (Object.hasOwn(annotations, current) && annotations[current] !== annotations[old]) {
      tell("conflictingAnnotations", `${old} is ignored, because ${current} says something else; remove ${old}`);
    } else {
      tell("deprecatedAnnotation", `Service uses deprecated annotation ${old}; use ${current} instead`);
    }
  }
  return notices;
}
