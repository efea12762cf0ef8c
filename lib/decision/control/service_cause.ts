/** What a Service lacks, as a person is told on the Service itself. */
import type { Decision, DecisionReason, UnmetReason } from "./service_decision.ts";

export interface ServiceCause {
  /** `True` when it has an address and asked for more. */
  readonly status: "True" | "False";
  readonly reason: DecisionReason | UnmetReason | "notAnnounced";
  readonly message: string;
}

/** `undefined` when the Service has what it asks for, or asks for nothing. */
export function causeOf(decision: Decision): ServiceCause | undefined {
  switch (decision.kind) {
    case "assigned": {
      const { unmet } = decision;
      // One address is what it asks for, where its pool has no others.
      return unmet === undefined || unmet.reason === "secondNotInPool" ? undefined : { status: "True", ...unmet };
    }
    case "pending":
    case "left":
      return { status: "False", reason: decision.reason, message: decision.message };
    case "ignored":
      return decision.reason === "classNotServed"
        ? { status: "False", reason: decision.reason, message: decision.message }
        : undefined;
  }
}
