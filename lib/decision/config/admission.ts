/**
 * Whether an object may be written: the answer of the validating webhooks (reference §3.1, §9.3, §12.3), pure.
 *
 * The configuration is resolved as it is and as it would be. What is wrong afterwards and was not before is charged to
 * the incoming object, also where `resolveConfig` would keep it and disable another one because of their names. So an
 * object that is bad already can be touched, mended half-way and deleted, and nobody else's mistake blocks a change.
 *
 * What may be there a moment later (a BFD profile, a Secret, the name of a community) is warned about: the order in
 * which the objects of one manifest arrive does not matter.
 */
import { isRecord } from "../../base/json.ts";
import type { ZodType } from "zod";
import { shortList } from "../../base/text_list.ts";
import { decodeObject } from "./decode.ts";
import { identityOf, labelsOf } from "./identity.ts";
import { poolOverlaps } from "./pool_overlaps.ts";
import type { Problem } from "./problem.ts";
import { type ConfigObjects, resolveConfig } from "./resolve.ts";
import { bfdProfileSchema } from "./schema/bfd_profile.ts";
import { bgpAdvertisementSchema } from "./schema/bgp_advertisement.ts";
import { bgpPeerSchema } from "./schema/bgp_peer.ts";
import { communitySchema } from "./schema/community.ts";
import { ipAddressPoolSchema } from "./schema/ip_address_pool.ts";
import { l2AdvertisementSchema } from "./schema/l2_advertisement.ts";

export type AdmissionKind =
  | "IPAddressPool"
  | "L2Advertisement"
  | "BGPAdvertisement"
  | "BGPPeer"
  | "BFDProfile"
  | "Community";

/** The part of an AdmissionReview's request that matters. */
export interface AdmissionRequest {
  readonly operation: string;
  readonly namespace: string;
  /** Of the object; may be empty when one is created. */
  readonly name: string;
  readonly object: unknown;
  readonly oldObject: unknown;
}

export type AdmissionAnswer =
  | { readonly allowed: true; readonly warnings: readonly string[] }
  | {
    readonly allowed: false;
    /** 400: it cannot be decoded; 403: it is wrong. */
    readonly code: 400 | 403;
    readonly message: string;
    readonly warnings: readonly string[];
  };

export interface AdmissionTarget {
  readonly kind: AdmissionKind;
  /** Where Herald reads its configuration. */
  readonly namespace: string;
}

export type AdmissionList = Exclude<keyof ConfigObjects, "secrets" | "namespaces">;

interface KindFacts {
  /** The list that the kind is in. */
  readonly member: AdmissionList;
  readonly schema: ZodType;
  /** What must be known to judge one object of it. */
  readonly reads: readonly AdmissionList[];
  /** What else matters once there is a BGPAdvertisement: a cluster that announces on layer 2 is spared the reading. */
  readonly readsWithBgp: readonly AdmissionList[];
}

const KINDS: Readonly<Record<AdmissionKind, KindFacts>> = {
  IPAddressPool: {
    member: "ipAddressPools",
    schema: ipAddressPoolSchema,
    reads: ["ipAddressPools", "bgpAdvertisements"],
    readsWithBgp: ["bgpPeers", "bfdProfiles", "communities", "nodes"],
  },
  L2Advertisement: {
    member: "l2Advertisements",
    schema: l2AdvertisementSchema,
    reads: ["l2Advertisements", "ipAddressPools"],
    readsWithBgp: [],
  },
  BGPAdvertisement: {
    member: "bgpAdvertisements",
    schema: bgpAdvertisementSchema,
    reads: ["bgpAdvertisements", "ipAddressPools", "bgpPeers", "bfdProfiles", "communities", "nodes"],
    readsWithBgp: [],
  },
  // Peers for different nodes may have one address, so the nodes must be known.
  BGPPeer: {
    member: "bgpPeers",
    schema: bgpPeerSchema,
    reads: ["bgpPeers", "bfdProfiles", "bgpAdvertisements", "nodes"],
    readsWithBgp: ["ipAddressPools", "communities"],
  },
  BFDProfile: {
    member: "bfdProfiles",
    schema: bfdProfileSchema,
    reads: ["bfdProfiles", "bgpPeers", "bgpAdvertisements"],
    readsWithBgp: ["ipAddressPools", "communities"],
  },
  Community: {
    member: "communities",
    schema: communitySchema,
    reads: ["communities", "bgpAdvertisements"],
    readsWithBgp: ["ipAddressPools", "bgpPeers"],
  },
};

