/** One cable, with those that look at what goes over it. Every node has an interface of its name on it. */
import { SeededRng } from "../../lib/base/rng.ts";
import { LinuxClient } from "./linux_client.ts";
import { Network, type Spoken, type Station } from "./network.ts";
import type { VirtualTime } from "./virtual_time.ts";
import { type Asked, Witness } from "./witness.ts";

interface SegmentDeps {
  readonly time: VirtualTime;
  readonly onSpoken: (from: Station, spoken: Spoken & { readonly on: string }) => void;
  readonly onOutcome: (asked: Asked) => void;
}

export class Segment {
  readonly name: string;
  readonly network: Network;
  readonly client: LinuxClient;
  readonly witness: Witness;

  constructor(options: { readonly name: string; readonly seed: number }, deps: SegmentDeps) {
    const { name, seed } = options;
    const { time } = deps;
    this.name = name;
    const network = this.network = new Network({ time, rng: new SeededRng(seed) });
    network.onSpoken = (from, spoken) => deps.onSpoken(from, { ...spoken, on: name });
    this.client = new LinuxClient({ time, network });
    this.witness = new Witness({ time, network, on: name, onOutcome: deps.onOutcome });
  }

  /** After the nodes. */
  join(): void {
    this.network.join(this.client);
    this.network.join(this.witness);
  }
}
