/**
 * Pings on behalf of others: whoever could not reach a node asks us to try, and hears what we heard (SWIM §3.1).
 */
import type { Deadline } from "../../base/machine.ts";
import type { Millis } from "../../base/time.ts";
import type { IndirectPingMessage } from "../../wire/memberlist/message.ts";
import type { End, GossipSender } from "./gossip_sender.ts";

interface Favour {
  /** The number under which the asking node waits. */
  readonly seqNo: number;
  readonly asker: End;
  readonly nack: boolean;
  readonly until: Millis;
}

/** Far more than a cluster's nodes ask of one. */
const FAVOURS_MAX = 256;
const NOTHING = new Uint8Array(0);

export class PingRelay {
  readonly #timeoutMs: Millis;
  readonly #sender: GossipSender;
  /** By the number of our own ping; in the order in which they end. */
  readonly #favours = new Map<number, Favour>();

  constructor(options: { readonly timeoutMs: Millis }, deps: { readonly sender: GossipSender }) {
    this.#timeoutMs = options.timeoutMs;
    this.#sender = deps.sender;
  }

  ask(
    message: IndirectPingMessage,
    { seqNo, source, from, now }: {
      /** Of our own ping. */
      readonly seqNo: number;
      readonly source: End & { readonly node: string };
      readonly from: End;
      readonly now: Millis;
    },
  ): void {
    if (this.#favours.size >= FAVOURS_MAX) return;
    const { node, address, port, nack } = message;
    this.#favours.set(seqNo, {
      seqNo: message.seqNo,
      asker: message.source ?? from,
      nack,
      until: now + this.#timeoutMs,
    });
    this.#sender.send({ address, port }, { kind: "ping", seqNo, node, source });
  }

  answered(seqNo: number): void {
    const favour = this.#favours.get(seqNo);
    if (favour === undefined) return;
    this.#favours.delete(seqNo);
    this.#sender.send(favour.asker, { kind: "ack", seqNo: favour.seqNo, payload: NOTHING });
  }

  tick(now: Millis): void {
    for (const [seqNo, { asker, nack, until, seqNo: asked }] of this.#favours) {
      if (until > now) return;
      this.#favours.delete(seqNo);
      if (nack) this.#sender.send(asker, { kind: "nack", seqNo: asked });
    }
  }

  deadline(): Deadline | undefined {
    for (const { until } of this.#favours.values()) return { at: until, why: "answer for a node that is silent" };
    return undefined;
  }
}
