/**
 * Nodes that have the hardware address of one of our interfaces, as cloned virtual machines do.
 *
 * Switches send what is for one of the two to whichever spoke last, so each is half deaf and nothing else says why. The
 * two do not hear each other's datagrams, which are for one and the same station; but their broadcasts reach everybody:
 * a frame that says "I am node B" with a hardware address of ours gives it away. It is over when none came for a while,
 * as kernels that look for each other in vain ask every few seconds.
 */
import { Agenda } from "../../base/agenda.ts";
import type { SharedMacState } from "../../base/conflict.ts";
import type { Deadline } from "../../base/machine.ts";
import type { Mac } from "../../base/mac.ts";
import type { Millis } from "../../base/time.ts";
import type { L2Interface } from "./interface.ts";

export interface SharedMacEffect {
  readonly kind: "sharedMac";
  readonly state: SharedMacState;
  readonly other: string;
  readonly mac: Mac;
  /** Our interface that has it. */
  readonly interface: string;
}

const QUIET_MS = 5 * 60_000;

export class SharedMacs {
  /** By node: peers alone, so there are no more than those. */
  readonly #found = new Map<string, L2Interface>();
  /** When each is over. */
  readonly #agenda = new Agenda<string>();
  readonly #push: (effect: SharedMacEffect) => void;

  constructor(deps: { readonly push: (effect: SharedMacEffect) => void }) {
    this.#push = deps.push;
  }

  /** A frame of that node came from the hardware address of our interface. */
  see(node: string, on: L2Interface, now: Millis): void {
    this.#agenda.set(node, now + QUIET_MS);
    const known = this.#found.get(node);
    if (known?.mac === on.mac) return;
    this.#found.set(node, on);
    this.#tell("found", node, on);
  }

  /** It is no peer any more. */
  forget(node: string): void {
    const on = this.#found.get(node);
    if (on === undefined) return;
    this.#found.delete(node);
    this.#agenda.delete(node);
    this.#tell("gone", node, on);
  }

  tick(now: Millis): void {
    for (let node; (node = this.#agenda.takeDue(now)) !== undefined;) this.forget(node);
  }

  deadline(): Deadline | undefined {
    const next = this.#agenda.next();
    return next === undefined ? undefined : { at: next.at, why: `the node ${next.key} had our MAC` };
  }

  #tell(state: SharedMacState, other: string, { mac, name }: L2Interface): void {
    this.#push({ kind: "sharedMac", state, other, mac, interface: name });
  }
}
