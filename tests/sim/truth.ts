/**
 * What the cluster is meant to look like, as plain facts, and a naive model of who may announce what: MetalLB's rules
 * (reference §6.4) read once more, from the facts alone and without any of the program's code.
 */
import { createHash } from "node:crypto";

/** Whether a better candidate that comes back takes an address from who has it; a number: after so many milliseconds. */
export type Failback = "immediate" | "never" | number;

export type InterfaceList = "all" | readonly string[];

export interface TruthNode {
  readonly name: string;
  zone: string;
  excluded: boolean;
}

export interface TruthService {
  readonly name: string;
  addresses: readonly string[];
  /** `externalTrafficPolicy: Local`. */
  local: boolean;
  sharingKey: string | undefined;
  /** Node of each endpoint, and whether it is ready. */
  endpoints: readonly { readonly node: string; readonly ready: boolean }[];
}

export class Truth {
  readonly nodes = new Map<string, TruthNode>();
  readonly services = new Map<string, TruthService>();
  /** The advertisement selects nodes of this zone only. */
  onlyZone: string | undefined;
  preferredZone: string | undefined;
  failback: Failback = "immediate";
  /** By zone, on which interfaces the nodes announce; a zone that is not here: on all. */
  interfaces: ReadonlyMap<string, InterfaceList> = new Map();
  /** Addresses that must answer on the segment (`herald.dev/link-probe`). */
  linkProbes: readonly string[] = [];

  /** Names of the nodes that may announce an address, in order. */
  candidates(address: string): string[] {
    const holders = [...this.services.values()].filter(({ addresses }) => addresses.includes(address));
    for (const service of holders.sort((a, b) => a.name < b.name ? -1 : 1)) {
      const candidates = this.#candidatesOf(service);
      if (candidates.length > 0) return candidates;
    }
    return [];
  }

  #candidatesOf({ addresses, endpoints, local }: TruthService): string[] {
    const ready = endpoints.filter((endpoint) => endpoint.ready);
    if (ready.length === 0) return [];
    return [...this.nodes.values()]
      .filter(({ excluded, zone }) => !excluded && (this.onlyZone === undefined || zone === this.onlyZone))
      .filter(({ name }) => !local || ready.some(({ node }) => node === name))
      .map(({ name, zone }) => ({
        name,
        rank: zone === this.preferredZone ? 0 : 1,
        hash: createHash("sha256").update(`${name}#${addresses[0]}`).digest("hex"),
      }))
      .sort((a, b) => a.rank - b.rank || (a.hash < b.hash ? -1 : 1))
      .map(({ name }) => name);
  }
}
