/**
 * What a responder of either protocol is told: the interfaces it works on, what to answer for there, and what only to
 * listen for. It knows no frames.
 */
import { formatPacketIp, type Ipv4, type Ipv6 } from "../../base/ip.ts";
import type { JsonObject } from "../../base/json.ts";
import type { Mac } from "../../base/mac.ts";
import type { ClaimForm } from "../../base/conflict.ts";
import { RareMap } from "../../base/rare_map.ts";
import type { InterfaceChange, L2Interface } from "./interface.ts";

export type HeldInput<Ip extends Ipv4 | Ipv6> =
  | InterfaceChange
  | { readonly kind: "own"; readonly ip: Ip; readonly interfaces: "all" | readonly string[] }
  /** Answer nothing, but tell who claims it. */
  | { readonly kind: "listen"; readonly ip: Ip; readonly interfaces: "all" | readonly string[] }
  | { readonly kind: "disown"; readonly ip: Ip };

/** Another station says that it has an address of ours, or that it is about to take it. */
export interface ForeignClaim<Ip extends Ipv4 | Ipv6> {
  readonly kind: "foreignClaim";
  readonly ip: Ip;
  readonly ifindex: number;
  readonly mac: Mac;
  readonly form: ClaimForm;
}

export interface Held {
  /** Canonical text. */
  readonly address: string;
  readonly interfaces: "all" | readonly string[];
  /** False: we only listen. */
  readonly answered: boolean;
}

export class HeldAddresses<Ip extends Ipv4 | Ipv6> {
  readonly #interfaces = new Map<number, L2Interface>();
  readonly #ownMacs = new RareMap<Mac, true>();
  readonly #held = new RareMap<Ip, Held>();

  handle(input: HeldInput<Ip>): void {
    switch (input.kind) {
      case "own":
      case "listen":
        this.#held.set(input.ip, {
          address: formatPacketIp(input.ip),
          interfaces: input.interfaces,
          answered: input.kind === "own",
        });
        return;
      case "disown":
        this.#held.delete(input.ip);
        return;
      case "interface":
        this.#interfaces.set(input.interface.ifindex, input.interface);
        return this.#learnOwnMacs();
      case "interfaceGone":
        this.#interfaces.delete(input.ifindex);
        return this.#learnOwnMacs();
    }
  }

  /** On some interface: an address that is not announced on another one may mean something else in the network there. */
  get(ip: Ip): Held | undefined {
    return this.#held.get(ip);
  }

  interfaceOf(ifindex: number): L2Interface | undefined {
    return this.#interfaces.get(ifindex);
  }

  interfaces(): IterableIterator<L2Interface> {
    return this.#interfaces.values();
  }

  /** A bridge may bring our own frames back. */
  isOwnMac(mac: Mac): boolean {
    return this.#ownMacs.has(mac);
  }

  /** `more`: what else is to be shown of an address. */
  picture(answered: boolean, more: (ip: Ip) => JsonObject = () => ({})): JsonObject[] {
    return [...this.#held].filter(([, held]) => held.answered === answered)
      .map(([ip, { address, interfaces }]) => ({ address, interfaces, ...more(ip) }));
  }

  #learnOwnMacs(): void {
    this.#ownMacs.clear();
    for (const { mac } of this.#interfaces.values()) this.#ownMacs.set(mac, true);
  }
}
