/**
 * BGPPeer between v1beta1 and v1beta2, as the conversion webhook and the embedded API serve it (reference §1.5).
 *
 * MetalLB's own conversion forgets what only v1beta2 has and turns timers that nobody set into `0s`. Here both
 * survive: what v1beta1 cannot say travels in one annotation, which is gone when the object is v1beta2 again, and a
 * timer that is not there stays so. A shared field is taken back from the annotation only while the v1beta1 object
 * still says what was made of it, so an edit through v1beta1 wins.
 *
 * Objects come from clients and from etcd. One that cannot be converted would fail the list that it is in, for all
 * readers, so parts of a wrong type are handed on as they are; only what is no BGPPeer at all is refused.
 */
import { isRecord } from "../../base/json.ts";
import { parseGoDuration } from "./go_duration.ts";

export type BgpPeerConversion =
  | { readonly ok: true; readonly object: Record<string, unknown> }
  /** A sentence for the client. */
  | { readonly ok: false; readonly message: string };

/** Holds, as a JSON object, the fields of `spec` that a v1beta1 object cannot say. */
export const V1BETA2_FIELDS_ANNOTATION = "herald.dev/v1beta2-fields";

const V1BETA1 = "metallb.io/v1beta1";
const V1BETA2 = "metallb.io/v1beta2";

/** What an API server admits as the sum of all annotations, in bytes. */
const ANNOTATIONS_BYTES_MAX = 256 * 1024;

const SHARED_FIELDS: readonly string[] = [
  "myASN",
  "peerASN",
  "peerAddress",
  "sourceAddress",
  "peerPort",
  "holdTime",
  "keepaliveTime",
  "routerID",
  "nodeSelectors",
  "password",
  "bfdProfile",
  "ebgpMultiHop",
];

const isText = (value: unknown): boolean => typeof value === "string";
const isFlag = (value: unknown): boolean => typeof value === "boolean";
const isWholeUpTo = (maximum: number) => (value: unknown): boolean =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= maximum;

/**
 * The fields that the annotation may bring back. Their types are checked because nothing else would: an API server
 * holds a written object against the schema of the version it was written in, not against the one it is stored in.
 */
const KEPT_FIELDS: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ["peerASN", isWholeUpTo(4294967295)],
  ["peerAddress", isText],
  ["peerPort", isWholeUpTo(16384)],
  ["holdTime", isText],
  ["keepaliveTime", isText],
  ["localASN", (value) => value !== 0 && isWholeUpTo(4294967295)(value)],
  ["dynamicASN", (value) => value === "internal" || value === "external"],
  ["interface", isText],
  ["connectTime", (value) => typeof value === "string" && parseGoDuration(value) !== undefined],
  ["passwordSecret", (value) => isRecord(value) && Object.values(value).every(isText)],
  ["enableGracefulRestart", isFlag],
  ["vrf", isText],
  ["disableMP", isFlag],
  ["dualStackAddressFamily", isFlag],
]);

/** Filled in again by the schema of v1beta2, so `false` there is not worth an annotation. */
const DEFAULTED_TO_FALSE: ReadonlySet<string> = new Set(["disableMP", "dualStackAddressFamily"]);

