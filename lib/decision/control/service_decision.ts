/**
 * What one Service should show, as the converge loop decided it, and how that is written.
 */
import { canonicalIp } from "../../base/ip.ts";
import type { JsonObject } from "../../base/json.ts";
import { sameTexts } from "../../base/text_list.ts";
import type { AllocReason } from "../alloc/alloc_request.ts";
import { ALLOCATED_FROM_POOL, type ServiceView } from "../config/service_view.ts";
import type { RequestReason } from "./service_request.ts";

/** Closed set: also what `explain` prints. */
export type DecisionReason =
  | AllocReason
  | RequestReason
  | "notLoadBalancer"
  /** Its `loadBalancerClass` is not one of ours; another load balancer may serve it. */
  | "otherClass"
  /** The same, but nobody else will: by its prefix or by a pool that is bound to it the class is meant for us. */
  | "classNotServed"
  /** The object cannot be read: nothing about it is changed. */
  | "undecodable";

/** Closed set: what a Service that has an address still lacks. */
export type UnmetReason =
  | AllocReason
  /** It prefers dual stack, and its pool has no free address of the other family. */
  | "secondExhausted"
  /** It prefers dual stack, and its pool has no addresses of the other family at all. */
  | "secondNotInPool";

export type IgnoredReason = Extract<DecisionReason, "notLoadBalancer" | "otherClass" | "classNotServed">;

export type Decision =
  | {
    readonly kind: "assigned";
    readonly pool: string;
    readonly addresses: readonly string[];
    /** What it asks for and cannot have at present; what it has stays meanwhile. */
    readonly unmet?: { readonly reason: UnmetReason; readonly message: string };
  }
  /** It should have an address and gets none. */
  | { readonly kind: "pending"; readonly reason: DecisionReason; readonly message: string }
  /** What it shows stays as it is, right or wrong. */
  | { readonly kind: "left"; readonly reason: DecisionReason; readonly message: string }
  /** It is not ours, or not ours any more. */
  | { readonly kind: "ignored"; readonly reason: IgnoredReason; readonly message: string };

/** What a write makes of the Service. */
export interface WantedStatus {
  /** Canonical texts; empty clears. `undefined` leaves the addresses alone. */
  readonly ingress: readonly string[] | undefined;
  /** `undefined` removes the annotation. */
  readonly pool: string | undefined;
}

/** `undefined` when the Service shows already what was decided: then nothing is written. `ipMode` is not compared. */
export function wantedStatus(
  service: ServiceView,
  options: { decision: Decision; isOurs: (addresses: readonly string[]) => boolean },
): WantedStatus | undefined {
  const { decision } = options;
  switch (decision.kind) {
    case "assigned": {
      const { addresses, pool } = decision;
      const same = !service.hasNamedIngress && sameTexts(shownAddresses(service), addresses);
      return same && service.allocatedFromPool === pool ? undefined : { ingress: addresses, pool };
    }
    case "pending": {
      const clear = service.ingress.length === 0 && !service.hasNamedIngress && service.allocatedFromPool === undefined;
      return clear ? undefined : { ingress: [], pool: undefined };
    }
    case "ignored": {
      // Without our annotation nothing of it is ours. Another class may have its own addresses there by now.
      if (service.allocatedFromPool === undefined) return undefined;
      const ours = decision.reason === "notLoadBalancer" ||
        (!service.hasNamedIngress && options.isOurs(service.ingress));
      return { ingress: ours ? [] : undefined, pool: undefined };
    }
    case "left":
      return undefined;
  }
}

/** The addresses that the status shows, canonical where they are addresses at all. */
export function shownAddresses(service: ServiceView): string[] {
  return service.ingress.map((text) => canonicalIp(text) ?? text);
}

/**
 * One merge patch of `/status` with everything in it. The resource version is a precondition: the API server answers
 * 409 when the object is not the one that the decision was made on.
 */
export function statusPatch(service: ServiceView, wanted: WantedStatus): JsonObject {
  const version: JsonObject = service.resourceVersion === "" ? {} : { resourceVersion: service.resourceVersion };
  const metadata = { ...version, annotations: { [ALLOCATED_FROM_POOL]: wanted.pool ?? null } };
  if (wanted.ingress === undefined) return { metadata };
  const loadBalancer = wanted.ingress.length === 0 ? null : { ingress: wanted.ingress.map((ip) => ({ ip })) };
  return { metadata, status: { loadBalancer } };
}

/** The Service as it is once `wanted` is written. */
export function afterWrite(
  service: ServiceView,
  options: { wanted: WantedStatus; resourceVersion: string | undefined },
): ServiceView {
  const { wanted, resourceVersion } = options;
  return {
    ...service,
    resourceVersion: resourceVersion ?? service.resourceVersion,
    allocatedFromPool: wanted.pool,
    ...(wanted.ingress === undefined ? {} : { ingress: wanted.ingress, hasNamedIngress: false }),
  };
}
