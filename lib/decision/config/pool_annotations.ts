/**
 * What Herald adds to a pool: annotations under `herald.dev/`, which MetalLB ignores (DESIGN §7).
 *
 *     herald.dev/load-balancer-class: metallb.io/internal,metallb.io/edge
 *         The pool serves only Services of these classes. One without it serves Services of every class that is ours
 *         (`--lb-class`), and those without a class.
 *     herald.dev/reuse-after: 10m
 *         An address rests so long after use before another Service gets it.
 *
 * An unreadable class list disables the pool: without it the pool would serve Services that it is not for. An
 * unreadable duration is only a warning: the pool serves without a rest.
 */
import { annotationOf, annotationPath } from "./annotations.ts";
import { parseGoDurationMs } from "./go_duration.ts";
import type { ProblemList } from "./problem.ts";
import type { Labels } from "./service_view.ts";

export const POOL_CLASSES = "herald.dev/load-balancer-class";
export const POOL_REUSE_AFTER = "herald.dev/reuse-after";

export interface PoolAnnotations {
  readonly classes: ReadonlySet<string> | undefined;
  readonly reuseAfterMs: number | undefined;
}

/** A month: longer is a reservation, not a rest, and a restart would forget it anyway. */
const REUSE_AFTER_MAX_MS = 30 * 24 * 3600 * 1000;

/** A label key as `spec.loadBalancerClass` holds it: an optional prefix that is a DNS name, and a name. */
const CLASS = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

export function readPoolAnnotations(annotations: Labels, problems: ProblemList): PoolAnnotations {
  return { classes: readClasses(annotations, problems), reuseAfterMs: readReuseAfter(annotations, problems) };
}

function readClasses(annotations: Labels, problems: ProblemList): ReadonlySet<string> | undefined {
  const text = annotationOf(annotations, POOL_CLASSES);
  if (text === undefined) return undefined;
  const classes = new Set<string>();
  for (const part of text.slice(0, TEXT_MAX).split(",")) {
    const one = part.trim();
    if (CLASS.test(one)) {
      classes.add(one);
      continue;
    }
    const message = `${quoted(one)} is not a load balancer class; write one or several, such as ` +
      `"metallb.io/internal,metallb.io/external"`;
    problems.error({ path: annotationPath(POOL_CLASSES), reason: "invalidValue", message });
  }
  return classes;
}

function readReuseAfter(annotations: Labels, problems: ProblemList): number | undefined {
  const text = annotationOf(annotations, POOL_REUSE_AFTER);
  if (text === undefined) return undefined;
  const durationMs = parseGoDurationMs(text.slice(0, TEXT_MAX));
  const warn = (message: string): undefined => {
    problems.warning({ path: annotationPath(POOL_REUSE_AFTER), reason: "invalidValue", message });
  };
  if (durationMs === undefined) {
    return warn(`${quoted(text)} is not a duration; write for example "90s", "10m" or "1h30m". Addresses do not rest`);
  }
  if (durationMs > REUSE_AFTER_MAX_MS) return warn(`${quoted(text)} is too long; at most "720h" is possible`);
  return durationMs > 0 ? durationMs : undefined;
}

/** Longer than anything sensible; what is longer is wrong and must not fill the message. */
const TEXT_MAX = 4096;

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
