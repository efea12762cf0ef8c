/**
 * Events on Services about their announcement on layer 2, in MetalLB's words (reference §6.5, §6.6), but told when
 * something changes and not on every pass.
 *
 *     nodeAssigned                  this node begins to announce the Service
 *     announceFailed                none of the interfaces that the advertisements name exists on the node
 *     sharedIPWithServiceSelector   nobody announces it, which MetalLB tells its log alone
 */
import type { InterfaceReport, WantedAddress } from "../base/wanted.ts";
import { hashOrder } from "../decision/plan/candidates.ts";
import type { ServiceL2Plan } from "../decision/plan/service_l2_plan.ts";

export interface AnnouncementEvent {
  readonly service: string;
  readonly type: "Normal" | "Warning";
  readonly reason: "nodeAssigned" | "announceFailed" | "sharedIPWithServiceSelector";
  readonly message: string;
}

export class AnnouncementEvents {
  readonly #node: string;
  readonly #record: (event: AnnouncementEvent) => void;
  /** Services that this node was said to announce. */
  readonly #assigned = new Set<string>();
  /** Addresses whose interfaces were said to be missing. */
  readonly #failed = new Set<string>();
  /** Services that were said to be silent. */
  readonly #silent = new Set<string>();

  constructor(options: { readonly node: string }, deps: { readonly record: (event: AnnouncementEvent) => void }) {
    this.#node = options.node;
    this.#record = deps.record;
  }

  /** Whether this node announces the Service by any of its addresses, each time that this may have changed. */
  announced(service: string, isAnnounced: boolean): void {
    if (!isAnnounced) {
      this.#assigned.delete(service);
      return;
    }
    if (this.#assigned.has(service)) return;
    this.#assigned.add(service);
    const message = `announcing from node "${this.#node}" with protocol "layer2"`;
    this.#record({ service, type: "Normal", reason: "nodeAssigned", message });
  }

  /** `isAssigned`: the address is announced from here, or would be if the node had an interface for it. */
  interfacesOf(wanted: WantedAddress, { report, isAssigned }: { report: InterfaceReport; isAssigned: boolean }): void {
    const { address, interfaces, services } = wanted;
    const known = (name: string) =>
      report.usable.includes(name) || report.refused.some((one) => one.name === name && one.reason !== "excluded");
    if (!isAssigned || interfaces === "all" || interfaces.some(known)) {
      this.#failed.delete(address);
      return;
    }
    if (this.#failed.has(address)) return;
    this.#failed.add(address);
    const message = `the interfaces specified by LB IP "${address}" doesn't exist in assigned node "${this.#node}" ` +
      'with protocol "layer2"';
    for (const service of services) this.#record({ service, type: "Warning", reason: "announceFailed", message });
  }

  /** Nobody wants the address any more. */
  forget(address: string): void {
    this.#failed.delete(address);
  }

  /**
   * The plan of a Service, each time that it changed; `undefined` when the Service is gone. Every speaker sees the same:
   * of `speakers`, the nodes that have one, the first in the order of the hashes tells it.
   */
  planned(service: string, { plan, speakers }: { plan: ServiceL2Plan | undefined; speakers: readonly string[] }): void {
    if (plan?.reason !== "sharedIPWithServiceSelector") {
      this.#silent.delete(service);
      return;
    }
    if (this.#silent.has(service)) return;
    this.#silent.add(service);
    if (hashOrder(service, speakers)[0] !== this.#node) return;
    this.#record({ service, type: "Warning", reason: "sharedIPWithServiceSelector", message: plan.message });
  }
}
