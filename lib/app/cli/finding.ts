/**
 * One thing that is wrong in the files that a command was given: a problem as `herald validate -o json` prints it
 * (DESIGN §7), and where it stands.
 */
import type { Problem, ProblemReason } from "../../decision/config/problem.ts";
import type { RequestReason } from "../../decision/control/service_request.ts";
import type { YamlReason } from "../yaml.ts";

/** Closed set: what the configuration knows, what YAML knows, and what only files have. */
export type ValidationReason =
  | ProblemReason
  | RequestReason
  | YamlReason
  | "unknownKind"
  | "unknownVersion"
  /** One that the kind does not have: `kubectl apply` refuses it, and in a cluster it would be dropped. */
  | "unknownField"
  /** A kind of older MetalLB releases. */
  | "removedKind"
  /** The ConfigMap of MetalLB 0.12 and older. */
  | "legacyConfigMap"
  /** In a namespace that Herald does not read. */
  | "otherNamespace"
  /** Both prefixes of one annotation, with different values. */
  | "contradictoryAnnotations"
  /** A requested address that no pool has. */
  | "addressNotInPool"
  /** A Service that may share its address, and an advertisement that selects it by labels. */
  | "sharedIPWithServiceSelector";

export interface Finding {
  readonly severity: "error" | "warning";
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
  readonly reason: ValidationReason;
  readonly message: string;
  readonly source: string;
  readonly line: number;
}

/** Exactly the members that DESIGN §7 names, in its order. */
export function findingJson({ severity, kind, namespace, name, path, reason, message }: Finding | Problem) {
  return { severity, kind, namespace, name, path, reason, message };
}
