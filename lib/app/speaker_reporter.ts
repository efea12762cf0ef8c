/**
 * Gathers what a speaker says of itself and of the others, and hands it on as the annotations of its ConfigurationState
 * (`decision/config/speaker_report`): at most every few seconds, because a link that flaps must not become a stream of
 * writes, and what concerns the members later the more of them there are, because then all of them write it.
 */
import { below, type Rng } from "../base/rng.ts";
import { countsAsLiving, type Member, type MemberChange, type MemberState } from "../base/member.ts";
import type { Serving } from "../base/serving.ts";
import type { Clock, Millis } from "../base/time.ts";
import type { InterfaceReport, NodeNetwork, PeerState } from "../base/wanted.ts";
import { formatNetworks, NETWORKS_ANNOTATION } from "../decision/config/node_networks.ts";
import {
  FAILED_LINK_PROBES_ANNOTATION,
  formatInterfaces,
  formatIpv4Only,
  formatMembers,
  INTERFACES_ANNOTATION,
  IPV4_ONLY_INTERFACES_ANNOTATION,
  MEMBERS_ANNOTATION,
} from "../decision/config/speaker_report.ts";
import { type Schedule, systemSchedule } from "../edge/kube/schedule.ts";

export interface SpeakerReporterDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly schedule?: Schedule;
  readonly annotate: (annotations: Readonly<Record<string, string>>) => void;
}

const EVERY_MS = 3000;
/** Cluster-wide so many writes a second about one change of membership. */
const MEMBER_WRITES_PER_SECOND = 10;

export class SpeakerReporter {
  readonly #version: string;
  readonly #deps: SpeakerReporterDeps;
  readonly #schedule: Schedule;
  readonly #members = new Map<string, Member>();
  readonly #deadPeers = new Set<string>();
  readonly #annotations = new Map<string, string>();
  #membersChanged = false;
  #stopped = false;
  #toldAt: Millis = -Infinity;
  #dueAt: Millis = Infinity;
  #cancel: (() => void) | undefined;

  constructor(options: { readonly version: string }, deps: SpeakerReporterDeps) {
    this.#version = options.version;
    this.#deps = deps;
    this.#schedule = deps.schedule ?? systemSchedule;
  }

  takeNetworks(networks: readonly NodeNetwork[]): void {
    this.#set(NETWORKS_ANNOTATION, formatNetworks(networks));
  }

  takeInterfaces(report: InterfaceReport): void {
    this.#set(INTERFACES_ANNOTATION, formatInterfaces(report));
    this.#set(IPV4_ONLY_INTERFACES_ANNOTATION, formatIpv4Only(report));
  }

  takeServing({ failedLinkProbes }: Serving): void {
    this.#set(FAILED_LINK_PROBES_ANNOTATION, failedLinkProbes.join(" "));
  }

  takeMember({ node, member }: MemberChange): void {
    if (member === undefined) this.#members.delete(node);
    else this.#members.set(node, member);
    this.#tellMembers();
  }

  /** The watch sees a death seconds before the gossip does, of those that it watches. */
  takePeer(node: string, state: PeerState): void {
    if (state === "dead") this.#deadPeers.add(node);
    else if (!this.#deadPeers.delete(node)) return;
    if (this.#members.has(node)) this.#tellMembers();
  }

  /** The other speakers in the gossip, as the gossip itself sees them. */
  memberStates(): Record<MemberState, number> {
    const states = { alive: 0, suspect: 0, dead: 0, left: 0 };
    for (const { state } of this.#members.values()) states[state]++;
    return states;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /** The text is made when it is told: a thousand members that join at once are listed once. */
  #tellMembers(): void {
    this.#membersChanged = true;
    const spreadMs = (this.#members.size * 1000) / MEMBER_WRITES_PER_SECOND;
    this.#tellIn(below(this.#deps.rng, Math.ceil(spreadMs) + 1));
  }

  #membersText(): string {
    for (const node of this.#deadPeers) if (!this.#members.has(node)) this.#deadPeers.delete(node);
    const members = [...this.#members.values()].map((member): Member =>
      countsAsLiving(member.state) && this.#deadPeers.has(member.node) ? { ...member, state: "dead" } : member
    );
    return formatMembers(members, { version: this.#version });
  }

  #set(key: string, text: string): void {
    if (this.#annotations.get(key) === text) return;
    this.#annotations.set(key, text);
    this.#tellIn(0);
  }

  #tellIn(delayMs: number): void {
    const now = this.#deps.clock.now();
    const at = Math.max(now + delayMs, this.#toldAt + EVERY_MS);
    if (at >= this.#dueAt || this.#stopped) return;
    this.#cancel?.();
    this.#dueAt = at;
    this.#cancel = this.#schedule(() => this.#tell(), at - now);
  }

  #tell(): void {
    this.#cancel = undefined;
    this.#dueAt = Infinity;
    this.#toldAt = this.#deps.clock.now();
    if (this.#membersChanged) this.#annotations.set(MEMBERS_ANNOTATION, this.#membersText());
    this.#membersChanged = false;
    this.#deps.annotate(Object.fromEntries(this.#annotations));
  }
}