/** Which lists {@linkcode admit} wants for a kind: always, and where there is a BGPAdvertisement. */
export function readsOf(
  kind: AdmissionKind,
): { readonly always: readonly AdmissionList[]; readonly withBgp: readonly AdmissionList[] } {
  return { always: KINDS[kind].reads, withBgp: KINDS[kind].readsWithBgp };
}

/** About things that another object may still bring, or has: never a reason to refuse this one. */
const TOLERATED: ReadonlySet<string> = new Set([
  "unknownPool",
  "disabledPool",
  "unknownPeer",
  "disabledPeer",
  "unknownBfdProfile",
  "disabledBfdProfile",
  "unknownSecret",
  "invalidSecret",
  "unknownCommunity",
  "matchesNothing",
]);

/** True of every pool in the moment before its advertisement is made. */
const UNTOLD: ReadonlySet<string> = new Set(["notAdvertised"]);

const ERRORS_MAX = 5;
const WARNINGS_MAX = 5;
/** The API server cuts longer ones off when there are many. */
const WARNING_LENGTH_MAX = 250;

/** The answer as far as it needs no other objects; `undefined`: {@linkcode admit} must be asked. */
export function admitAlone(request: AdmissionRequest, target: AdmissionTarget): AdmissionAnswer | undefined {
  const { operation, object, oldObject } = request;
  if (operation === "DELETE") {
    return target.kind === "BFDProfile" && request.namespace === target.namespace ? undefined : allowed();
  }
  if (operation !== "CREATE" && operation !== "UPDATE") return allowed();
  if (request.namespace !== target.namespace) {
    const message = `resource must be created in ${target.namespace} namespace: Herald reads no other`;
    return operation === "CREATE" ? denied(403, [message]) : allowed([`${target.kind} is not read: ${message}`]);
  }
  // What is being deleted is done with; refusing the removal of a finalizer would keep it for ever.
  if (isRecord(object) && isRecord(object["metadata"]) && object["metadata"]["deletionTimestamp"]) return allowed();
  if (operation === "UPDATE" && sameMeaning(object, oldObject)) return allowed();
  return undefined;
}

/** The answer, given the other objects of the configuration. Never throws, whatever the objects are. */
export function admit(
  request: AdmissionRequest,
  options: AdmissionTarget & { readonly present: ConfigObjects },
): AdmissionAnswer {
  const alone = admitAlone(request, options);
  if (alone !== undefined) return alone;
  const { kind, present } = options;
  if (request.operation === "DELETE") return admitDeletion(request, present);
  const old = request.operation === "UPDATE" ? [request.oldObject] : [];
  const name = identityOf(request.object, kind).name || request.name;
  const before = problemsWith(old, { kind, present, name });
  const after = problemsWith([request.object], { kind, present, name });
  const judged = judge({ before, after, kind, name });
  const say = (problem: Problem) => sentence(problem, { kind, name });
  const { errors, warnings } = judged;
  if (errors.length === 0) return allowed(warnings.map(say));
  // What the object would have done to others does not happen.
  const own = warnings.filter((problem) => isOf(problem, { kind, name }));
  return denied(isDecodable(request.object, kind) ? 403 : 400, errors.map(say), own.map(say));
}

/** What MetalLB cannot read either is answered with 400; a rule that it has words for is not of that sort. */
function isDecodable(object: unknown, kind: AdmissionKind): boolean {
  const decoded = decodeObject<unknown>(object, { schema: KINDS[kind].schema, kind });
  return decoded.ok || decoded.problems.every(({ metallbText }) => metallbText !== undefined);
}

function admitDeletion(request: AdmissionRequest, present: ConfigObjects): AdmissionAnswer {
  const name = request.name || identityOf(request.oldObject, "BFDProfile").name;
  const users: string[] = [];
  for (const peer of present.bgpPeers ?? []) {
    const spec = isRecord(peer) ? peer["spec"] : undefined;
    if (isRecord(spec) && spec["bfdProfile"] === name) users.push(JSON.stringify(identityOf(peer, "BGPPeer").name));
  }
  if (users.length === 0) return allowed();
  const shown = shortList(users, { max: ERRORS_MAX });
  const message = `failed to delete BFDProfile ${JSON.stringify(name)}: it is used by BGPPeer ${shown}; ` +
    "remove spec.bfdProfile there first";
  return denied(403, [message]);
}

interface Subject {
  readonly kind: AdmissionKind;
  readonly name: string;
}

