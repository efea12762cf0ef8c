/** The main side of the witness of gratuitous ARP: what was seen so far, and waiting for what is yet to come. */
import { formatIpv4 } from "../../lib/base/ip.ts";
import type { LabHost } from "../../lib/edge/lab/lab_host.ts";
import { LIBC_PATHS } from "../../lib/edge/net/libc.ts";
import { WakeUp } from "../../lib/edge/net/wake_up.ts";
import type { GratuitousFrame, WitnessInit, WitnessMessage } from "./arp_witness_calls.ts";

/** Frames beyond this are not kept. */
const FRAMES_MAX = 100_000;

interface Waiting {
  readonly condition: (frame: GratuitousFrame) => boolean;
  readonly resolve: (frame: GratuitousFrame) => void;
}

export class ArpWitness {
  readonly #worker: Worker;
  readonly #wakeUp = WakeUp.create();
  readonly #frames: GratuitousFrame[] = [];
  readonly #addresses = new Set<string>();
  readonly #waiting = new Set<Waiting>();
  readonly #listening = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();

  private constructor(host: LabHost) {
    this.#worker = new Worker(new URL("./arp_witness_worker.ts", import.meta.url), {
      type: "module",
      name: `witness on ${host.name}`,
      deno: { permissions: { ffi: [...LIBC_PATHS], read: false, net: false, env: false, run: false, write: false } },
    });
    this.#worker.onmessage = ({ data }: MessageEvent<WitnessMessage>) => this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#receive({ kind: "failed", message: event.message });
    };
    const { namespacePath, interface: name } = host;
    this.#worker.postMessage({ namespacePath, interface: name, wakeFd: this.#wakeUp.fd } satisfies WitnessInit);
  }

  static async start(host: LabHost): Promise<ArpWitness> {
    const witness = new ArpWitness(host);
    await witness.#listening.promise;
    return witness;
  }

  /** How many different addresses were announced so far. */
  get addresses(): number {
    return this.#addresses.size;
  }

  /** The first frame that fits, of those seen already or to come; undefined after `limitMs`. */
  async first(condition: Waiting["condition"], options: { limitMs: number }): Promise<GratuitousFrame | undefined> {
    const seen = this.#frames.find(condition);
    if (seen !== undefined) return seen;
    const { promise, resolve } = Promise.withResolvers<GratuitousFrame | undefined>();
    const waiting: Waiting = { condition, resolve };
    this.#waiting.add(waiting);
    const timer = setTimeout(() => resolve(undefined), options.limitMs);
    const frame = await promise;
    clearTimeout(timer);
    this.#waiting.delete(waiting);
    return frame;
  }

  async stop(): Promise<void> {
    this.#wakeUp.wake();
    await this.#ended.promise;
    this.#wakeUp.close();
  }

  #receive(message: WitnessMessage): void {
    switch (message.kind) {
      case "listening":
        return this.#listening.resolve();
      case "frame": {
        const { frame } = message;
        if (this.#frames.length < FRAMES_MAX) this.#frames.push(frame);
        this.#addresses.add(formatIpv4(frame.ip));
        for (const { condition, resolve } of this.#waiting) if (condition(frame)) resolve(frame);
        return;
      }
      case "failed":
        this.#listening.reject(new Error(message.message));
        return this.#ended.resolve();
      case "ended":
        return this.#ended.resolve();
    }
  }
}
