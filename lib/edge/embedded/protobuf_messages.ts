/**
 * Field numbers of the messages that typed clients send, from the published .proto files of k8s.io/api v0.34
 * (core/v1, coordination/v1, authorization/v1) and k8s.io/apimachinery (meta/v1, runtime, util/intstr).
 */

export type FieldKind = "text" | "bytes" | "flag" | "whole" | "time" | "microTime" | "intOrText" | Message;

export interface MessageField {
  readonly name: string;
  readonly kind: FieldKind;
  /** `pointer` members stay in the JSON even when they are zero; `plain` ones go. */
  readonly form: "plain" | "pointer" | "list" | "map";
}

export type Message = { readonly [field: number]: MessageField };

function plain(name: string, kind: FieldKind = "text"): MessageField {
  return { name, kind, form: "plain" };
}

function pointer(name: string, kind: FieldKind = "text"): MessageField {
  return { name, kind, form: "pointer" };
}

function list(name: string, kind: FieldKind = "text"): MessageField {
  return { name, kind, form: "list" };
}

function map(name: string, kind: FieldKind = "text"): MessageField {
  return { name, kind, form: "map" };
}

export const TYPE_META: Message = { 1: plain("apiVersion"), 2: plain("kind") };

export const UNKNOWN: Message = { 1: plain("typeMeta", TYPE_META), 2: plain("raw", "bytes") };

const OWNER_REFERENCE: Message = {
  1: plain("kind"),
  3: plain("name"),
  4: plain("uid"),
  5: plain("apiVersion"),
  6: pointer("controller", "flag"),
  7: pointer("blockOwnerDeletion", "flag"),
};

const OBJECT_META: Message = {
  1: plain("name"),
  2: plain("generateName"),
  3: plain("namespace"),
  5: plain("uid"),
  6: plain("resourceVersion"),
  7: plain("generation", "whole"),
  8: plain("creationTimestamp", "time"),
  9: pointer("deletionTimestamp", "time"),
  10: pointer("deletionGracePeriodSeconds", "whole"),
  11: map("labels"),
  12: map("annotations"),
  13: list("ownerReferences", OWNER_REFERENCE),
  14: list("finalizers"),
};

const METADATA = plain("metadata", OBJECT_META);

const SERVICE_PORT: Message = {
  1: plain("name"),
  2: plain("protocol"),
  3: plain("port", "whole"),
  4: plain("targetPort", "intOrText"),
  5: plain("nodePort", "whole"),
  6: pointer("appProtocol"),
};

const SERVICE_SPEC: Message = {
  1: list("ports", SERVICE_PORT),
  2: map("selector"),
  3: plain("clusterIP"),
  4: plain("type"),
  5: list("externalIPs"),
  7: plain("sessionAffinity"),
  8: plain("loadBalancerIP"),
  9: list("loadBalancerSourceRanges"),
  10: plain("externalName"),
  11: plain("externalTrafficPolicy"),
  12: plain("healthCheckNodePort", "whole"),
  13: plain("publishNotReadyAddresses", "flag"),
  14: pointer("sessionAffinityConfig", { 1: pointer("clientIP", { 1: pointer("timeoutSeconds", "whole") }) }),
  17: pointer("ipFamilyPolicy"),
  18: list("clusterIPs"),
  19: list("ipFamilies"),
  20: pointer("allocateLoadBalancerNodePorts", "flag"),
  21: pointer("loadBalancerClass"),
  22: pointer("internalTrafficPolicy"),
  23: pointer("trafficDistribution"),
};

const INGRESS: Message = { 1: plain("ip"), 2: plain("hostname"), 3: pointer("ipMode") };

const OBJECT_REFERENCE: Message = {
  1: plain("kind"),
  2: plain("namespace"),
  3: plain("name"),
  4: plain("uid"),
  5: plain("apiVersion"),
  6: plain("resourceVersion"),
  7: plain("fieldPath"),
};

const EVENT: Message = {
  1: METADATA,
  2: plain("involvedObject", OBJECT_REFERENCE),
  3: plain("reason"),
  4: plain("message"),
  5: plain("source", { 1: plain("component"), 2: plain("host") }),
  6: plain("firstTimestamp", "time"),
  7: plain("lastTimestamp", "time"),
  8: plain("count", "whole"),
  9: plain("type"),
  10: plain("eventTime", "microTime"),
  11: pointer("series", { 1: plain("count", "whole"), 2: plain("lastObservedTime", "microTime") }),
  12: plain("action"),
  13: pointer("related", OBJECT_REFERENCE),
  14: plain("reportingComponent"),
  15: plain("reportingInstance"),
};

const LEASE_SPEC: Message = {
  1: pointer("holderIdentity"),
  2: pointer("leaseDurationSeconds", "whole"),
  3: pointer("acquireTime", "microTime"),
  4: pointer("renewTime", "microTime"),
  5: pointer("leaseTransitions", "whole"),
  6: pointer("strategy"),
  7: pointer("preferredHolder"),
};

const ACCESS_REVIEW_SPEC: Message = {
  1: pointer("resourceAttributes", {
    1: plain("namespace"),
    2: plain("verb"),
    3: plain("group"),
    4: plain("version"),
    5: plain("resource"),
    6: plain("subresource"),
    7: plain("name"),
  }),
  2: pointer("nonResourceAttributes", { 1: plain("path"), 2: plain("verb") }),
};

/** By kind. */
export const KIND_MESSAGES: Readonly<Record<string, Message>> = {
  Namespace: { 1: METADATA, 2: plain("spec", { 1: list("finalizers") }), 3: plain("status", { 1: plain("phase") }) },
  ConfigMap: { 1: METADATA, 2: map("data"), 3: map("binaryData", "bytes"), 4: pointer("immutable", "flag") },
  Secret: {
    1: METADATA,
    2: map("data", "bytes"),
    3: plain("type"),
    4: map("stringData"),
    5: pointer("immutable", "flag"),
  },
  Service: {
    1: METADATA,
    2: plain("spec", SERVICE_SPEC),
    3: plain("status", { 1: plain("loadBalancer", { 1: list("ingress", INGRESS) }) }),
  },
  Event: EVENT,
  Lease: { 1: METADATA, 2: plain("spec", LEASE_SPEC) },
  Binding: { 1: METADATA, 2: plain("target", OBJECT_REFERENCE) },
  SelfSubjectAccessReview: { 1: METADATA, 2: plain("spec", ACCESS_REVIEW_SPEC) },
  SelfSubjectReview: { 1: METADATA },
  DeleteOptions: {
    1: pointer("gracePeriodSeconds", "whole"),
    2: pointer("preconditions", { 1: pointer("uid"), 2: pointer("resourceVersion") }),
    3: pointer("orphanDependents", "flag"),
    4: pointer("propagationPolicy"),
    5: list("dryRun"),
  },
};
