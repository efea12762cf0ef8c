/**
 * The CEL rules of our CustomResourceDefinitions as functions, found by the exact text of the rule (DESIGN §3).
 *
 * There is no CEL interpreter here: five rules are not worth one. A definition with a rule that is not in the table is
 * refused when the server is made, so that none is silently left unchecked (reference §1.4, §1.5, §1.8, §1.9).
 */
import { parseGoDuration } from "../../decision/config/go_duration.ts";
import { equalJson, isMap, type JsonMap, type JsonValue } from "./json_map.ts";

export type CelOutcome =
  | { readonly holds: boolean }
  /** The rule could not be evaluated; the words are those of CEL. */
  | { readonly error: string };

export interface CelRule {
  /** Speaks of `oldSelf`: evaluated only where there is a value to compare with. */
  readonly isTransition: boolean;
  evaluate(self: JsonValue, oldSelf: JsonValue): CelOutcome;
}

const NANOSECONDS_PER_SECOND = 1_000_000_000n;
const NANOSECONDS_PER_MILLISECOND = 1_000_000n;
const CONNECT_SECONDS_MIN = 1n;
const CONNECT_SECONDS_MAX = 65535n;

/** `undefined` when no function knows the text. */
export function findCelRule(text: string): CelRule | undefined {
  return RULES.get(text.trim());
}

function isUnchanged(self: JsonValue, oldSelf: JsonValue): CelOutcome {
  return { holds: equalJson(self, oldSelf) };
}

/** An aggregate covers Services that the selectors leave out. Both lengths count as default where they are absent. */
function selectsOnlySingleAddresses(self: JsonValue): CelOutcome {
  const spec: JsonMap = isMap(self) ? self : {};
  const selectors = spec.serviceSelectors;
  if (!Array.isArray(selectors) || selectors.length === 0) return { holds: true };
  const isDefault = (length: JsonValue | undefined, whole: number) => length === undefined || length === whole;
  return { holds: isDefault(spec.aggregationLength, 32) && isDefault(spec.aggregationLengthV6, 128) };
}

function isConnectTimeInRange(self: JsonValue): CelOutcome {
  return withDuration(self, (nanoseconds) => {
    const seconds = nanoseconds / NANOSECONDS_PER_SECOND;
    return seconds >= CONNECT_SECONDS_MIN && seconds <= CONNECT_SECONDS_MAX;
  });
}

/** Looks at milliseconds only, as the rule does: `1s1ns` passes (reference §13). */
function isInWholeSeconds(self: JsonValue): CelOutcome {
  return withDuration(self, (nanoseconds) => nanoseconds / NANOSECONDS_PER_MILLISECOND % 1000n === 0n);
}

function withDuration(self: JsonValue, judge: (nanoseconds: bigint) => boolean): CelOutcome {
  const nanoseconds = typeof self === "string" ? parseGoDuration(self) : undefined;
  return nanoseconds === undefined
    ? { error: "type conversion error from 'string' to 'google.protobuf.Duration'" }
    : { holds: judge(nanoseconds) };
}

const RULES: ReadonlyMap<string, CelRule> = new Map([
  ["self == oldSelf", { isTransition: true, evaluate: isUnchanged }],
  [
    "!has(self.serviceSelectors) || self.serviceSelectors.size() == 0 || ((!has(self.aggregationLength) || " +
    "self.aggregationLength == 32) && (!has(self.aggregationLengthV6) || self.aggregationLengthV6 == 128))",
    { isTransition: false, evaluate: selectsOnlySingleAddresses },
  ],
  [
    "duration(self).getSeconds() >= 1 && duration(self).getSeconds() <= 65535",
    { isTransition: false, evaluate: isConnectTimeInRange },
  ],
  ["duration(self).getMilliseconds() % 1000 == 0", { isTransition: false, evaluate: isInWholeSeconds }],
]);
