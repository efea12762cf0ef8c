/**
 * A speaker's own `/status` as it is read back, by people who have nothing else while no API server answers: of all that
 * it holds what says who answers and why. It may come from another version, so nothing is taken for granted; what is not
 * there is empty.
 */
import { isRecord } from "../../base/json.ts";

export interface SpeakerPage {
  readonly node: string;
  readonly ready: boolean;
  /** Kinds of the API that are not followed now, and the last error of one of them. */
  readonly api: { readonly kinds: number; readonly silent: readonly string[]; readonly lastError: string };
  readonly snapshot: { readonly stale: boolean; readonly restoredFrom: string; readonly problem: string };
  readonly cutOff: boolean;
  readonly foreignMembers: readonly string[];
  readonly addresses: readonly AddressOnPage[];
  readonly members: readonly MemberOnPage[];
  readonly interfaces: {
    readonly usable: readonly string[];
    readonly ipv4Only: readonly string[];
    readonly refused: readonly { readonly name: string; readonly reason: string }[];
  };
  readonly conflicts: readonly { readonly address: string; readonly mac: string; readonly interface: string }[];
  readonly problems: readonly { readonly severity: string; readonly where: string; readonly message: string }[];
  /** The packet thread described itself. */
  readonly isWhole: boolean;
}

export interface AddressOnPage {
  readonly address: string;
  readonly owned: boolean;
  readonly reason: string;
  readonly elected: string;
  readonly candidates: readonly { readonly node: string; readonly state: string; readonly standsBack: string }[];
}

export interface MemberOnPage {
  readonly node: string;
  readonly address: string;
  /** In the gossip and to the watch; empty where one of them does not know it. */
  readonly gossip: string;
  readonly watch: string;
  readonly roundTripMs: number | undefined;
  /** Herald's; empty for one that is not Herald. */
  readonly version: string;
}

/** A text says why it is none. */
export function readSpeakerPage(text: string): SpeakerPage | string {
  let page: unknown;
  try {
    page = JSON.parse(text);
  } catch {
    return "is no JSON; the answer of a speaker's /status is needed";
  }
  const program = textOf(at(page, "program"));
  if (program !== "speaker") {
    const what = program === "" ? "is no answer of /status" : `is the page of a ${program}`;
    return `${what}; the answer of a speaker's /status is needed`;
  }
  const packets = at(page, "packetThread");
  const node = textOf(at(page, "node"));
  return {
    node,
    ready: at(page, "ready") === true,
    api: apiOf(listOf(at(page, "caches"))),
    snapshot: {
      stale: at(page, "snapshot", "stale") === true,
      restoredFrom: textOf(at(page, "snapshot", "restoredFrom")),
      problem: textOf(at(page, "snapshot", "problem")),
    },
    cutOff: at(page, "cluster", "cutOff") === true,
    foreignMembers: textsOf(at(page, "cluster", "foreignMembers")),
    addresses: listOf(at(packets, "ownership", "addresses")).map(addressOf),
    members: membersOf(packets, node),
    interfaces: {
      usable: textsOf(at(page, "interfaces", "usable")),
      ipv4Only: textsOf(at(page, "interfaces", "ipv4Only")),
      refused: listOf(at(page, "interfaces", "refused")).map((one) => ({
        name: textOf(at(one, "name")),
        reason: textOf(at(one, "reason")),
      })),
    },
    conflicts: entriesOf(at(page, "conflicts")).map(([address, one]) => ({
      address,
      mac: textOf(at(one, "mac")),
      interface: textOf(at(one, "interface")),
    })),
    problems: listOf(at(page, "problems")).map((one) => ({
      severity: textOf(at(one, "severity")),
      where: [
        textOf(at(one, "kind")),
        ["namespace", "name"].map((name) => textOf(at(one, name))).filter((text) => text !== "").join("/"),
      ].join(" "),
      message: textOf(at(one, "message")),
    })),
    isWhole: isRecord(packets),
  };
}

function apiOf(caches: readonly unknown[]): SpeakerPage["api"] {
  const silent = caches.filter((cache) => textOf(at(cache, "state")) !== "watching");
  return {
    kinds: caches.length,
    silent: silent.map((cache) => textOf(at(cache, "name"))),
    lastError: silent.map((cache) => textOf(at(cache, "lastError"))).find((error) => error !== "") ?? "",
  };
}

function addressOf(one: unknown): AddressOnPage {
  return {
    address: textOf(at(one, "address")),
    owned: at(one, "owned") === true,
    reason: textOf(at(one, "reason")),
    elected: textOf(at(one, "elected")),
    candidates: listOf(at(one, "candidates")).map((candidate) => ({
      node: textOf(at(candidate, "node")),
      state: textOf(at(candidate, "state")),
      standsBack: textOf(at(candidate, "standsBack")),
    })),
  };
}

/** The other speakers, by name. */
function membersOf(packets: unknown, self: string): MemberOnPage[] {
  const gossip = byNode(listOf(at(packets, "membership", "members")));
  const watch = byNode(listOf(at(packets, "watch", "peers")));
  const nodes = [...new Set([...gossip.keys(), ...watch.keys()])].filter((node) => node !== self).sort();
  return nodes.map((node) => {
    const [member, peer] = [gossip.get(node), watch.get(node)];
    const roundTripMs = at(peer, "roundTripMs");
    return {
      node,
      address: textOf(at(member, "address")) || textOf(at(peer, "address")),
      gossip: textOf(at(member, "state")),
      watch: at(peer, "watched") === false ? "" : textOf(at(peer, "state")),
      roundTripMs: typeof roundTripMs === "number" ? roundTripMs : undefined,
      version: textOf(at(member, "facts", "version")),
    };
  });
}

function byNode(list: readonly unknown[]): Map<string, unknown> {
  return new Map(list.map((one) => [textOf(at(one, "node")), one]));
}

function at(value: unknown, ...names: readonly string[]): unknown {
  let found = value;
  for (const name of names) found = isRecord(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  return found;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function entriesOf(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : [];
}

function textsOf(value: unknown): string[] {
  return listOf(value).filter((one) => typeof one === "string");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
