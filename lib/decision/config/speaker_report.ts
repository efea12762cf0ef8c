/**
 * What a speaker says of itself and of the others, as annotations of its ConfigurationState, for people and for the
 * command line: which interfaces it can use, which link probes are silent, and whom it sees in the gossip.
 *
 *     herald.dev/interfaces            eth0=usable eth1=noCarrier
 *     herald.dev/ipv4-only-interfaces  eth0
 *     herald.dev/failed-link-probes    192.0.2.1
 *     herald.dev/members               {"version":"0.1.0","count":3,"alive":2,"listed":[{"node":"n3","state":"dead"},…]}
 *
 * In a large cluster the list holds only the members that are not as most are: an object of each node that names every
 * node would grow with the square of their number. Whoever reads this believes only what can be read.
 */
import { isRecord } from "../../base/json.ts";
import { countsAsLiving, type Member, type MemberState } from "../../base/member.ts";
import type { Serving } from "../../base/serving.ts";
import type { InterfaceRefusal, InterfaceReport } from "../../base/wanted.ts";
import { compareText } from "./config.ts";
import { speakerNodeOf } from "./node_label.ts";

export const INTERFACES_ANNOTATION = "herald.dev/interfaces";
export const IPV4_ONLY_INTERFACES_ANNOTATION = "herald.dev/ipv4-only-interfaces";
export const FAILED_LINK_PROBES_ANNOTATION = "herald.dev/failed-link-probes";
export const MEMBERS_ANNOTATION = "herald.dev/members";

/** So many are named; of more members only those that are dead or not Herald, of more interfaces the usable ones first. */
export const MEMBERS_LISTED_MAX = 32;
const INTERFACES_LISTED_MAX = 128;

export interface ListedMember {
  readonly node: string;
  readonly state: MemberState;
  /** Herald's version; `undefined` for one that is not Herald. */
  readonly version: string | undefined;
}

export interface MembersReport {
  /** Herald's version of who reports. */
  readonly version: string;
  /** All members, the reporting one included. */
  readonly count: number;
  readonly alive: number;
  readonly listed: readonly ListedMember[];
}

export interface SpeakerReport {
  readonly node: string;
  /** `undefined`: it did not say. */
  readonly serving: Serving | undefined;
  /** Interfaces that are not used, each with why, but for those that are excluded by name. */
  readonly refused: readonly { readonly name: string; readonly reason: string }[];
  readonly members: MembersReport | undefined;
}

export function formatInterfaces({ usable, refused }: InterfaceReport): string {
  const entries = [
    ...usable.map((name) => `${name}=${USABLE}`),
    ...refused.filter(({ reason }) => reason !== "excluded").map(({ name, reason }) => `${name}=${reason}`),
  ];
  return entries.slice(0, INTERFACES_LISTED_MAX).join(" ");
}

const USABLE = "usable";

export function formatIpv4Only({ ipv4Only }: InterfaceReport): string {
  return ipv4Only.slice(0, INTERFACES_LISTED_MAX).join(" ");
}

/** `others` are all members but the reporting one. */
export function formatMembers(others: Iterable<Member>, { version }: { version: string }): string {
  const all = [...others].sort((a, b) => compareText(a.node, b.node));
  const isOdd = ({ state, facts }: Member) => state !== "alive" || facts === undefined;
  const listed = all.length < MEMBERS_LISTED_MAX ? all : all.filter(isOdd).slice(0, MEMBERS_LISTED_MAX);
  return JSON.stringify({
    version,
    count: all.length + 1,
    alive: all.filter(({ state }) => countsAsLiving(state)).length + 1,
    listed: listed.map(({ node, state, facts }) => ({
      node,
      state,
      ...(facts === undefined ? {} : { version: facts.version }),
    })),
  });
}

/** By node name, from the ConfigurationStates of the speakers; a node that reports nothing of this is missing. */
export function speakerReportsOf(configurationStates: Iterable<unknown>): ReadonlyMap<string, SpeakerReport> {
  const reports = new Map<string, SpeakerReport>();
  for (const object of configurationStates) {
    const node = speakerNodeOf(object);
    if (node === undefined) continue;
    const text = (key: string) => textOf(annotationsOf(object)[key]);
    const interfaces = text(INTERFACES_ANNOTATION);
    const members = text(MEMBERS_ANNOTATION);
    if (interfaces === undefined && members === undefined) continue;
    const entries = interfaces === undefined ? undefined : parseInterfaces(interfaces);
    const words = (key: string) => (text(key) ?? "").split(" ").filter((word) => word !== "");
    const failedLinkProbes = words(FAILED_LINK_PROBES_ANNOTATION);
    const usableInterfaces = entries === undefined ? undefined : usableOf(entries);
    const ipv4Only = new Set(words(IPV4_ONLY_INTERFACES_ANNOTATION));
    const ipv4OnlyInterfaces = usableInterfaces?.filter((name) => ipv4Only.has(name)) ?? [];
    reports.set(node, {
      node,
      serving: usableInterfaces && { usableInterfaces, ipv4OnlyInterfaces, failedLinkProbes },
      refused: (entries ?? []).filter(([, state]) => state !== USABLE).map(([name, reason]) => ({ name, reason })),
      members: members === undefined ? undefined : parseMembers(members),
    });
  }
  return reports;
}

type InterfaceEntry = readonly [name: string, state: InterfaceRefusal | typeof USABLE | string];

function parseInterfaces(text: string): InterfaceEntry[] {
  return text.split(" ").flatMap((word): InterfaceEntry[] => {
    const at = word.lastIndexOf("=");
    return at > 0 ? [[word.slice(0, at), word.slice(at + 1)]] : [];
  });
}

function usableOf(entries: readonly InterfaceEntry[]): string[] {
  return entries.filter(([, state]) => state === USABLE).map(([name]) => name).sort(compareText);
}

function parseMembers(text: string): MembersReport | undefined {
  const parsed = parseJson(text);
  if (!isRecord(parsed) || typeof parsed["count"] !== "number" || typeof parsed["alive"] !== "number") return undefined;
  const listed = Array.isArray(parsed["listed"]) ? parsed["listed"].slice(0, MEMBERS_LISTED_MAX) : [];
  return {
    version: textOf(parsed["version"]) ?? "",
    count: parsed["count"],
    alive: parsed["alive"],
    listed: listed.flatMap((one): ListedMember[] => {
      const node = isRecord(one) ? textOf(one["node"]) : undefined;
      const state = isRecord(one) ? STATES.find((known) => known === one["state"]) : undefined;
      return node === undefined || state === undefined ? [] : [{ node, state, version: textOf(one["version"]) }];
    }),
  };
}

const STATES: readonly MemberState[] = ["alive", "suspect", "dead", "left"];

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function annotationsOf(object: unknown): Record<string, unknown> {
  const metadata = isRecord(object) && isRecord(object["metadata"]) ? object["metadata"] : {};
  return isRecord(metadata["annotations"]) ? metadata["annotations"] : {};
}

/** Longer than any speaker writes it is not read. */
function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.length <= TEXT_MAX ? value : undefined;
}

const TEXT_MAX = 16_384;
