/**
 * Which Services are on which address, and on what footing: who *holds* it may have it, who *retired* it gave it up but
 * is perhaps still shown with it by the API.
 *
 * Who holds an address goes on holding it beside others that retired it. Who comes new must get along with all of them,
 * because to the API they are all there.
 */
import { formatIp, type Ip, type IpFamily } from "../../base/ip.ts";
import { shortList } from "../../base/text_list.ts";
import { compareText } from "../config/config.ts";
import type { AllocReason } from "./alloc_request.ts";
import { conflictOf, type Share } from "./share.ts";
import { Sharers } from "./sharers.ts";

export interface Footing {
  readonly isHeld: boolean;
  readonly share: Share | undefined;
}

/** Whoever asks for an address. */
export interface Asking {
  readonly serviceKey: string;
  readonly share?: Share | undefined;
}

interface Seat {
  readonly held: Sharers;
  /** Mostly there are none. */
  retired: Sharers | undefined;
}

/** A text is the one Service that holds the address and shares it with nobody: of most addresses there is no more to say. */
type Users = string | Seat;

/** Services that a message names; of the others it says how many there are. */
const NAMED_MAX = 4;

export class AddressUsers {
  readonly #users: Readonly<Record<IpFamily, Map<bigint, Users>>> = { 4: new Map(), 6: new Map() };

  isUsed(ip: Ip): boolean {
    return this.#users[ip.family].has(ip.value);
  }

  /** By name. */
  usersOf(ip: Ip): string[] {
    const users = this.#users[ip.family].get(ip.value);
    if (users === undefined) return [];
    return typeof users === "string"
      ? [users]
      : [...users.held.keys(), ...users.retired?.keys() ?? []].sort(compareText);
  }

  /** Every address that is used, with the terms of those that share it. */
  *all(): Iterable<{ readonly ip: Ip; readonly shares: Iterable<Share> }> {
    for (const family of [4, 6] as const) {
      for (const [value, users] of this.#users[family]) {
        yield { ip: { family, value }, shares: typeof users === "string" ? [] : sharesOf(users) };
      }
    }
  }

  /** Adds a Service to an address, or gives it another footing there. True when it is the first. */
  set(ip: Ip, user: { readonly serviceKey: string } & Footing): boolean {
    const { serviceKey, isHeld, share } = user;
    const users = this.#users[ip.family].get(ip.value);
    const isAlone = users === undefined || users === serviceKey ||
      (typeof users !== "string" && isOnly(users, serviceKey));
    if (isAlone && isHeld && share === undefined) {
      this.#users[ip.family].set(ip.value, serviceKey);
      return users === undefined;
    }
    const seat = users === undefined || typeof users === "string" ? newSeat(users) : users;
    if (seat !== users) this.#users[ip.family].set(ip.value, seat);
    if (isHeld) {
      seat.retired?.delete(serviceKey);
      seat.held.set(serviceKey, share);
    } else {
      seat.held.delete(serviceKey);
      seat.retired ??= new Sharers();
      seat.retired.set(serviceKey, share);
    }
    return users === undefined;
  }

  /** True when nobody is left. */
  delete(ip: Ip, serviceKey: string): boolean {
    const users = this.#users[ip.family].get(ip.value);
    if (users === undefined) return false;
    if (typeof users !== "string") {
      users.held.delete(serviceKey);
      users.retired?.delete(serviceKey);
      if (sizeOf(users) > 0) return false;
    } else if (users !== serviceKey) return false;
    this.#users[ip.family].delete(ip.value);
    return true;
  }

  /** True when the Service may hold the address on these terms. */
  admits(ip: Ip, { serviceKey, share }: Asking): boolean {
    const users = this.#users[ip.family].get(ip.value);
    if (users === undefined || users === serviceKey) return true;
    if (typeof users === "string") return false;
    if (users.held.conflictWith(serviceKey, share) !== undefined) return false;
    return users.held.has(serviceKey) || users.retired?.conflictWith(serviceKey, share) === undefined;
  }

  /** Why it may not, after `admits` said so; the message in the shape of MetalLB's (reference §5.6). */
  refusal(ip: Ip, { serviceKey, share }: Asking): { readonly reason: AllocReason; readonly message: string } {
    const address = formatIp(ip);
    const others = this.#entries(ip).filter(([key]) => key !== serviceKey);
    const inTheWay = others.filter(([, other]) => conflictOf(share, other) === "key");
    if (inTheWay.length === 0) {
      const [key, other] = others.find(([, one]) => conflictOf(share, one) === "port") ?? ["", undefined];
      const port = [...share?.ports ?? []].find((one) => other?.ports.has(one) === true) ?? "";
      return { reason: "portConflict", message: `port ${port} is already in use on "${address}" by ${key}` };
    }
    const sharesNothing = share === undefined || inTheWay.some(([, other]) => other === undefined);
    const isBackend = !sharesNothing && inTheWay.every(([, other]) => other?.sharingKey === share.sharingKey);
    const why = sharesNothing
      ? `${address} is shared only by Services with the same metallb.io/allow-shared-ip`
      : isBackend
      ? `with externalTrafficPolicy Local ${address} is shared only by Services with the same selector`
      : `the sharing key of ${address} is another one`;
    const names = shortList(inTheWay.map(([key]) => key), { max: NAMED_MAX, separator: "," });
    const message = `can't change sharing key for "${serviceKey}", address also in use by ${names}: ${why}`;
    return { reason: sharesNothing ? "addressInUse" : "sharingConflict", message };
  }

  #entries(ip: Ip): [string, Share | undefined][] {
    const users = this.#users[ip.family].get(ip.value);
    if (users === undefined) return [];
    if (typeof users === "string") return [[users, undefined]];
    return [...users.held.entries(), ...users.retired?.entries() ?? []].sort(([a], [b]) => compareText(a, b));
  }
}

function newSeat(holder: string | undefined): Seat {
  const seat: Seat = { held: new Sharers(), retired: undefined };
  if (holder !== undefined) seat.held.set(holder, undefined);
  return seat;
}

function sizeOf({ held, retired }: Seat): number {
  return held.size + (retired?.size ?? 0);
}

function isOnly(seat: Seat, serviceKey: string): boolean {
  return sizeOf(seat) === 1 && (seat.held.has(serviceKey) || seat.retired?.has(serviceKey) === true);
}

function* sharesOf({ held, retired }: Seat): Iterable<Share> {
  for (const [, share] of held.entries()) if (share !== undefined) yield share;
  for (const [, share] of retired?.entries() ?? []) if (share !== undefined) yield share;
}
