/**
 * What this speaker does on layer 2, told to people: the log, events on Services and `ServiceL2Status` objects, each from
 * the plan and from what the packet thread reports of it.
 */
import type { KubeObject } from "../base/kube.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Clock } from "../base/time.ts";
import type { InterfaceReport, WantedAddress } from "../base/wanted.ts";
import type { L2Plan } from "../decision/plan/l2_plan.ts";
import type { KubeClient } from "../edge/kube/client.ts";
import type { EventToRecord } from "../edge/kube/events.ts";
import { AnnouncementEvents } from "./announcement_events.ts";
import { Announcements, type OwnershipReport } from "./announcements.ts";
import { L2StatusWriter } from "./l2_status_writer.ts";

export interface Layer2ReporterOptions {
  /** Herald's own. */
  readonly namespace: string;
  readonly node: string;
  readonly podName: string;
}

/** What the API wants, as a `WantedSource` shows it. */
export interface PlanSource {
  readonly begun: boolean;
  readonly synced: boolean;
  readonly plan: L2Plan;
  readonly speakers: readonly string[];
  service(key: string): KubeObject | undefined;
}

export interface Layer2ReporterDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly source: () => PlanSource;
  readonly record: (event: EventToRecord) => void;
  /** Who announced what before this speaker started is known now. */
  readonly onStatusesSynced: () => void;
}

export class Layer2Reporter {
  readonly announcements: Announcements;
  readonly statuses: L2StatusWriter;
  readonly #node: string;
  readonly #deps: Layer2ReporterDeps;
  readonly #events: AnnouncementEvents;
  /** `undefined` until the packet thread has listed them. */
  #interfaces: InterfaceReport | undefined;
  #planSeen = false;

  constructor(options: Layer2ReporterOptions, deps: Layer2ReporterDeps) {
    const { node } = options;
    this.#node = node;
    this.#deps = deps;
    this.announcements = new Announcements({ node }, {
      plan: () => deps.source().begun ? deps.source().plan : undefined,
    });
    this.#events = new AnnouncementEvents({ node }, {
      record: ({ service, ...event }) => this.record(service, event),
    });
    this.statuses = new L2StatusWriter(options, {
      ...deps,
      claimOf: (service) => this.announcements.claimOf(service),
      onSynced: deps.onStatusesSynced,
    });
  }

  /** Of a Service that is not there any more nothing can be told. */
  record(service: string, event: Omit<EventToRecord, "object">): void {
    const object = this.#deps.source().service(service);
    if (object !== undefined) this.#deps.record({ object, ...event });
  }

  /** As {@linkcode record}, for all Services that have the address now. */
  recordAll(address: string, event: Omit<EventToRecord, "object">): void {
    for (const service of this.servicesOf(address)) this.record(service, event);
  }

  servicesOf(address: string): readonly string[] {
    return this.#deps.source().plan.addresses.get(address)?.services ?? [];
  }

  takeOwnership(report: OwnershipReport): void {
    const { address, services, now, wasAnnounced, isAnnounced } = this.announcements.take(report);
    const what = { ips: [address], services, reason: now.reason, elected: now.elected };
    const { log, source } = this.#deps;
    if (!wasAnnounced && isAnnounced) log({ level: "info", event: "serviceAnnounced", ...what, protocol: "layer2" });
    else if (now.owned && !isAnnounced) log({ level: "warn", event: "announcedNowhere", ...what });
    else if (wasAnnounced && !isAnnounced) log({ level: "info", event: "serviceWithdrawn", ...what });
    else log({ level: "debug", event: "ownershipChanged", ...what, owned: now.owned });
    // What a snapshot wants has no Service yet that something could be written to.
    if (source().synced) { for (const service of services) this.#takeClaim(service); }
    const wanted = source().plan.addresses.get(address);
    if (wanted === undefined) this.#events.forget(address);
    else this.#checkInterfaces(wanted);
  }

  takeInterfaces(report: InterfaceReport): void {
    this.#interfaces = report;
    for (const wanted of this.#deps.source().plan.addresses.values()) this.#checkInterfaces(wanted);
  }

  /** The plans of these Services may be others than before. */
  takePlan(services: ReadonlySet<string>): void {
    const { plan, speakers } = this.#deps.source();
    if (!this.#planSeen) this.statuses.touchAll();
    this.#planSeen = true;
    for (const service of services) {
      const planned = plan.services.get(service);
      this.#events.planned(service, { plan: planned, speakers });
      this.#takeClaim(service);
      for (const { address } of planned?.addresses ?? []) this.#checkInterfaces(plan.addresses.get(address)!);
    }
  }

  #takeClaim(service: string): void {
    const { state } = this.announcements.claimOf(service);
    if (state !== "undecided") this.#events.announced(service, state === "announced");
    this.statuses.touch(service);
  }

  /** Where the node that is to announce has no such interface, nobody hears it. */
  #checkInterfaces(wanted: WantedAddress): void {
    const report = this.#interfaces;
    const announcement = this.announcements.of(wanted.address);
    if (report === undefined || announcement === undefined) return;
    const { owned, elected } = announcement;
    const isAssigned = owned || (elected === null && wanted.candidates[0] === this.#node);
    this.#events.interfacesOf(wanted, { report, isAssigned });
  }
}
