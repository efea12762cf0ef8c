/**
 * The links and addresses of a node as netlink tells them, and which of them are to be announced on.
 *
 *     list, changes ──> LinkTable ──> open / change / close: an interface that the machines work on
 *                                └──> report: what is usable and why the rest is not; networks
 *
 * Changes come in batches and each link that changed is judged once per batch, so that a storm costs one decision; of many
 * links a few at a time, so that packets are answered in between. What happened in between is not lost: a link that was
 * unusable in the middle of a batch is closed and opened, because its neighbours must be told anew. Interfaces excluded by
 * name are thousands on a node full of pods: their names are kept and nothing else.
 *
 * It opens no sockets: who could not open one says so (`notOpened`), and is asked again later.
 */
import { parseIpv4 } from "../../base/ip.ts";
import type { JsonObject } from "../../base/json.ts";
import { type Deadline, earlier, type Machine, type Tick } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import { sameTexts } from "../../base/text_list.ts";
import type { Millis } from "../../base/time.ts";
import type { InterfaceRefusal, InterfaceReport, NodeNetwork } from "../../base/wanted.ts";
import {
  hasNeighbourDiscovery,
  type InterfaceIpv4,
  type L2Interface,
  type LinkAddressFacts,
  type LinkFacts,
  refuseInterface,
} from "./interface.ts";
import { nodeNetworks } from "./node_networks.ts";

export type LinkFactsChange =
  | { readonly kind: "link"; readonly link: LinkFacts }
  | { readonly kind: "linkGone"; readonly ifindex: number }
  | { readonly kind: "address"; readonly address: LinkAddressFacts }
  | { readonly kind: "addressGone"; readonly address: LinkAddressFacts };

export type LinkTableInput =
  /** All there was: what is not in it is gone. `changes`: what happened since, or shortly before. */
  | {
    readonly kind: "list";
    readonly links: readonly LinkFacts[];
    readonly addresses: readonly LinkAddressFacts[];
    readonly changes?: readonly LinkFactsChange[];
  }
  /** In the order in which they happened. */
  | { readonly kind: "changes"; readonly changes: readonly LinkFactsChange[] }
  /** The kernel refused what `open` asked for. */
  | { readonly kind: "notOpened"; readonly ifindex: number };

/** In the order in which they must be applied. */
export type LinkTableEffect =
  | { readonly kind: "open"; readonly interface: L2Interface }
  /** Other facts of an open interface: its name, MAC or addresses. */
  | { readonly kind: "change"; readonly interface: L2Interface }
  | { readonly kind: "close"; readonly interface: L2Interface }
  /** A link counts from now on whose addresses were not kept: answer with a `list`. */
  | { readonly kind: "listAnew" }
  | { readonly kind: "report"; readonly report: InterfaceReport }
  | { readonly kind: "networks"; readonly networks: readonly NodeNetwork[] };

export interface LinkTableOptions {
  /** Patterns of names, unanchored. */
  readonly exclusions: readonly RegExp[];
  /** After how long an interface that could not be opened is tried again. */
  readonly retryMs?: number;
  /** How long a report waits in which only refusals are others. */
  readonly refusalsMs?: number;
}

interface Entry {
  link: LinkFacts;
  readonly addresses: Map<string, LinkAddressFacts>;
  /** What was given out by `open` or `change`, until `close`. */
  open: L2Interface | undefined;
  /** It could not be announced on for a moment since it was judged last, or what was sent got lost. */
  interrupted: boolean;
  /** Set while it could not be opened. */
  retryAt: Millis | undefined;
}

/** Opening one may take milliseconds: so many at a time, and packets in between. */
const JUDGED_MAX = 8;
const JUDGE_PAUSE_MS = 1;
/** More than people read; a node has a handful of interfaces that are neither used nor excluded. */
const REFUSED_MAX = 256;
/** Excluded names that `inspect` lists. */
const EXCLUDED_SHOWN_MAX = 32;
/** More networks than one looks for a neighbour in. */
const IPV4_MAX = 16;
const SCOPE_LINK = 253;

export class LinkTable implements Machine<LinkTableInput, LinkTableEffect> {
  readonly #exclusions: readonly RegExp[];
  readonly #retryMs: number;
  readonly #refusalsMs: number;
  readonly #entries = new Map<number, Entry>();
  readonly #excluded = new Map<number, string>();
  /** Links that are to be judged. */
  readonly #touched = new Set<number>();
  /** When the next of them are. */
  #judgeAt: Millis = -Infinity;
  readonly #retrying = new Set<number>();
  readonly #effects = new Queue<LinkTableEffect>();
  #told: InterfaceReport | undefined;
  #toldNetworks: string | undefined;
  #reportAt: Millis | undefined;
  #needsList = false;

  constructor(options: LinkTableOptions) {
    this.#exclusions = options.exclusions;
    this.#retryMs = options.retryMs ?? 5000;
    this.#refusalsMs = options.refusalsMs ?? 500;
  }

