/**
 * The idle connections between nodes (`openLine`), as their kernels keep them: a process that ends takes its connections
 * with it, and the other end is told as soon as there is a way to tell it.
 */
import type { Network, Station } from "./network.ts";
import type { VirtualTime } from "./virtual_time.ts";

const CONNECT_MS_MAX = 1000;
const RESEND_MS = 300;
const RESENDS_MAX = 6;

/** A node as seen from the other end of a line. */
interface End extends Station {
  readonly speaksWatch: boolean;
  readonly lines: Lines;
}

interface LinesDeps {
  readonly time: VirtualTime;
  readonly network: Network;
  readonly onLost: (node: string) => void;
}

export class Lines {
  readonly #self: End;
  readonly #deps: LinesDeps;
  /** What this process holds: a number for each attempt, so that an old one is not taken for the present one. */
  readonly #held = new Map<string, number>();
  /** Whom to tell when this process ends, by node. */
  readonly #callers = new Map<string, { readonly end: End; readonly attempt: number }>();
  #attempt = 0;

  constructor(self: End, deps: LinesDeps) {
    this.#self = self;
    this.#deps = deps;
  }

  open({ node, address }: { readonly node: string; readonly address: string }): void {
    const attempt = ++this.#attempt;
    this.#held.set(node, attempt);
    const { network, time } = this.#deps;
    const isOnItsWay = network.sendReliably(this.#self, address, (to) => {
      const end = to as End;
      if (!end.speaksWatch) this.#refuse(end, { node, attempt });
      else end.lines.#callers.set(this.#self.name, { end: this.#self, attempt });
    });
    if (!isOnItsWay) time.after(CONNECT_MS_MAX, () => this.#lose(node, attempt));
  }

  close(node: string): void {
    this.#held.delete(node);
  }

  processEnded(): void {
    this.#held.clear();
    for (const { end, attempt } of this.#callers.values()) this.#tellEnd(end, { attempt, resends: 0 });
    this.#callers.clear();
  }

  #refuse(by: End, { node, attempt }: { readonly node: string; readonly attempt: number }): void {
    const isTold = this.#deps.network.sendReliably(by, this.#self.address, () => this.#lose(node, attempt));
    if (!isTold) this.#deps.time.after(CONNECT_MS_MAX, () => this.#lose(node, attempt));
  }

  #tellEnd(end: End, { attempt, resends }: { readonly attempt: number; readonly resends: number }): void {
    const { network, time } = this.#deps;
    const { name } = this.#self;
    if (network.sendReliably(this.#self, end.address, () => end.lines.#lose(name, attempt))) return;
    if (resends < RESENDS_MAX) {
      time.after(RESEND_MS << resends, () => this.#tellEnd(end, { attempt, resends: resends + 1 }));
    }
  }

  #lose(node: string, attempt: number): void {
    if (this.#held.get(node) !== attempt) return;
    this.#held.delete(node);
    this.#deps.onLost(node);
  }
}