/** Go's ways to write a duration of nothing, which is how v1beta1's clients say that a timer is not set. */
const ZERO_DURATION = /^[+-]?(?:0|(?:(?:0+(?:\.0*)?|\.0+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;

/** What says the same thing in v1beta1: where that was edited, the v1beta2 field would contradict it. */
const COUNTERPARTS: ReadonlyMap<string, string> = new Map([["dynamicASN", "peerASN"], ["interface", "peerAddress"]]);

/** Never throws and changes nothing of `object`; parts that stay the same are shared with the result. */
export function convertBgpPeer(object: unknown, desiredApiVersion: string): BgpPeerConversion {
  if (!isRecord(object)) return { ok: false, message: "the object to convert must be a BGPPeer" };
  const { apiVersion, kind, metadata, spec, ...rest } = object;
  if (kind !== "BGPPeer") return { ok: false, message: `kind must be BGPPeer, but is ${quoted(kind)}` };
  for (const version of [apiVersion, desiredApiVersion]) {
    if (version === V1BETA1 || version === V1BETA2) continue;
    return { ok: false, message: `a BGPPeer is of ${V1BETA1} or ${V1BETA2}, not of ${quoted(version)}` };
  }
  if (apiVersion === desiredApiVersion) return { ok: true, object };
  const converted = desiredApiVersion === V1BETA1 ? toV1beta1(spec, metadata) : toV1beta2(spec, metadata);
  const members = Object.entries(converted).filter(([, value]) => value !== undefined);
  return { ok: true, object: { apiVersion: desiredApiVersion, kind, ...Object.fromEntries(members), ...rest } };
}

interface Parts {
  readonly metadata: unknown;
  readonly spec: unknown;
}

function toV1beta1(spec: unknown, metadata: unknown): Parts {
  if (!isRecord(spec)) return { metadata: annotated(metadata, undefined), spec };
  const older = olderSpec(spec);
  const newer = newerSpec(older);
  const kept = new Set<string>();
  for (const field of KEPT_FIELDS.keys()) {
    const value = spec[field];
    if (!isPresent(value) || newer[field] === value) continue;
    if (value === false && DEFAULTED_TO_FALSE.has(field)) continue;
    kept.add(field);
    const counterpart = COUNTERPARTS.get(field);
    if (counterpart !== undefined && isPresent(spec[counterpart])) kept.add(counterpart);
  }
  const fields = Object.fromEntries([...kept].map((field) => [field, spec[field]]));
  return { metadata: annotated(metadata, kept.size === 0 ? undefined : JSON.stringify(fields)), spec: older };
}

function toV1beta2(spec: unknown, metadata: unknown): Parts {
  const remembered = rememberedFields(metadata);
  const bare = annotated(metadata, undefined);
  if (!isRecord(spec)) return { metadata: bare, spec };
  const newer = newerSpec(spec);
  // What the remembered fields became at the time, and what they are now.
  const then = olderSpec(remembered);
  const now = olderSpec(spec);
  for (const [field, value] of Object.entries(remembered)) {
    const witness = SHARED_FIELDS.includes(field) ? field : COUNTERPARTS.get(field);
    if (witness === undefined || then[witness] === now[witness]) newer[field] = value;
  }
  return { metadata: bare, spec: newer };
}

/** The v1beta1 form; what is required there and absent here gets the value that Go's clients write for nothing. */
function olderSpec(spec: Record<string, unknown>): Record<string, unknown> {
  const older = sharedFields(spec);
  older["peerASN"] ??= 0;
  older["peerAddress"] ??= "";
  if (older["nodeSelectors"] !== undefined) {
    older["nodeSelectors"] = mapRequirements(older["nodeSelectors"], withValues);
  }
  return older;
}

/** The v1beta2 form without what an annotation may know better. */
function newerSpec(spec: Record<string, unknown>): Record<string, unknown> {
  const newer = sharedFields(spec);
  if (newer["peerASN"] === 0) delete newer["peerASN"];
  if (newer["peerAddress"] === "") delete newer["peerAddress"];
  if (newer["peerPort"] === 0) delete newer["peerPort"];
  for (const timer of ["holdTime", "keepaliveTime"]) {
    const value = newer[timer];
    if (typeof value === "string" && ZERO_DURATION.test(value)) delete newer[timer];
  }
  if (newer["nodeSelectors"] !== undefined) {
    newer["nodeSelectors"] = mapRequirements(newer["nodeSelectors"], withoutEmptyValues);
  }
  return newer;
}

function sharedFields(spec: Record<string, unknown>): Record<string, unknown> {
  const known = SHARED_FIELDS.filter((field) => isPresent(spec[field]));
  return Object.fromEntries(known.map((field) => [field, spec[field]]));
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

type Requirement = Record<string, unknown>;

function mapRequirements(selectors: unknown, change: (requirement: Requirement) => Requirement): unknown {
  if (!Array.isArray(selectors)) return selectors;
  return selectors.map((selector) => {
    if (!isRecord(selector) || !Array.isArray(selector["matchExpressions"])) return selector;
    const requirements = selector["matchExpressions"].map((each) => isRecord(each) ? change(each) : each);
    return { ...selector, matchExpressions: requirements };
  });
}

/** v1beta1 requires values even of Exists, where there are none. */
function withValues(requirement: Requirement): Requirement {
  return { ...requirement, values: requirement["values"] ?? [] };
}

function withoutEmptyValues(requirement: Requirement): Requirement {
  const { values, ...rest } = requirement;
  return values === null || (Array.isArray(values) && values.length === 0) ? rest : requirement;
}

/** What the annotation tells, as far as it is fit to be told: users can edit it. */
function rememberedFields(metadata: unknown): Record<string, unknown> {
  const annotations = isRecord(metadata) ? metadata["annotations"] : undefined;
  const text = isRecord(annotations) ? annotations[V1BETA2_FIELDS_ANNOTATION] : undefined;
  if (typeof text !== "string") return {};
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    return {};
  }
  if (!isRecord(fields)) return {};
  const fit = Object.entries(fields).filter(([field, value]) => KEPT_FIELDS.get(field)?.(value) === true);
  return Object.fromEntries(fit);
}

/** The metadata with our annotation as given, or without it. */
function annotated(metadata: unknown, text: string | undefined): unknown {
  if (!isRecord(metadata)) {
    return text === undefined ? metadata : { annotations: { [V1BETA2_FIELDS_ANNOTATION]: text } };
  }
  const { annotations, ...rest } = metadata;
  const before = isRecord(annotations) ? annotations : {};
  const { [V1BETA2_FIELDS_ANNOTATION]: stale, ...others } = before;
  if (text === undefined && stale === undefined) return metadata;
  // Beyond the limit the API server would refuse the object as a whole; then the extra is lost rather than the object.
  const extended = text === undefined ? others : { ...others, [V1BETA2_FIELDS_ANNOTATION]: text };
  const after = annotationBytes(extended) > ANNOTATIONS_BYTES_MAX ? others : extended;
  return Object.keys(after).length === 0 ? rest : { ...rest, annotations: after };
}

function annotationBytes(annotations: Record<string, unknown>): number {
  const encoder = new TextEncoder();
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    bytes += encoder.encode(key).length + encoder.encode(typeof value === "string" ? value : "").length;
  }
  return bytes;
}

function quoted(value: unknown): string {
  return value === undefined ? "nothing" : (JSON.stringify(value) ?? String(value)).slice(0, 100);
}
