/**
 * What goes over streams: whole states in both directions (push/pull), to join and now and then, and pings for those whom
 * no datagram reaches. A stream carries one question and one answer.
 */
import type { LogEvent } from "../../base/log.ts";
import type { Millis } from "../../base/time.ts";
import type { StreamMessage } from "../../wire/memberlist/stream_message.ts";
import type { KnownMember } from "./member_table.ts";
import type { Membership } from "./membership.ts";
import type { End } from "./gossip_sender.ts";

export type StreamEffect =
  /** Connect, send the message, hand in one reply or the failure. */
  | { readonly kind: "openStream"; readonly id: number; readonly to: End; readonly message: StreamMessage }
  | { readonly kind: "replyStream"; readonly id: number; readonly message: StreamMessage }
  | { readonly kind: "closeStream"; readonly id: number };

export interface ExchangesDeps {
  readonly membership: Membership;
  readonly emit: (effect: StreamEffect) => void;
  readonly pingAnswered: (seqNo: number) => void;
  /** A call to a seed is over; with the reason when it failed. */
  readonly joinEnded: (to: End, failure: string | undefined) => void;
  /** Trouble that may go on; told once in a while. */
  readonly warn: (about: string, event: LogEvent) => void;
  readonly log: (event: LogEvent) => void;
}

/** What a stream that we opened is for. */
type Purpose =
  | { readonly kind: "join"; readonly to: End }
  | { readonly kind: "pushPull"; readonly node: string }
  | { readonly kind: "ping"; readonly seqNo: number };

const NOTHING = new Uint8Array(0);

export class Exchanges {
  readonly #deps: ExchangesDeps;
  readonly #open = new Map<number, Purpose>();
  #nextId = 0;

  constructor(deps: ExchangesDeps) {
    this.#deps = deps;
  }

  join(to: End): void {
    this.#call(to, { purpose: { kind: "join", to }, message: this.#ownState(true) });
  }

  exchangeWith(member: KnownMember): void {
    this.#call(member, { purpose: { kind: "pushPull", node: member.node }, message: this.#ownState(false) });
  }

  ping({ node, address, port }: KnownMember, seqNo: number): void {
    const message = { kind: "ping" as const, seqNo, node, source: this.#deps.membership.self };
    this.#call({ address, port }, { purpose: { kind: "ping", seqNo }, message });
  }

  /** Somebody called and asks this. */
  takeRequest(id: number, { message, now }: { readonly message: StreamMessage; readonly now: Millis }): void {
    const { emit, membership, log } = this.#deps;
    switch (message.kind) {
      case "pushPull":
        // Our own state first: what they told us is no news to them.
        emit({ kind: "replyStream", id, message: this.#ownState(message.join) });
        this.#merge(message, { from: "a node that called", now });
        return;
      case "ping":
        if (message.node !== "" && message.node !== membership.self.node) break;
        emit({ kind: "replyStream", id, message: { kind: "ack", seqNo: message.seqNo, payload: NOTHING } });
        return;
      case "error":
        log({ level: "debug", event: "streamErrorReceived", error: message.text });
        break;
      case "ack":
      case "user":
        break;
    }
    emit({ kind: "closeStream", id });
  }

  /** The answer to a call of ours. */
  takeReply(id: number, { message, now }: { readonly message: StreamMessage; readonly now: Millis }): void {
    const purpose = this.#open.get(id);
    if (purpose === undefined) return;
    if (message.kind === "error") return this.fail(id, `the other side said: ${message.text}`);
    if (purpose.kind === "ping") {
      if (message.kind === "ack" && message.seqNo === purpose.seqNo) this.#deps.pingAnswered(purpose.seqNo);
    } else if (message.kind === "pushPull") {
      this.#merge(message, { from: purpose.kind === "join" ? purpose.to.address : purpose.node, now });
    }
    this.#end(id, undefined);
  }

  fail(id: number, reason: string): void {
    this.#end(id, reason);
  }

  #call(to: End, { purpose, message }: { readonly purpose: Purpose; readonly message: StreamMessage }): void {
    const id = ++this.#nextId;
    this.#open.set(id, purpose);
    const { address, port } = to;
    this.#deps.emit({ kind: "openStream", id, to: { address, port }, message });
  }

  #end(id: number, failure: string | undefined): void {
    const purpose = this.#open.get(id);
    this.#open.delete(id);
    if (purpose === undefined || purpose.kind === "ping") return;
    if (failure !== undefined) {
      const member = purpose.kind === "join" ? purpose.to.address : purpose.node;
      this.#deps.log({ level: "debug", event: "stateNotExchanged", member, error: failure });
    }
    if (purpose.kind === "join") this.#deps.joinEnded(purpose.to, failure);
  }

  #ownState(join: boolean): StreamMessage {
    return { kind: "pushPull", join, members: this.#deps.membership.table.records(), userState: NOTHING };
  }

  #merge(
    { members }: StreamMessage & { kind: "pushPull" },
    { from, now }: { readonly from: string; readonly now: Millis },
  ): void {
    const misfit = this.#deps.membership.incompatible(members);
    if (misfit === undefined) return this.#deps.membership.merge(members, now);
    this.#deps.warn(`merge ${from}`, { level: "warn", event: "memberlistIncompatible", from, reason: misfit });
  }
}
