/**
 * What a speaker knew of the API, as a file: text from it and back, and every reason not to believe what is found there.
 *
 *     {"herald":"speaker snapshot","version":1,"sha256":"…"}      of the second line
 *     {"scope":{…},"savedAtMs":…,"nodes":[…],"peers":[…],"addresses":[…]}
 *
 * The names of nodes stand once and candidates are places in that list: 5,000 addresses with 100 candidates each are
 * 2 MB and not 10. Nothing secret is in it: no key, no password, no token.
 */
import { createHash } from "node:crypto";
import { canonicalIp } from "../base/ip.ts";
import { isRecord } from "../base/json.ts";
import type { Millis } from "../base/time.ts";
import { type AddressPolicy, DEFAULT_ADDRESS_POLICY, type WantedAddress, type WantedPeer } from "../base/wanted.ts";

/**
 * The flags that decide what a speaker wants, by name: a snapshot speaks for a speaker with the same ones only, that of
 * another node for nobody.
 */
export type SnapshotScope = Readonly<Record<string, string>>;

export const NODE_FLAG = "node-name";

export interface Snapshot {
  readonly scope: SnapshotScope;
  /** Wall clock, when the API server was heard last. */
  readonly savedAtMs: Millis;
  readonly addresses: readonly WantedAddress[];
  readonly peers: readonly WantedPeer[];
}

export type SnapshotRefusal = "damaged" | "otherVersion" | "otherNode" | "otherFlags" | "tooOld";

export type DecodedSnapshot =
  | { readonly ok: true; readonly snapshot: Snapshot }
  | { readonly ok: false; readonly reason: SnapshotRefusal; readonly message: string };

export interface SnapshotExpectation {
  readonly scope: SnapshotScope;
  readonly nowMs: Millis;
  /** `undefined`: any age. */
  readonly maxAgeMs: Millis | undefined;
}

const HERALD = "speaker snapshot";
const VERSION = 1;

export function encodeSnapshot({ scope, savedAtMs, addresses, peers }: Snapshot): string {
  const places = new Map<string, number>();
  const placeOf = (node: string): number => {
    let place = places.get(node);
    if (place === undefined) places.set(node, place = places.size);
    return place;
  };
  const packed = addresses.map((wanted) => ({
    ...wanted,
    policy: wanted.policy === undefined ? undefined : policyOf(wanted.policy),
    candidates: wanted.candidates.map(placeOf),
  }));
  const body = JSON.stringify({ scope, savedAtMs, nodes: [...places.keys()], peers, addresses: packed });
  return `${JSON.stringify({ herald: HERALD, version: VERSION, sha256: digestOf(body) })}\n${body}\n`;
}

export function decodeSnapshot(text: string, expected: SnapshotExpectation): DecodedSnapshot {
  const [head = "", body = "", ...rest] = text.split("\n");
  const header = parsed(head);
  if (!isRecord(header) || header["herald"] !== HERALD) return refused("damaged", "it does not begin as a snapshot");
  if (header["version"] !== VERSION) {
    return refused("otherVersion", `it is of version ${JSON.stringify(header["version"])}, and ${VERSION} is known`);
  }
  if (rest.join("") !== "" || header["sha256"] !== digestOf(body)) {
    return refused("damaged", "its checksum does not fit what it holds");
  }
  const snapshot = snapshotOf(parsed(body));
  if (snapshot === undefined) return refused("damaged", "it does not hold what a snapshot holds");
  return checked(snapshot, expected);
}

function checked(snapshot: Snapshot, { scope, nowMs, maxAgeMs }: SnapshotExpectation): DecodedSnapshot {
  for (const flag of new Set([NODE_FLAG, ...Object.keys(scope), ...Object.keys(snapshot.scope)])) {
    const [its, ours] = [snapshot.scope[flag] ?? "", scope[flag] ?? ""];
    if (its === ours) continue;
    const message = `it was made with --${flag}=${JSON.stringify(its)}, and here it is ${JSON.stringify(ours)}`;
    return refused(flag === NODE_FLAG ? "otherNode" : "otherFlags", message);
  }
  // A clock that was set back says nothing of an age: such a snapshot counts as new.
  const ageMs = nowMs - snapshot.savedAtMs;
  if (maxAgeMs !== undefined && ageMs > maxAgeMs) {
    return refused("tooOld", `it is ${hours(ageMs)} hours old, and ${hours(maxAgeMs)} are allowed`);
  }
  return { ok: true, snapshot };
}