  handle(input: LinkTableInput | Tick, now: Millis): void {
    switch (input.kind) {
      case "list":
        this.#takeList(input);
        // Where all are excluded there is nothing to judge, and that nothing can be used is to be told all the more.
        if (this.#told === undefined) this.#reportAt = now;
        break;
      case "changes":
        for (const change of input.changes) this.#take(change);
        break;
      case "notOpened":
        this.#notOpened(input.ifindex, now);
        break;
      case "tick":
        this.#retry(now);
        if (this.#touched.size === 0 && this.#reportAt !== undefined && this.#reportAt <= now) this.#report();
    }
    this.#judgeTouched(now);
    if (!this.#needsList) return;
    this.#needsList = false;
    this.#effects.push({ kind: "listAnew" });
  }

  poll(): LinkTableEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    if (this.#touched.size > 0) return { at: this.#judgeAt, why: "more interfaces that changed" };
    const report = this.#reportAt === undefined ? undefined : { at: this.#reportAt, why: "report of the interfaces" };
    let retry: Deadline | undefined;
    for (const ifindex of this.#retrying) {
      const { link, retryAt } = this.#entries.get(ifindex)!;
      retry = earlier(retry, { at: retryAt!, why: `open ${link.name} again` });
    }
    return earlier(report, retry);
  }

  inspect(): JsonObject {
    const refused = this.#refused();
    const excluded = [...this.#excluded.values()];
    return {
      interfaces: [...this.#entries.values()].flatMap(({ open }) =>
        open === undefined ? [] : [{ ifindex: open.ifindex, name: open.name }]
      ),
      notUsed: Object.fromEntries([
        ...refused.map(({ name, reason }) => [name, reason]),
        ...excluded.slice(0, EXCLUDED_SHOWN_MAX).map((name) => [name, "excluded"]),
      ]),
      excluded: excluded.length,
    };
  }

  #takeList({ links, addresses, changes = [] }: LinkTableInput & { kind: "list" }): void {
    // What came up since the list was made is not gone because the list does not have it.
    const listed = new Set(changes.flatMap((change) => change.kind === "link" ? [change.link.ifindex] : []));
    for (const link of links) {
      listed.add(link.ifindex);
      this.#takeLink(link);
    }
    for (const ifindex of [...this.#entries.keys(), ...this.#excluded.keys()]) {
      if (!listed.has(ifindex)) this.#forget(ifindex);
    }
    for (const entry of this.#entries.values()) entry.addresses.clear();
    for (const address of addresses) this.#take({ kind: "address", address });
    for (const ifindex of this.#entries.keys()) this.#touched.add(ifindex);
    // Whatever was missing is here.
    this.#needsList = false;
    for (const change of changes) this.#take(change);
  }

  #take(change: LinkFactsChange): void {
    switch (change.kind) {
      case "link":
        return this.#takeLink(change.link);
      case "linkGone":
        return this.#forget(change.ifindex);
      case "address":
      case "addressGone": {
        const { address } = change;
        const entry = this.#entries.get(address.ifindex);
        if (entry === undefined) return;
        const key = `${address.ip}/${address.prefixLength}`;
        if (change.kind === "address") entry.addresses.set(key, address);
        else entry.addresses.delete(key);
        this.#touched.add(address.ifindex);
      }
    }
  }

  #takeLink(link: LinkFacts): void {
    const { ifindex, name } = link;
    if (link.isMoved) this.#interruptAbove(link);
    if (this.#excluded.get(ifindex) === name) return;
    const known = this.#entries.get(ifindex);
    if (known?.link.name !== name && this.#exclusions.some((pattern) => pattern.test(name))) {
      this.#forget(ifindex);
      this.#excluded.set(ifindex, name);
      return;
    }
    if (this.#excluded.delete(ifindex)) this.#needsList = true;
    this.#touched.add(ifindex);
    if (known === undefined) {
      const entry = { link, addresses: new Map(), open: undefined, interrupted: false, retryAt: undefined };
      this.#entries.set(ifindex, entry);
      return;
    }
    // What was sent before it became operational may have been dropped without an error.
    const becameOperational = known.link.operationalState === "unknown" && link.operationalState === "up";
    if (becameOperational || link.isMoved || refuseInterface(link) !== undefined) known.interrupted = true;
    known.link = link;
  }

  /**
   * The kernel tells it of the VLANs and macvlans on a link that leads elsewhere, and not of a bridge that the link is a
   * port of, nor of what stands on that bridge.
   */
  #interruptAbove(port: LinkFacts): void {
    const above = new Set([port.master]);
    for (const ifindex of above) {
      const entry = ifindex === undefined ? undefined : this.#entries.get(ifindex);
      if (entry === undefined) continue;
      entry.interrupted = true;
      this.#touched.add(entry.link.ifindex);
      above.add(entry.link.master);
      for (const { link } of this.#entries.values()) if (link.lower === ifindex) above.add(link.ifindex);
    }
  }

  #forget(ifindex: number): void {
    this.#excluded.delete(ifindex);
    const entry = this.#entries.get(ifindex);
    if (entry === undefined) return;
    this.#close(entry);
    this.#entries.delete(ifindex);
    this.#retrying.delete(ifindex);
    this.#touched.add(ifindex);
  }

  #judgeTouched(now: Millis): void {
    if (this.#touched.size === 0) return;
    this.#judgeAt = now + JUDGE_PAUSE_MS;
    let judged = 0;
    for (const ifindex of this.#touched) {
      if (judged === JUDGED_MAX) return;
      this.#touched.delete(ifindex);
      const entry = this.#entries.get(ifindex);
      if (entry === undefined) continue;
      this.#judge(entry);
      judged++;
    }
    const isUrgent = this.#told === undefined || !sameTexts(this.#usable(), this.#told.usable) ||
      !sameTexts(this.#ipv4Only(), this.#told.ipv4Only);
    const at = isUrgent ? now : now + this.#refusalsMs;
    this.#reportAt = Math.min(this.#reportAt ?? Infinity, at);
  }

  #judge(entry: Entry): void {
    const { link, interrupted } = entry;
    entry.interrupted = false;
    const isRefused = refuseInterface(link) !== undefined || link.mac === undefined;
    if (isRefused || interrupted) this.#close(entry);
    if (isRefused) {
      entry.retryAt = undefined;
      this.#retrying.delete(link.ifindex);
      return;
    }
    if (entry.retryAt !== undefined) return;
    const facts = describe(entry, link.mac);
    if (entry.open === undefined) this.#effects.push({ kind: "open", interface: facts });
    else if (!isSame(entry.open, facts)) this.#effects.push({ kind: "change", interface: facts });
    entry.open = facts;
  }

  #close(entry: Entry): void {
    if (entry.open === undefined) return;
    this.#effects.push({ kind: "close", interface: entry.open });
    entry.open = undefined;
  }

  #notOpened(ifindex: number, now: Millis): void {
    const entry = this.#entries.get(ifindex);
    if (entry?.open === undefined) return;
    entry.open = undefined;
    entry.retryAt = now + this.#retryMs;
    this.#retrying.add(ifindex);
    this.#touched.add(ifindex);
  }

  #retry(now: Millis): void {
    for (const ifindex of this.#retrying) {
      const entry = this.#entries.get(ifindex)!;
      if (entry.retryAt! > now) continue;
      entry.retryAt = undefined;
      this.#retrying.delete(ifindex);
      this.#touched.add(ifindex);
    }
  }

  #report(): void {
    this.#reportAt = undefined;
    const report = { usable: this.#usable(), ipv4Only: this.#ipv4Only(), refused: this.#refused() };
    if (this.#told === undefined || JSON.stringify(this.#told) !== JSON.stringify(report)) {
      this.#told = report;
      this.#effects.push({ kind: "report", report });
    }
    const networks = this.#networks();
    const text = JSON.stringify(networks);
    if (this.#toldNetworks === text) return;
    this.#toldNetworks = text;
    this.#effects.push({ kind: "networks", networks });
  }

  #usable(): string[] {
    const usable: string[] = [];
    for (const { open } of this.#entries.values()) if (open !== undefined) usable.push(open.name);
    return usable.sort();
  }

  #ipv4Only(): string[] {
    const names: string[] = [];
    for (const { open } of this.#entries.values()) {
      if (open !== undefined && !hasNeighbourDiscovery(open)) names.push(open.name);
    }
    return names.sort();
  }

  #refused(): InterfaceReport["refused"] {
    const refused: { name: string; reason: InterfaceRefusal }[] = [];
    for (const { link, open } of this.#entries.values()) {
      if (open === undefined) refused.push({ name: link.name, reason: refuseInterface(link) ?? "notOpened" });
    }
    return refused.sort((a, b) => a.name < b.name ? -1 : 1).slice(0, REFUSED_MAX);
  }

  #networks(): readonly NodeNetwork[] {
    const used = [...this.#entries.values()].filter(({ open }) => open !== undefined);
    const names = new Map(used.map(({ link }) => [link.ifindex, link.name]));
    return nodeNetworks(used.flatMap(({ addresses }) => [...addresses.values()]), names);
  }
}

function describe({ link, addresses }: Entry, mac: L2Interface["mac"]): L2Interface {
  const ipv4: InterfaceIpv4[] = [];
  let linkLocal: string | undefined;
  for (const { ip: text, prefixLength, scope, tentative } of addresses.values()) {
    const ip = parseIpv4(text);
    if (ip === undefined) {
      if (scope === SCOPE_LINK && !tentative) linkLocal ??= text;
    } else if (prefixLength < 32 && ipv4.length < IPV4_MAX) ipv4.push({ ip, prefixLength });
  }
  return { ifindex: link.ifindex, name: link.name, mac, ipv4, ...(linkLocal === undefined ? {} : { linkLocal }) };
}

function isSame(a: L2Interface, b: L2Interface): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
