/**
 * Claim delivery: brings what this node says of its addresses to the other speakers, whatever is lost on the way.
 *
 *     told ──> sent ──────── receipt ───────> done
 *              │  ^                            (what does not hold any more is left out whenever it is sent again)
 *              │  └─ after 125, 250, 500 ms
 *              v
 *              missed ── a message a second ── receipt ──> all that was missed is told anew
 *
 * A word that one node did not hear would stay wrong there until the address changes hands again. So each message is
 * repeated until its receipt comes: a few times soon, because somebody may wait for it, then slowly for as long as the
 * other one lives. To the dead nothing is repeated; who is back hears what was given up meanwhile.
 *
 * An answer to a question ends with a message of its own, when the receipts of all before it are there. Whoever gives
 * none hears the end with the last of them.
 *
 * It does not know what the words mean, only whether they still hold (`isCurrent`).
 */
import { Agenda } from "../../base/agenda.ts";
import type { Deadline } from "../../base/machine.ts";
import { Queue } from "../../base/queue.ts";
import { hex64, type Rng } from "../../base/rng.ts";
import type { Millis } from "../../base/time.ts";
import type { Claim } from "./ownership_io.ts";

export interface SendClaims {
  readonly kind: "sendClaims";
  readonly node: string;
  readonly nonce: string;
  readonly claims: {
    readonly entries: readonly Claim[];
    readonly standing: boolean;
    /** That was all; the nonce is that of the question. */
    readonly last: boolean;
  };
}

export interface ClaimDeliveryOptions {
  /** How many claims fit into one message. */
  readonly entriesMax: number;
  /** Messages per millisecond; what is left waits, so that packets get their turn. */
  readonly messagesPerMs?: number;
  /** From the first message to its first repetition; each further pause is twice as long. */
  readonly repeatMs?: number;
  /** How often a message is sent before it counts as missed. */
  readonly sendsMax?: number;
}

export interface ClaimDeliveryDeps {
  readonly rng: Rng;
  /** False for a word beside which something else has been said. */
  readonly isCurrent: (claim: Claim) => boolean;
}

export interface ClaimQuestion {
  readonly nonce: string;
  /** Of the process that asks. */
  readonly generation: number;
}

interface Recipient {
  readonly node: string;
  /** Not known any more: false. */
  givesReceipts: boolean;
  isDead: boolean;
  /** Parcels that wait to be sent for the first time. */
  unsent: number;
  readonly unconfirmed: Map<string, Parcel>;
  /** By address. */
  readonly missed: Map<string, Claim>;
  /** What it asked, until it has heard everything. */
  question: ClaimQuestion | undefined;
}

interface Parcel {
  readonly to: Recipient;
  /** Made when it is first sent. */
  nonce: string | undefined;
  readonly entries: readonly Claim[];
  readonly standing: boolean;
  readonly last: boolean;
  sends: number;
}

/** What does not fit counts as missed. */
const OUTBOX_MAX = 20_000;
/** Addresses per node. */
const MISSED_MAX = 10_000;

export class ClaimDelivery {
  readonly #options: Required<ClaimDeliveryOptions>;
  readonly #deps: ClaimDeliveryDeps;
  readonly #recipients = new Map<string, Recipient>();
  readonly #outbox = new Queue<Parcel>();
  /** When a parcel without a receipt is sent again, or counts as missed. */
  readonly #repeats = new Agenda<Parcel>();
  /** Who missed something because the outbox was full. */
  readonly #overflowed = new Set<Recipient>();
  readonly #effects = new Queue<SendClaims>();
  #turnAt: Millis = -Infinity;
  #turnLeft = 0;

  constructor(options: ClaimDeliveryOptions, deps: ClaimDeliveryDeps) {
    this.#options = { messagesPerMs: 32, repeatMs: 125, sendsMax: 4, ...options };
    this.#deps = deps;
  }

  poll(): SendClaims | undefined {
    return this.#effects.shift();
  }

  deadline(): Deadline | undefined {
    const turnAt = this.#turnLeft > 0 ? -Infinity : this.#turnAt + 1;
    const workAt = this.#outbox.size > 0 ? turnAt : this.#repeats.next()?.at ?? Infinity;
    return workAt === Infinity ? undefined : { at: Math.max(workAt, turnAt), why: "claims" };
  }

