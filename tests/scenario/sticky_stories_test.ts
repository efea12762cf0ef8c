/**
 * Random stories of addresses that stay where they are: kills, pauses, cuts, bad weather, Services that flap, policies that
 * change. Whatever happened, once all is well exactly one node answers for each address, and it is a candidate.
 */
import { assertEquals } from "@std/assert/equals";
import { below, SeededRng } from "../../lib/base/rng.ts";
import { type AddressPolicy, DEFAULT_ADDRESS_POLICY } from "../../lib/base/wanted.ts";
import { SimCluster } from "../sim/sim_cluster.ts";

const VIPS = ["198.51.100.1", "198.51.100.2", "2001:db8::7"];
const NODES = ["node-a", "node-b", "node-c", "node-d"];
const STEPS = 25;

class StickyStory {
  readonly cluster: SimCluster;
  readonly #rng: SeededRng;

  constructor(seed: number) {
    this.#rng = new SeededRng(seed);
    this.cluster = new SimCluster({
      seed,
      nodes: NODES.length,
      addresses: VIPS,
      gossips: seed % 2 === 0,
      askEveryMs: 50,
    });
    for (const vip of VIPS) this.#want(vip, NODES);
    for (const name of NODES) {
      this.cluster.start(name);
      this.#pass(800);
    }
    this.cluster.pass(2000);
  }

  /** One thing that happens, and some time. */
  step(): void {
    const { cluster } = this;
    const [vip, name] = [this.#one(VIPS), this.#one(NODES)];
    const running = cluster.node(name).process === "running";
    switch (below(this.#rng, 9)) {
      case 0:
        this.#flap(vip, this.#some());
        break;
      case 1:
        this.#want(vip, this.#some());
        break;
      case 2:
        if (running) cluster.kill(name);
        break;
      case 3:
        if (running) cluster.leave(name);
        else cluster.start(name, { clockStepMs: below(this.#rng, 200_000) - 100_000 });
        break;
      case 4:
        if (!running) break;
        cluster.pause(name);
        this.#pass(2000);
        cluster.resume(name);
        break;
      case 5:
        cluster.weather("bad weather", {
          datagramLoss: below(this.#rng, 50) / 100,
          frameLoss: below(this.#rng, 30) / 100,
          jitterMs: below(this.#rng, 30),
        });
        break;
      case 6: {
        const datagramGroups = new Map(NODES.map((node) => [node, below(this.#rng, 2)]));
        cluster.weather("partition", { datagramGroups });
        break;
      }
      case 7:
        cluster.weather("fine weather", {});
        break;
      case 8:
        cluster.cutCarrier(name, { isolated: below(this.#rng, 2) === 0 });
        this.#pass(1000);
        cluster.restoreCarrier(name);
    }
    this.#pass(below(this.#rng, 3) === 0 ? 2500 : 300);
  }

  /** Everything is well again. */
  heal(): void {
    const { cluster } = this;
    cluster.weather("fine weather", {});
    cluster.pass(3000);
    for (const name of NODES) cluster.start(name);
    cluster.pass(15_000);
  }

  /** Every Service loses its endpoints for a moment. */
  flapAll(): void {
    for (const vip of VIPS) this.#flap(vip, this.cluster.candidates(vip));
    this.cluster.pass(5000);
  }

  /** Who answers for each address now. */
  answering(): ReadonlyMap<string, readonly string[]> {
    const { cluster } = this;
    const answering = new Map<string, readonly string[]>();
    const checker = {
      onAnswers: ({ address }: { readonly address: string }, nodes: readonly { readonly name: string }[]) => {
        answering.set(address, nodes.map(({ name }) => name));
        return undefined;
      },
    };
    cluster.checkers.push(checker);
    cluster.pass(200);
    cluster.checkers.splice(cluster.checkers.indexOf(checker), 1);
    return answering;
  }

  /** Some nodes hear of both at once. */
  #flap(vip: string, candidates: readonly string[]): void {
    this.cluster.unwant(vip);
    this.#pass(45);
    this.#want(vip, candidates);
  }

  #want(vip: string, candidates: readonly string[]): void {
    const failback: AddressPolicy["failback"] = this.#one(["never", "never", "never", { afterMs: 3000 }, "immediate"]);
    this.cluster.want(vip, candidates, { policy: { ...DEFAULT_ADDRESS_POLICY, failback } });
  }

  #some(): readonly string[] {
    const some = NODES.filter(() => below(this.#rng, 3) > 0);
    return some.length === 0 ? NODES : below(this.#rng, 2) === 0 ? some : some.toReversed();
  }

  #pass(durationMsMax: number): void {
    this.cluster.pass(below(this.#rng, durationMsMax));
  }

  #one<T>(list: readonly T[]): T {
    return list[below(this.#rng, list.length)]!;
  }
}

function assertOneEach(story: StickyStory, what: string): void {
  for (const [vip, nodes] of story.answering()) {
    const isRight = nodes.length === 1 && story.cluster.candidates(vip).includes(nodes[0]!);
    const told = [`${what}: ${vip} by ${nodes.join(", ") || "nobody"}`, ...story.cluster.story];
    assertEquals(isRight, true, told.join("\n"));
  }
}

for (let group = 0; group < 4; group++) {
  const seeds = Array.from({ length: 20 }, (_, i) => group * 20 + i + 1);
  Deno.test(`Failback: after random trouble one candidate answers for each address (seeds ${seeds[0]} to ${seeds.at(-1)})`, () => {
    for (const seed of seeds) {
      const story = new StickyStory(seed);
      for (let step = 0; step < STEPS; step++) story.step();
      story.heal();
      assertOneEach(story, `seed ${seed}`);
      story.flapAll();
      assertOneEach(story, `seed ${seed}, after all flapped`);
    }
  });
}