/** All problems of a configuration in which `objects` (none or one) stand for the subject. */
function problemsWith(
  objects: readonly unknown[],
  { kind, present, name }: Subject & { readonly present: ConfigObjects },
): Problem[] {
  const { member } = KINDS[kind];
  const others = (present[member] ?? []).filter((other) => identityOf(other, kind).name !== name);
  const resolved = resolveConfig({ ...present, [member]: [...others, ...objects] });
  // Which of two pools keeps an overlap depends on their names, and who is to blame for it does not.
  const problems = resolved.problems.filter(({ reason }) => reason !== "overlappingAddresses");
  if (kind !== "IPAddressPool" || objects.length === 0) return problems;
  const own = resolveConfig({ ipAddressPools: objects }).problems
    .filter(({ reason }) => reason === "overlappingAddresses");
  return [...problems, ...own, ...objects.flatMap((object) => poolOverlaps(object, others))];
}

function judge(
  { before, after, kind, name }: Subject & { readonly before: readonly Problem[]; readonly after: readonly Problem[] },
): { readonly errors: readonly Problem[]; readonly warnings: readonly Problem[] } {
  const known = new Set(before.map(keyOf));
  const broken = new Set(before.filter(isError).map(({ kind, namespace, name }) => `${kind}/${namespace}/${name}`));
  const errors: Problem[] = [];
  const warnings: Problem[] = [];
  for (const problem of after) {
    const own = isOf(problem, { kind, name });
    if (UNTOLD.has(problem.reason)) continue;
    if (known.has(keyOf(problem))) {
      if (own && isError(problem)) warnings.push(problem);
      continue;
    }
    if (!isError(problem)) warnings.push(problem);
    // One wrong entry of a Community leaves the others in use, so there every new one counts.
    else if (
      own || problem.kind === "Community" || !broken.has(`${problem.kind}/${problem.namespace}/${problem.name}`)
    ) {
      errors.push(problem);
    }
  }
  return { errors, warnings };
}

function isError({ severity, reason }: Problem): boolean {
  return severity === "error" && !TOLERATED.has(reason);
}

function isOf(problem: Problem, subject: Subject): boolean {
  return problem.kind === subject.kind && problem.name === subject.name;
}

function keyOf({ kind, namespace, name, path, reason, message }: Problem): string {
  // A line of addresses may have moved; the overlap itself is in the message.
  return JSON.stringify([kind, namespace, name, reason === "overlappingAddresses" ? "" : path, reason, message]);
}

/** True when nothing differs that the configuration is made of: `kubectl annotate`, a status, a finalizer. */
function sameMeaning(a: unknown, b: unknown): boolean {
  if (!isRecord(a) || !isRecord(b)) return false;
  return meaningOf(a) === meaningOf(b);
}

function meaningOf(object: Record<string, unknown>): string {
  return JSON.stringify([object["spec"], Object.entries(labelsOf(object)).sort(), heraldAnnotations(object)]);
}

/** What Herald adds to the API is said in annotations. */
function heraldAnnotations(object: Record<string, unknown>): [string, unknown][] {
  const metadata = object["metadata"];
  const annotations = isRecord(metadata) && isRecord(metadata["annotations"]) ? metadata["annotations"] : {};
  return Object.entries(annotations).filter(([key]) => key.startsWith("herald.dev/")).sort();
}

function sentence(problem: Problem, subject: Subject): string {
  const { path, message, metallbText } = problem;
  const owner = isOf(problem, subject) ? "" : `${problem.kind} ${JSON.stringify(problem.name)}: `;
  const where = path === "" || message.startsWith(path) ? "" : `${path}: `;
  const theirs = metallbText === undefined || message.includes(metallbText) ? "" : ` (${metallbText})`;
  return `${owner}${where}${message}${theirs}`;
}

function allowed(warnings: readonly string[] = []): AdmissionAnswer {
  return { allowed: true, warnings: short(warnings) };
}

function denied(code: 400 | 403, messages: readonly string[], warnings: readonly string[] = []): AdmissionAnswer {
  const rest = messages.length - ERRORS_MAX;
  const shown = rest > 0 ? [...messages.slice(0, ERRORS_MAX), `${rest} more`] : messages;
  return { allowed: false, code, message: shown.join("; "), warnings: short(warnings) };
}

function short(warnings: readonly string[]): string[] {
  const rest = warnings.length - WARNINGS_MAX;
  const shown = warnings.slice(0, WARNINGS_MAX)
    .map((text) => text.length > WARNING_LENGTH_MAX ? `${text.slice(0, WARNING_LENGTH_MAX - 1)}…` : text);
  return rest > 0 ? [...shown, `${rest} more warnings; herald validate prints them all`] : shown;
}
