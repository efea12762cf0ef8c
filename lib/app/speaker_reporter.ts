/**
 * Gathers what a speaker says of itself and of the others, and hands it on as the annotations of its ConfigurationState
 * (`decision/config/speaker_report`): at most every few seconds, because a link that flaps must not become a stream of
 * writes, and what concerns the members later the more of them there are, because then all of them write it.
 */
import { below, type Rng } from "../base/rng.ts";
import type { Member, MemberChange } from "../base/member.ts";
import type { Serving } from "../base/serving.ts";
import type { Clock, Millis } from "../base/time.ts";
import type { InterfaceReport, NodeNetwork } from "../base/wanted.ts";
import { formatNetworks, NETWORKS_ANNOTATION } from "../decision/config/node_networks.ts";
import {
  FAILED_LINK_PROBES_ANNOTATION,
  formatInterfaces,
  formatMembers,
  INTERFACES_ANNOTATION,
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
  readonly #annotations = new Map<string, string>();
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
  }

  takeServing({ failedLinkProbes }: Serving): void {
    this.#set(FAILED_LINK_PROBES_ANNOTATION, failedLinkProbes.join(" "));
  }

  takeMember({ node, member }: MemberChange): void {
    if (member === undefined) this.#members.delete(node);
    else this.#members.set(node, member);
    const spreadMs = (this.#members.size * 1000) / MEMBER_WRITES_PER_SECOND;
    const text = formatMembers(this.#members.values(), { version: this.#version });
    this.#set(MEMBERS_ANNOTATION, text, below(this.#deps.rng, Math.ceil(spreadMs) + 1));
  }

  stop(): void {
    this.#cancel?.();
  }

  #set(key: string, text: string, delayMs = 0): void {
    if (this.#annotations.get(key) === text) return;
    this.#annotations.set(key, text);
    const now = this.#deps.clock.now();
    const at = Math.max(now + delayMs, this.#toldAt + EVERY_MS);
    if (at >= this.#dueAt) return;
    this.#cancel?.();
    this.#dueAt = at;
    this.#cancel = this.#schedule(() => this.#tell(), at - now);
  }

  #tell(): void {
    this.#cancel = undefined;
    this.#dueAt = Infinity;
    this.#toldAt = this.#deps.clock.now();
    this.#deps.annotate(Object.fromEntries(this.#annotations));
  }
}
