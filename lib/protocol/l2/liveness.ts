/**
 * Liveness: which speakers live, from two witnesses, and which of them have to be watched for that.
 *
 * The watch is quick but costs a probe per pair, so only the pairs that decide about an address have one (`watch_pairs`).
 * The membership (SWIM) knows everybody, seconds later. Where there is a verdict of the watch it holds; for the others
 * the membership does, and a suspect counts as living. A member that is not Herald is never watched.
 *
 * Watched are, beside the pairs: whoever of the candidates is not thought alive, so that it is seen coming back (the
 * watch probes the dead twice a second); and whoever the watch finds alive before the membership says so.
 * After a pause of this process nobody is known any more, so everybody is asked.
 *
 * Whom the watch never heard although the gossip steadily calls it alive is not dead: a firewall closes the watch's port,
 * or it speaks another version of the watch. Of such a one the membership's word counts, or both would answer for ever.
 *
 * Whoever has to know whether it is alone (`--safe`) watches everybody for a while, slowly where nothing else asks for it:
 * a lonely node's gossip needs half a minute and more to find out that nobody is there. Then a silence means what it says.
 *
 * Without a membership every peer is watched and its verdict is all there is.
 */
import type { Json } from "../../base/json.ts";
import type { Deadline, Machine, Tick } from "../../base/machine.ts";
import { countsAsLiving, type Member, type MemberChange, type ReceivedFacts } from "../../base/member.ts";
import { Queue } from "../../base/queue.ts";
import { sameServing, type Serving } from "../../base/serving.ts";
import { sameTexts } from "../../base/text_list.ts";
import type { Millis } from "../../base/time.ts";
import type { PeerState } from "../../base/wanted.ts";

export type LivenessInput =
  /** Speakers that the API lists. */
  | { readonly kind: "peers"; readonly upsert: readonly string[]; readonly remove: readonly string[] }
  /** The verdict of the watch; `undefined`: it does not watch this node any more. */
  | { readonly kind: "watched"; readonly node: string; readonly state: PeerState | undefined }
  /** The life of a node's process that has proven itself to the watch, or, not proven, speaks to us. */
  | { readonly kind: "life"; readonly node: string; readonly generation: number; readonly isProven: boolean }
  /** What a node said of itself to the watch. */
  | { readonly kind: "serving"; readonly node: string; readonly serving: Serving }
  | { readonly kind: "member"; readonly change: MemberChange }
  /** The sockets are open: the membership has its time to join from now on. */
  | { readonly kind: "opened" }
  /** The first attempt to join the membership is over, whatever came of it. */
  | { readonly kind: "membersKnown" }
  /** Whom the addresses need: pairs to watch, and all their candidates. */
  | { readonly kind: "pairs"; readonly watch: ReadonlySet<string>; readonly candidates: ReadonlySet<string> }
  /** Whether it matters now that this node may be alone. */
  | { readonly kind: "watchAll"; readonly all: boolean }
  | { readonly kind: "gap" };

export type LivenessEffect =
  | { readonly kind: "peer"; readonly peer: PeerView }
  /** Living members that are not Herald, sorted; of very many some. */
  | { readonly kind: "foreignMembers"; readonly nodes: readonly string[] }
  /** Watch these, and no others; some of them `slowly`. */
  | { readonly kind: "watch"; readonly nodes: ReadonlySet<string>; readonly slowly: ReadonlySet<string> }
  /** This one lives by the gossip, but not a single probe was answered. */
  | { readonly kind: "unheard"; readonly node: string };

/** A node as it looks from here. */
export interface PeerView {
  readonly node: string;
  /** `undefined`: it is neither a peer nor a member. */
  readonly state: PeerState | undefined;
  /** The life of its process, if it is known: what it said in a former one does not hold. */
  readonly generation?: number | undefined;
  /** What it last said; `undefined`: nothing, and it counts as able to serve. */
  readonly serving?: Serving | undefined;
  /** It lives by the gossip alone: no claim of its, nor of ours, gets through. */
  readonly isUnheard?: boolean;
  /** It is not Herald. */
  readonly isForeign?: boolean;
}

