/**
 * On what terms a Service shares its addresses, and whether two Services may (reference §5.6, §11.4).
 *
 * Both need the same non-empty sharing key and the same backend key, and no port of the one may be a port of the other.
 * The namespace plays no part. A Service has one set of terms for all its addresses; without a sharing key it has none
 * and shares with nobody.
 */
import { compareText } from "../config/config.ts";
import type { Labels, ServiceView } from "../config/service_view.ts";

export interface Share {
  /** Sharing key and backend key in one text: equal exactly for Services that may meet on one address. */
  readonly pair: string;
  readonly sharingKey: string;
  /** `TCP/80`. */
  readonly ports: ReadonlySet<string>;
}

/** Closed set: why two Services cannot have one address. */
export type ShareConflict = "key" | "port";

/** `undefined` for a Service that shares with nobody: its sharing annotation is absent or empty. */
export function shareOf(service: ServiceView): Share | undefined {
  const { sharingKey, externalTrafficPolicy, selector, ports } = service;
  if (sharingKey === undefined || sharingKey === "") return undefined;
  // With `Local` a node answers for an address only while it has an endpoint: all Services of it need the same ones.
  const backendKey = externalTrafficPolicy === "Local" ? selectorText(selector) : "";
  return {
    pair: JSON.stringify([sharingKey, backendKey]),
    sharingKey,
    ports: new Set(ports.map(({ protocol, port }) => `${protocol}/${port}`)),
  };
}

export function sameShare(a: Share | undefined, b: Share | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a === b || (a.pair === b.pair && a.ports.size === b.ports.size && [...a.ports].every((p) => b.ports.has(p)));
}

/** `undefined` when the two may meet on one address. */
export function conflictOf(a: Share | undefined, b: Share | undefined): ShareConflict | undefined {
  if (a === undefined || b === undefined || a.pair !== b.pair) return "key";
  for (const port of a.ports) if (b.ports.has(port)) return "port";
  return undefined;
}

/** Equal for equal selectors, whatever their order. */
function selectorText(selector: Labels): string {
  return Object.entries(selector).sort(([a], [b]) => compareText(a, b)).map(([k, v]) => `${k}=${v}`).join(",");
}
