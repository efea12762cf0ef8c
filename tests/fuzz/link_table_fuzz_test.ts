/** Random lives of a node's interfaces, against a model that keeps everything and judges it anew after each batch. */
import { assertEquals } from "@std/assert/equals";
import type { Mac } from "../../lib/base/mac.ts";
import { below, SeededRng } from "../../lib/base/rng.ts";
import type { LinkAddressFacts, LinkFacts } from "../../lib/protocol/l2/interface.ts";
import { type LinkFactsChange, LinkTable, type LinkTableInput } from "../../lib/protocol/l2/link_table.ts";

const SEEDS = 300;
const BATCHES = 60;
const STATES = ["up", "up", "up", "unknown", "down", "lowerLayerDown", "dormant"];

Deno.test("LinkTable: after any changes, what is open is what is usable, described as it is, and reported so", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = new World(seed);
    for (let batch = 0; batch < BATCHES; batch++) {
      const said = world.step(batch * 100);
      assertEquals(world.opened(), world.usable(), `seed ${seed}, batch ${batch}: ${said}`);
    }
    world.settle(BATCHES * 100);
    assertEquals(world.reported, [...world.usable().values()].map(({ name }) => name).toSorted(), `seed ${seed}`);
  }
});

interface Shown {
  readonly name: string;
  readonly mac: number | undefined;
  readonly linkLocal: string | undefined;
}

class World {
  reported: readonly string[] = [];
  readonly #rng: SeededRng;
  readonly #table = new LinkTable({ exclusions: [/^veth/] });
  readonly #links = new Map<number, LinkFacts>();
  readonly #addresses = new Map<string, LinkAddressFacts>();
  readonly #open = new Map<number, Shown>();

  constructor(seed: number) {
    this.#rng = new SeededRng(seed);
  }

  /** One batch of changes, or a list of everything as after a loss: from before or after changes that are known too. */
  step(now: number): string {
    const before = this.#list();
    const changes = Array.from({ length: 1 + below(this.#rng, 6) }, () => this.#change());
    // Lost notices happened all the same.
    const lost: readonly LinkTableInput[] = [this.#list(), { ...before, changes }, { ...this.#list(), changes }];
    const input: LinkTableInput = lost[below(this.#rng, 16)] ?? { kind: "changes", changes };
    this.#handle(input, now);
    return JSON.stringify(input);
  }

  settle(now: number): void {
    for (let deadline; (deadline = this.#table.deadline()) !== undefined && deadline.at <= now + 1000;) {
      this.#handle({ kind: "tick" }, deadline.at);
    }
  }

  opened(): Map<number, Shown> {
    return new Map([...this.#open].toSorted(([a], [b]) => a - b));
  }

  usable(): Map<number, Shown> {
    const usable = new Map<number, Shown>();
    for (const link of [...this.#links.values()].toSorted((a, b) => a.ifindex - b.ifindex)) {
      const { name, mac, up, carrier, operationalState, broadcast, noArp, master, ifindex } = link;
      const works = up && carrier && broadcast && !noArp && master === undefined && mac !== undefined;
      if (!works || !["up", "unknown"].includes(operationalState) || name.startsWith("veth")) continue;
      const linkLocal = [...this.#addresses.values()].find((one) =>
        one.ifindex === ifindex && one.scope === 253 && !one.tentative
      )?.ip;
      usable.set(ifindex, { name, mac, linkLocal });
    }
    return usable;
  }

  #handle(input: LinkTableInput | { kind: "tick" }, now: number): void {
    this.#table.handle(input, now);
    let mustList = false;
    for (let effect; (effect = this.#table.poll()) !== undefined;) {
      if (effect.kind === "report") this.reported = effect.report.usable;
      if (effect.kind === "listAnew") mustList = true;
      if (effect.kind === "close" && !this.#open.delete(effect.interface.ifindex)) throw new Error("closed twice");
      if (effect.kind !== "open" && effect.kind !== "change") continue;
      const { ifindex, name, mac, linkLocal } = effect.interface;
      if (this.#open.has(ifindex) !== (effect.kind === "change")) throw new Error(`${effect.kind} of ${name}`);
      this.#open.set(ifindex, { name, mac, linkLocal });
    }
    if (mustList) this.#handle(this.#list(), now);
  }

  #list(): LinkTableInput & { kind: "list" } {
    return { kind: "list", links: [...this.#links.values()], addresses: [...this.#addresses.values()] };
  }

  #change(): LinkFactsChange {
    const ifindex = 1 + below(this.#rng, 6);
    const known = this.#links.get(ifindex);
    const dice = below(this.#rng, 10);
    if (known !== undefined && dice === 0) {
      this.#links.delete(ifindex);
      for (const [key, address] of this.#addresses) if (address.ifindex === ifindex) this.#addresses.delete(key);
      return { kind: "linkGone", ifindex };
    }
    if (known !== undefined && dice <= 3) return this.#changeAddress(ifindex);
    const link = this.#link(ifindex, known);
    this.#links.set(ifindex, link);
    return { kind: "link", link };
  }

  #changeAddress(ifindex: number): LinkFactsChange {
    const ip = `fe80::${ifindex}`;
    const key = `${ifindex}`;
    const known = this.#addresses.get(key);
    if (known !== undefined && below(this.#rng, 2) === 0) {
      this.#addresses.delete(key);
      return { kind: "addressGone", address: known };
    }
    const address = { ifindex, ip, prefixLength: 64, scope: 253, tentative: below(this.#rng, 3) === 0 };
    this.#addresses.set(key, address);
    return { kind: "address", address };
  }

  #link(ifindex: number, known: LinkFacts | undefined): LinkFacts {
    const often = () => below(this.#rng, 6) > 0;
    const name = known === undefined || below(this.#rng, 5) === 0
      ? `${often() ? "eth" : "veth"}${ifindex}-${below(this.#rng, 3)}`
      : known.name;
    return {
      ifindex,
      name,
      mac: often() ? (ifindex + below(this.#rng, 2) * 100) as Mac : undefined,
      up: often(),
      carrier: often(),
      operationalState: STATES[below(this.#rng, STATES.length)]!,
      broadcast: often(),
      noArp: !often(),
      master: often() ? undefined : 1 + below(this.#rng, 7),
      lower: often() ? undefined : 1 + below(this.#rng, 7),
      isMoved: !often(),
    };
  }
}