export interface LivenessOptions {
  /** Without one the watch alone decides, and it watches everybody. */
  readonly membership: boolean;
  /** How long the membership may take to join before its silence counts. */
  readonly joinMs?: number;
  /** How long a member must be called alive, and by nobody suspected, before the silence of the watch means nothing. */
  readonly unheardMs?: number;
}

interface Node {
  readonly name: string;
  /** The API lists a speaker there. */
  listed: boolean;
  watched: PeerState | undefined;
  member: Member | undefined;
  /** Its last Meta. It outlives the member, which the gossip may forget and learn again from before. */
  meta: ReceivedFacts | undefined;
  /** What it said last, over whichever way it came. */
  serving: Serving | undefined;
  /** The life of its process that is known. */
  generation: number | undefined;
  /** Not proven since a pause of this process. */
  stale: boolean;
  /** The watch has heard it in this life of its process. */
  heard: boolean;
  /** When the silence of the watch begins to mean nothing; Infinity: it means that it is dead. */
  unheardAt: Millis;
  isUnheard: boolean;
  reported: PeerView;
}

/** One is enough to go by MetalLB's order. A stranger may invent thousands, and each change is told as a whole. */
const FOREIGN_TOLD_MAX = 100;

export class Liveness implements Machine<LivenessInput, LivenessEffect> {
  readonly #options: Required<LivenessOptions>;
  readonly #nodes = new Map<string, Node>();
  readonly #effects = new Queue<LivenessEffect>();
  #pairs: { readonly watch: ReadonlySet<string>; readonly candidates: ReadonlySet<string> };
  #watching: ReadonlySet<string> = new Set();
  #slowly: ReadonlySet<string> = new Set();
  #watchAll = false;
  readonly #foreign = new Set<string>();
  #foreignTold: readonly string[] = [];
  #membersKnown: boolean;
  #joinUntil: Millis | undefined;
  #deadline: Deadline | undefined | "unknown";
  #now: Millis = 0;

  constructor(options: LivenessOptions) {
    this.#options = { joinMs: 1000, unheardMs: 5000, ...options };
    this.#membersKnown = !options.membership;
    this.#pairs = { watch: new Set(), candidates: new Set() };
  }