function hours(durationMs: Millis): string {
  return (durationMs / 3_600_000).toFixed(1);
}

function refused(reason: SnapshotRefusal, message: string): DecodedSnapshot {
  return { ok: false, reason, message };
}

function digestOf(body: string): string {
  return createHash("sha256").update(body).digest("hex");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The checksum speaks for our own hand; this is for a file that somebody else wrote well. */
function snapshotOf(value: unknown): Snapshot | undefined {
  if (!isRecord(value)) return undefined;
  const { scope, savedAtMs, nodes, peers, addresses } = value;
  if (!isRecord(scope) || !isTexts(Object.values(scope)) || !isTexts(nodes)) return undefined;
  if (typeof savedAtMs !== "number" || !Array.isArray(peers) || !Array.isArray(addresses)) return undefined;
  const readAddresses = addresses.map((each) => addressOf(each, nodes));
  if (!peers.every(isPeer) || !isComplete(readAddresses)) return undefined;
  return { scope: scope as SnapshotScope, savedAtMs, peers, addresses: readAddresses };
}

function addressOf(value: unknown, nodes: readonly string[]): WantedAddress | undefined {
  if (!isRecord(value)) return undefined;
  const { address, candidates, interfaces, services, interfacesByNode, policy, lastHolder } = value;
  if (!isAddress(address) || !Array.isArray(candidates)) return undefined;
  const names = candidates.map((place) => typeof place === "number" ? nodes[place] : undefined);
  if (!isComplete(names) || !isInterfaces(interfaces) || !isTexts(services)) return undefined;
  const readPolicy = policy === undefined ? DEFAULT_ADDRESS_POLICY : policyFrom(policy);
  if (readPolicy === undefined || !isByNode(interfacesByNode)) return undefined;
  return {
    address,
    candidates: names,
    interfaces,
    services,
    ...interfacesByNode === undefined ? {} : { interfacesByNode },
    ...policy === undefined ? {} : { policy: readPolicy },
    ...typeof lastHolder === "string" ? { lastHolder } : {},
  };
}

/** Without what the plan adds for those who ask why. */
function policyOf({ failback, probe, linkProbes }: AddressPolicy): AddressPolicy {
  return { failback, probe, linkProbes };
}

function policyFrom(value: unknown): AddressPolicy | undefined {
  if (!isRecord(value)) return undefined;
  const { failback, probe, linkProbes } = value;
  const isWait = isRecord(failback) && typeof failback["afterMs"] === "number";
  const isFailback = failback === "immediate" || failback === "never" || isWait;
  if (!isFailback || (probe !== "beside" && probe !== "strict" && probe !== "off")) return undefined;
  return isTexts(linkProbes) ? { failback: failback as AddressPolicy["failback"], probe, linkProbes } : undefined;
}

function isPeer(value: unknown): value is WantedPeer {
  return isRecord(value) && typeof value["node"] === "string" && isAddress(value["address"]) &&
    Number.isInteger(value["port"]);
}

function isAddress(value: unknown): value is string {
  return typeof value === "string" && canonicalIp(value) === value;
}

function isByNode(value: unknown): value is WantedAddress["interfacesByNode"] {
  return value === undefined || (isRecord(value) && Object.values(value).every(isInterfaces));
}

function isInterfaces(value: unknown): value is WantedAddress["interfaces"] {
  return value === "all" || isTexts(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function isComplete<T>(list: readonly (T | undefined)[]): list is readonly T[] {
  return list.every((each) => each !== undefined);
}
