/** What the converge loop keeps of one Service, and the questions it asks of that. */
import type { KubeObject } from "../../base/kube.ts";
import type { ServiceView } from "../config/service_view.ts";
import type { ServiceState } from "./decider.ts";
import type { Reported } from "./decision_notices.ts";
import type { RepeatedWrites } from "./repeated_writes.ts";
import { compareAge, type Waiting } from "./pending_queue.ts";
import type { ServiceCause } from "./service_cause.ts";
import type { WantedStatus } from "./service_decision.ts";

/** Writes of one Service that may go out before the watch brings the first of them back. */
const OWN_VERSIONS_MAX = 16;

export interface ServiceEntry extends ServiceState {
  /** It was deleted while a write was in flight: its addresses wait for the answer. */
  isGone: boolean;
  inFlight: { readonly version: string; readonly wanted: WantedStatus; readonly before: readonly string[] } | undefined;
  /** Versions that our own writes made and the watch has not brought yet, oldest first. */
  ownVersions: string[];
  /** Version on which a write was sent of which nobody knows whether it happened. */
  doubt: string | undefined;
  repeated: RepeatedWrites | undefined;
  /** Something changed while a write was in flight. */
  redecide: boolean;
  /** What was told last. */
  cause: ServiceCause | undefined;
  readonly reported: Reported;
}

export function newEntry(key: string, view: ServiceView): ServiceEntry {
  return {
    key,
    view,
    isUndecodable: false,
    decision: undefined,
    basis: [],
    adoptRefusal: undefined,
    isGone: false,
    inFlight: undefined,
    ownVersions: [],
    doubt: undefined,
    repeated: undefined,
    redecide: false,
    cause: undefined,
    reported: { cause: undefined, loss: undefined, rejection: undefined, told: undefined },
  };
}

/** True when nothing may be decided now: the answer to a write is out, or the watch is far behind. */
export function isBusy({ inFlight, ownVersions }: ServiceEntry): boolean {
  return inFlight !== undefined || ownVersions.length >= OWN_VERSIONS_MAX;
}

/**
 * True for what the watch brings of the time between two writes of our own: we know better already. Versions are
 * compared for equality only. A version that we did not make is newer than all that we made, because each write has
 * the version before it as its precondition.
 */
export function isOvertaken({ ownVersions }: ServiceEntry, object: KubeObject): boolean {
  const at = ownVersions.indexOf(object.metadata?.resourceVersion ?? "");
  const isLast = at === ownVersions.length - 1;
  ownVersions.splice(0, at < 0 ? ownVersions.length : at + 1);
  return at >= 0 && !isLast;
}

export function isAnother(a: ServiceView, b: ServiceView): boolean {
  return a.uid !== "" && b.uid !== "" && a.uid !== b.uid;
}

/**
 * The order in which Services that show an address are heard: those that carry our annotation first, because theirs was
 * given and not written there by hand; then by age.
 */
export function compareClaim(a: ServiceState, b: ServiceState): number {
  const unmarked = ({ view }: ServiceState): number => Number(view.allocatedFromPool === undefined);
  return unmarked(a) - unmarked(b) || compareAge(ageOf(a), ageOf(b));
}

export function ageOf({ key, view }: ServiceState): Waiting {
  return { key, creationTimestamp: view.creationTimestamp };
}