  /** Messages that wait, messages without a receipt, and claims that were missed. */
  sizes(): { readonly waiting: number; readonly unconfirmed: number; readonly missed: number } {
    const missed = this.#recipients.values().reduce((sum, recipient) => sum + recipient.missed.size, 0);
    return { waiting: this.#outbox.size, unconfirmed: this.#repeats.size, missed };
  }

  setPeer(node: string, { givesReceipts, isDead }: Pick<Recipient, "givesReceipts" | "isDead">): void {
    const known = this.#recipients.get(node);
    if (known === undefined) {
      this.#recipients.set(node, { ...stranger(node), givesReceipts, isDead });
      return;
    }
    const wasFollowed = isFollowed(known);
    known.givesReceipts = givesReceipts;
    known.isDead = isDead;
    if (isFollowed(known)) return wasFollowed ? undefined : this.#tellMissed(known);
    known.question = undefined;
    for (const parcel of [...known.unconfirmed.values()]) this.#giveUp(parcel);
  }

  forgetPeer(node: string): void {
    const recipient = this.#recipients.get(node);
    if (recipient === undefined) return;
    this.#recipients.delete(node);
    for (const parcel of recipient.unconfirmed.values()) this.#repeats.delete(parcel);
    recipient.unconfirmed.clear();
    recipient.givesReceipts = false;
  }

  /** `standing`: it has been so for a while, and the other one may not know. */
  tell(node: string, claims: readonly Claim[], { standing }: { readonly standing: boolean }): void {
    this.tellAll([node], claims, { standing });
  }

  /** The same to several: each hears all of it before the next one does. */
  tellAll(nodes: Iterable<string>, claims: readonly Claim[], { standing }: { readonly standing: boolean }): void {
    const { entriesMax } = this.#options;
    const parts = Array.from(
      { length: Math.ceil(claims.length / entriesMax) },
      (_, part) => claims.slice(part * entriesMax, (part + 1) * entriesMax),
    );
    for (const node of nodes) {
      const to = this.#recipients.get(node) ?? stranger(node);
      for (const entries of parts) this.#put(parcelFor(to, entries, { standing }));
    }
  }

  /** Whom nothing can be told now is told later what does not hold any more. */
  keepFor(node: string, claims: readonly Claim[]): void {
    const recipient = this.#recipients.get(node);
    if (recipient !== undefined) this.#miss(claims, recipient);
  }

  /** Everything, and then that it was everything. */
  answer(node: string, claims: readonly Claim[], question: ClaimQuestion): void {
    const recipient = this.#recipients.get(node);
    if (recipient === undefined || !isFollowed(recipient)) {
      return this.#answerOnce(recipient ?? stranger(node), claims, question);
    }
    // What the same process has given receipts for it knows.
    const isAskedAgain = recipient.question?.generation === question.generation;
    recipient.question = question;
    if (!isAskedAgain) this.tell(node, claims, { standing: false });
    this.#endAnswer(recipient);
  }

  /** Without receipts nobody knows what arrives first: what fits comes in one message with the word that it was all. */
  #answerOnce(to: Recipient, claims: readonly Claim[], { nonce }: ClaimQuestion): void {
    const { entriesMax } = this.#options;
    const ofLast = claims.length % entriesMax || Math.min(claims.length, entriesMax);
    this.tell(to.node, claims.slice(0, claims.length - ofLast), { standing: false });
    this.#put({ ...lastWord(to, nonce), entries: claims.slice(claims.length - ofLast) });
  }

  receipt(node: string, nonce: string): void {
    const parcel = this.#recipients.get(node)?.unconfirmed.get(nonce);
    if (parcel === undefined) return;
    this.#drop(parcel);
    this.#tellMissed(parcel.to);
  }