  handle(input: LivenessInput | Tick, now: Millis): void {
    this.#now = now;
    this.#deadline = "unknown";
    switch (input.kind) {
      case "peers":
        for (const name of input.remove) this.#change(name, (node) => node.listed = false);
        for (const name of input.upsert) this.#change(name, (node) => node.listed = true);
        break;
      case "watched":
        this.#change(input.node, (node) => {
          node.watched = input.state;
          if (!isVerdict(input.state)) return;
          node.stale = false;
          if (input.state === "dead") return;
          node.heard = true;
          node.isUnheard = false;
        });
        break;
      case "life":
        this.#change(input.node, (node) => {
          if (input.isProven) node.generation = input.generation;
          else noteLife(node, input.generation);
        });
        break;
      case "serving":
        this.#change(input.node, (node) => hear(node, input.serving));
        break;
      case "member":
        this.#takeMember(input.change);
        break;
      case "opened":
        if (!this.#membersKnown) this.#joinUntil ??= now + this.#options.joinMs;
        break;
      case "membersKnown":
        this.#knowMembers();
        break;
      case "pairs":
        this.#pairs = input;
        break;
      case "watchAll":
        this.#watchAll = input.all;
        for (const { name } of this.#nodes.values()) this.#change(name, () => {});
        break;
      case "gap":
        for (const node of this.#nodes.values()) {
          // What the gossip said while nobody listened is no steady word.
          node.unheardAt = Infinity;
          this.#change(node.name, () => node.stale = true);
          // There never is another word than the gossip's of this one, and whoever forgot it must hear it again.
          if (isForeign(node)) this.#effects.push({ kind: "peer", peer: node.reported });
        }
        break;
      case "tick":
        if (this.#joinUntil !== undefined && now >= this.#joinUntil) this.#knowMembers();
        for (const node of this.#nodes.values()) if (now >= node.unheardAt) this.#believeGossip(node);
    }
    this.#watch();
  }

  poll(): LivenessEffect | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    // Asked after every packet of any kind, most of which change nothing here.
    if (this.#deadline === "unknown") this.#deadline = this.#findDeadline();
    return this.#deadline;
  }

  inspect(): Json {
    return {
      membersKnown: this.#membersKnown,
      notHerald: this.#foreignTold,
      nodes: [...this.#nodes.values()].map(({ name, watched, member, reported, isUnheard }) => ({
        node: name,
        state: reported.state ?? null,
        watch: watched ?? null,
        neverHeard: isUnheard,
        member: member?.state ?? null,
        herald: member === undefined ? null : member.facts !== undefined,
        usableInterfaces: reported.serving?.usableInterfaces ?? null,
        ipv4OnlyInterfaces: reported.serving?.ipv4OnlyInterfaces ?? null,
        failedLinkProbes: reported.serving?.failedLinkProbes ?? null,
      })),
    };
  }

  /** How many speakers there are beside this one, as far as is known, and how many of them are not known to be dead. */
  count(): { readonly known: number; readonly living: number } {
    let known = 0;
    let living = 0;
    for (const { reported: { state } } of this.#nodes.values()) {
      if (state === undefined) continue;
      known++;
      if (state !== "dead") living++;
    }
    return { known, living };
  }

  #findDeadline(): Deadline | undefined {
    let deadline = this.#joinUntil === undefined
      ? undefined
      : { at: this.#joinUntil, why: "go on without the membership" };
    for (const { name, unheardAt } of this.#nodes.values()) {
      if (unheardAt < (deadline?.at ?? Infinity)) deadline = { at: unheardAt, why: `believe the gossip of ${name}` };
    }
    return deadline;
  }

  #takeMember({ node: name, member }: MemberChange): void {
    this.#change(name, (node) => {
      node.member = member;
      const facts = member?.facts;
      if (facts === undefined) return;
      const isNews = facts.generation !== node.meta?.generation;
      takeMeta(node, facts);
      // Of two lives the gossip's may be the one of before: by its number, or, where the clock went back between them,
      // by having been told before the watch met the present one.
      if (isNews) noteLife(node, facts.generation);
    });
    if (lives(member) && member?.facts === undefined) this.#foreign.add(name);
    else if (!this.#foreign.delete(name)) return;
    const nodes = [...this.#foreign.values().take(FOREIGN_TOLD_MAX)].sort();
    if (sameTexts(nodes, this.#foreignTold)) return;
    this.#foreignTold = nodes;
    this.#effects.push({ kind: "foreignMembers", nodes });
  }

  #knowMembers(): void {
    this.#joinUntil = undefined;
    if (this.#membersKnown) return;
    this.#membersKnown = true;
    for (const { name } of this.#nodes.values()) this.#change(name, () => {});
  }

  #change(name: string, change: (node: Node) => void): void {
    let node = this.#nodes.get(name);
    if (node === undefined) {
      node = {
        name,
        listed: false,
        watched: undefined,
        member: undefined,
        meta: undefined,
        serving: undefined,
        generation: undefined,
        stale: false,
        heard: false,
        unheardAt: Infinity,
        isUnheard: false,
        reported: { node: name, state: undefined, serving: undefined },
      };
      this.#nodes.set(name, node);
    }
    change(node);
    // Who is no peer, not watched, and dead to the membership leaves nothing behind.
    if (!node.listed && node.watched === undefined && !lives(node.member)) this.#nodes.delete(name);
    // Who is alone still takes for a while what the gossip said last for its word.
    if (this.#watchAll || !mayBeUnheard(node) || !this.#nodes.has(name)) node.unheardAt = Infinity;
    else if (node.unheardAt === Infinity) node.unheardAt = this.#now + this.#options.unheardMs;
    const state = this.#nodes.has(name) ? this.#judge(node) : undefined;
    const { generation, serving, isUnheard, reported } = node;
    const isKnown = isUnheard === (reported.isUnheard ?? false) && isForeign(node) === (reported.isForeign ?? false);
    const isSame = state === reported.state && generation === reported.generation && serving === reported.serving;
    if (isSame && isKnown) return;
    const isOther = { ...(isUnheard ? { isUnheard } : {}), ...(isForeign(node) ? { isForeign: true } : {}) };
    node.reported = { node: name, state, generation, serving, ...isOther };
    this.#effects.push({ kind: "peer", peer: node.reported });
  }

  #judge(node: Node): PeerState | undefined {
    const { watched, member, listed } = node;
    if (!this.#options.membership) return watched;
    if (isForeign(node)) return lives(member) ? "alive" : "dead";
    if (node.isUnheard && watched === "dead" && lives(member) && member?.facts !== undefined) return member.facts.state;
    if (isVerdict(watched)) {
      // A speaker that does not speak our watch answers no probe: only the membership tells it from a dead one.
      return watched === "dead" && member === undefined && !this.#membersKnown ? "unknown" : watched;
    }
    if (node.stale) return "unknown";
    if (member?.facts !== undefined) return lives(member) ? member.facts.state : "dead";
    if (watched === "unknown" || !this.#membersKnown) return "unknown";
    return listed ? "dead" : undefined;
  }

  #believeGossip(node: Node): void {
    node.isUnheard = true;
    this.#effects.push({ kind: "unheard", node: node.name });
    this.#change(node.name, () => {});
  }

  #watch(): void {
    if (!this.#options.membership) return;
    const nodes = new Set<string>();
    const slowly = new Set<string>();
    for (const node of this.#nodes.values()) {
      const needs = this.#needsWatch(node);
      const isAsked = needs || (this.#watchAll && node.listed && !isForeign(node));
      if (isAsked) nodes.add(node.name);
      if (isAsked && !needs) slowly.add(node.name);
    }
    if (sameSet(nodes, this.#watching) && sameSet(slowly, this.#slowly)) return;
    this.#watching = nodes;
    this.#slowly = slowly;
    this.#effects.push({ kind: "watch", nodes, slowly });
  }

  #needsWatch(node: Node): boolean {
    const { name, listed, watched, member, reported } = node;
    if (!listed || isForeign(node)) return false;
    if (this.#pairs.watch.has(name)) return true;
    if (!this.#pairs.candidates.has(name)) return false;
    // The gossip may still say that it starts: without the watch it would be that again.
    return reported.state !== "alive" || (watched === "alive" && !saysAlive(member));
  }
}

/** Without proof: of two lives it may be the one of before. */
function noteLife(node: Node, generation: number): void {
  node.generation = Math.max(generation, node.generation ?? generation);
}

function takeMeta(node: Node, facts: ReceivedFacts): void {
  const known = node.meta;
  node.meta = facts;
  const isOfKnownLife = known?.generation === facts.generation;
  // Another life may speak another version of the watch.
  if (!isOfKnownLife) node.heard = node.watched === "alive" || node.watched === "starting";
  // Whoever is heard by the watch tells us sooner than its Meta, which may be old: also when the watch has ended, as
  // long as the Meta is the one from before.
  if (isVerdict(node.watched) && node.watched !== "dead") return;
  if (isOfKnownLife && sameServing(known, facts)) return;
  const { listsAreCut, usableInterfaces, ipv4OnlyInterfaces = [], failedLinkProbes } = facts;
  if (!listsAreCut) hear(node, { usableInterfaces, ipv4OnlyInterfaces, failedLinkProbes });
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.symmetricDifference(b).size === 0;
}

function hear(node: Node, serving: Serving): void {
  if (node.serving === undefined || !sameServing(node.serving, serving)) node.serving = serving;
}

function isVerdict(watched: PeerState | undefined): boolean {
  return watched !== undefined && watched !== "unknown";
}

/** Given up by a watch that never heard it, while nobody in the gossip finds anything wrong with it. */
function mayBeUnheard({ heard, isUnheard, member, watched }: Node): boolean {
  return !heard && !isUnheard && watched === "dead" && member?.state === "alive" && member.facts !== undefined;
}

function isForeign({ member }: Node): boolean {
  return member !== undefined && member.facts === undefined;
}

function saysAlive(member: Member | undefined): boolean {
  return lives(member) && member?.facts?.state === "alive";
}

function lives(member: Member | undefined): boolean {
  return member !== undefined && countsAsLiving(member.state);
}
