/** A cluster without an API: whoever makes it says which addresses are wanted where. For stories of the packet plane. */
import type { WantedAddress } from "../../lib/base/wanted.ts";
import { HandedNews } from "./handed_news.ts";
import { Stage, type StageOptions } from "./stage.ts";

export class SimCluster extends Stage {
  readonly wanted = new Map<string, WantedAddress>();
  readonly #news: HandedNews[] = [];

  constructor(options: StageOptions) {
    super(options);
    const { time, nodesRng: rng, peers, wanted } = this;
    this.populate(() => {
      const news = new HandedNews({ time, rng, world: { wanted, peers } });
      this.#news.push(news);
      return news;
    });
  }

  want(address: string, candidates: readonly string[], more: Partial<WantedAddress> = {}): void {
    this.act(`${address} is wanted on ${candidates.join(", ") || "no node"}`, () => {
      this.wanted.set(address, { address, candidates, interfaces: "all", services: ["default/a"], ...more });
      for (const news of this.#news) news.hear();
    });
  }

  unwant(address: string): void {
    this.act(`${address} is not wanted`, () => {
      this.wanted.delete(address);
      for (const news of this.#news) news.hear();
    });
  }

  pass(durationMs: number): void {
    this.time.pass(durationMs);
  }

  override candidates(address: string): readonly string[] {
    return this.wanted.get(address)?.candidates ?? [];
  }
}
