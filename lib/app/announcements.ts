/**
 * What this speaker announces, as its packet thread reports it, joined with what the plan wants: the one place that
 * metrics, log, events and `ServiceL2Status` ask.
 */
import type { Json } from "../base/json.ts";
import { type FromPacketThread, lacksWire, type WantedAddress } from "../base/wanted.ts";
import type { L2Plan } from "../decision/plan/l2_plan.ts";
import { unionOfInterfaces } from "../decision/plan/interfaces_by_node.ts";
import type { StatusClaim } from "../decision/plan/status_plan.ts";

export type OwnershipReport = FromPacketThread & { readonly kind: "ownership" };

export interface Announcement {
  readonly owned: boolean;
  readonly reason: string;
  readonly elected: string | null;
}

/** One report, held against the one before it. */
export interface AnnouncementChange {
  readonly address: string;
  readonly now: Announcement;
  /** On the wire, before and now. */
  readonly wasAnnounced: boolean;
  readonly isAnnounced: boolean;
  /** Services that hold the address or did so when it was last reported, sorted. */
  readonly services: readonly string[];
}

/** Reasons that say "not yet" and not "no". */
const UNDECIDED: ReadonlySet<string> = new Set([
  "waitingForPeers",
  "waitingForSnapshot",
  "waitingForClaims",
  "probing",
]);

export class Announcements {
  readonly #node: string;
  readonly #plan: () => L2Plan | undefined;
  readonly #byAddress = new Map<string, Announcement & { readonly services: readonly string[] }>();

  /** `plan` is `undefined` until the API has been read once: then nothing can be said of any Service. */
  constructor(options: { readonly node: string }, deps: { readonly plan: () => L2Plan | undefined }) {
    this.#node = options.node;
    this.#plan = deps.plan;
  }

  take({ address, owned, reason, elected }: OwnershipReport): AnnouncementChange {
    const before = this.#byAddress.get(address);
    const wanted = this.#plan()?.addresses.get(address);
    const services = wanted?.services ?? before?.services ?? [];
    if (wanted === undefined && !owned) this.#byAddress.delete(address);
    else this.#byAddress.set(address, { owned, reason, elected, services });
    const now = { owned, reason, elected };
    return { address, now, wasAnnounced: isOnTheWire(before), isAnnounced: isOnTheWire(now), services };
  }

  of(address: string): Announcement | undefined {
    return this.#byAddress.get(address);
  }

  /** Addresses that are announced now, with the Services that hold them. */
  announced(): { readonly address: string; readonly services: readonly string[] }[] {
    const addresses = this.#plan()?.addresses;
    return [...this.#byAddress].filter(([, one]) => isOnTheWire(one))
      .map(([address]) => ({ address, services: addresses?.get(address)?.services ?? [] }));
  }

  /** With the node that announces it now, as far as this one knows, where a failback policy will ask for it. */
  withHolders(addresses: ReadonlyMap<string, WantedAddress>): WantedAddress[] {
    return [...addresses.values()].map((wanted) => {
      const report = this.#byAddress.get(wanted.address);
      if (report === undefined || (wanted.policy?.failback ?? "immediate") === "immediate") return wanted;
      const lastHolder = report.owned ? this.#node : report.elected ?? wanted.lastHolder;
      return lastHolder === undefined ? wanted : { ...wanted, lastHolder };
    });
  }

  /** What there is to say of a Service in a `ServiceL2Status`. */
  claimOf(serviceKey: string): StatusClaim {
    const plan = this.#plan();
    if (plan === undefined) return UNKNOWN;
    const wanted = wantedOf(serviceKey, plan);
    const reports = wanted.map(({ address }) => this.#byAddress.get(address));
    const own = wanted.filter(({ address }) => isOnTheWire(this.#byAddress.get(address)));
    const elected = reports.flatMap((report) => report?.elected ?? []);
    const isOpen = reports.some((report) => report === undefined || UNDECIDED.has(report.reason));
    return {
      state: own.length > 0 ? "announced" : isOpen ? "undecided" : "silent",
      interfaces: unionOfInterfaces(own.map(({ interfaces }) => interfaces)),
      others: new Set(elected.filter((node) => node !== this.#node)),
      isOver: wanted.length === 0,
    };
  }

  inspect(): Json {
    return Object.fromEntries(
      [...this.#byAddress].map(([address, { owned, reason, elected }]) => [address, { owned, reason, elected }]),
    );
  }
}

function isOnTheWire(announcement: Announcement | undefined): boolean {
  return announcement !== undefined && announcement.owned && !lacksWire(announcement.reason);
}

const UNKNOWN: StatusClaim = { state: "undecided", interfaces: "all", others: new Set(), isOver: false };

function wantedOf(serviceKey: string, { services, addresses }: L2Plan): WantedAddress[] {
  return (services.get(serviceKey)?.addresses ?? []).flatMap(({ address }) => addresses.get(address) ?? []);
}