  /** As many as this millisecond allows. */
  send(now: Millis): void {
    if (now - this.#turnAt >= 1) {
      this.#turnAt = now;
      this.#turnLeft = this.#options.messagesPerMs;
    }
    for (; this.#turnLeft > 0; this.#turnLeft--) {
      const fresh = this.#outbox.shift();
      const parcel = fresh ?? this.#repeats.takeDue(now);
      if (parcel === undefined) break;
      if (fresh !== undefined) parcel.to.unsent--;
      this.#send(parcel, now);
    }
    if (this.#outbox.size > 0) return;
    const late = [...this.#overflowed];
    this.#overflowed.clear();
    for (const recipient of late) this.#tellMissed(recipient);
  }

  #send(parcel: Parcel, now: Millis): void {
    const { to, standing, last, sends } = parcel;
    const { repeatMs, sendsMax } = this.#options;
    if (sends >= sendsMax) return this.#giveUp(parcel);
    const entries = parcel.entries.filter(this.#deps.isCurrent);
    if (entries.length === 0 && !last) return this.#drop(parcel);
    const nonce = parcel.nonce ??= hex64(this.#deps.rng);
    this.#effects.push({ kind: "sendClaims", node: to.node, nonce, claims: { entries, standing, last } });
    if (last || !isFollowed(to)) {
      if (to.isDead) this.#miss(entries, to);
      this.#drop(parcel);
      return this.#tryAgain(to);
    }
    to.unconfirmed.set(nonce, parcel);
    this.#repeats.set(parcel, now + repeatMs * 2 ** sends);
    parcel.sends++;
  }

  #put(parcel: Parcel): void {
    if (this.#outbox.size >= OUTBOX_MAX) {
      this.#overflowed.add(parcel.to);
      return this.#miss(parcel.entries, parcel.to);
    }
    this.#outbox.push(parcel);
    parcel.to.unsent++;
  }

  /** Without a receipt it may be lost. */
  #giveUp(parcel: Parcel): void {
    this.#miss(parcel.entries, parcel.to);
    this.#drop(parcel);
    this.#tryAgain(parcel.to);
  }

  #miss(claims: readonly Claim[], { isDead, missed }: Recipient): void {
    for (const claim of claims) {
      // Who is back hears what we answer for, but not what we do not any more.
      if (isDead && !claim.givenUp) continue;
      missed.delete(claim.address);
      missed.set(claim.address, claim);
      if (missed.size > MISSED_MAX) missed.delete(missed.keys().next().value!);
    }
  }

  #drop(parcel: Parcel): void {
    this.#repeats.delete(parcel);
    if (parcel.nonce !== undefined) parcel.to.unconfirmed.delete(parcel.nonce);
    this.#endAnswer(parcel.to);
  }

  #tellMissed({ node, missed }: Recipient): void {
    if (missed.size === 0) return;
    const claims = [...missed.values()];
    missed.clear();
    this.tell(node, claims, { standing: false });
  }

  /** Nothing was confirmed, so one message will do: if it comes through, the others will. */
  #tryAgain(to: Recipient): void {
    if (!isFollowed(to) || to.unsent > 0 || to.unconfirmed.size > 0) return;
    const entries = [...to.missed.values()].filter(this.#deps.isCurrent).slice(0, this.#options.entriesMax);
    if (entries.length === 0) return to.missed.clear();
    for (const { address } of entries) to.missed.delete(address);
    this.#put(parcelFor(to, entries, { standing: false, sends: this.#options.sendsMax - 1 }));
  }

  #endAnswer(to: Recipient): void {
    if (to.question === undefined || to.unsent > 0 || to.unconfirmed.size > 0) return;
    const { nonce } = to.question;
    to.question = undefined;
    this.#put(lastWord(to, nonce));
  }
}

function isFollowed({ givesReceipts, isDead }: Recipient): boolean {
  return givesReceipts && !isDead;
}

function parcelFor(
  to: Recipient,
  entries: readonly Claim[],
  { standing, sends = 0 }: { readonly standing: boolean; readonly sends?: number },
): Parcel {
  return { to, nonce: undefined, entries, standing, last: false, sends };
}

function lastWord(to: Recipient, nonce: string): Parcel {
  return { to, nonce, entries: [], standing: false, last: true, sends: 0 };
}

/** Somebody of whom nothing is known: each message is sent once. */
function stranger(node: string): Recipient {
  return {
    node,
    givesReceipts: false,
    isDead: false,
    unsent: 0,
    unconfirmed: new Map(),
    missed: new Map(),
    question: undefined,
  };
}
