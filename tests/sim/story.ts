/** A random story for a cluster with an API: what a rack, a network, a kernel, an API and its users may do. */
import { type ApiCluster, ZONES } from "./api_cluster.ts";
import { Dice } from "./dice.ts";
import { Misfortune } from "./misfortune.ts";
import type { Extra } from "./extra.ts";
import { FailbackAfter } from "./failback_after.ts";
import type { Ingredient } from "./ingredients.ts";
import { InterfaceLists } from "./interface_lists.ts";
import { Ipv4OnlyLinks } from "./ipv4_only_links.ts";
import { LinkProbes } from "./link_probes.ts";
import { LostWords } from "./lost_words.ts";
import { Safe } from "./safe.ts";
import { MetallbMembers } from "./metallb_members.ts";
import type { SimNode } from "./sim_node.ts";
import type { Failback, TruthService } from "./truth.ts";

const SERVICES_MAX = 5;

export class Story {
  readonly #cluster: ApiCluster;
  readonly #dice: Dice;
  readonly #misfortune: Misfortune;
  readonly #ingredients: ReadonlySet<Ingredient>;
  /** For the ingredients: what they do leaves the rest of the story as it is. */
  readonly #extraDice: Dice;
  readonly #extras: readonly Extra[];
  #services = 0;

  constructor(cluster: ApiCluster, extra: { readonly ingredients: ReadonlySet<Ingredient>; readonly dice: Dice }) {
    this.#cluster = cluster;
    this.#ingredients = extra.ingredients;
    this.#extraDice = extra.dice;
    this.#dice = new Dice(cluster.rng);
    this.#misfortune = new Misfortune(cluster, this.#dice);
    this.#extras = this.#makeExtras();
    cluster.note(`with ${[...extra.ingredients].join(", ") || "nothing in it that not all have"}`);
  }

  /** A cluster that has run for a while. */
  async begin(): Promise<void> {
    const cluster = this.#cluster;
    await cluster.furnish();
    for (const extra of this.#extras) await extra.furnish?.();
    for (let i = this.#dice.between(1, 4); i > 0; i--) await this.#createService();
    for (const { name } of cluster.nodes) {
      cluster.start(name);
      await cluster.pass(this.#dice.below(40));
    }
    await cluster.pass(2500);
  }

  /** Something happens every now and then for `durationMs`. */
  async storm(durationMs: number): Promise<void> {
    const until = this.#cluster.time.now + durationMs;
    while (this.#cluster.time.now < until) {
      if (this.#extras.length > 0 && this.#extraDice.onceIn(4)) await this.#extraDice.pick(this.#extras).strike?.();
      else if (this.#dice.onceIn(3)) await this.#change();
      else await this.#strike(this.#dice.pick(this.#cluster.nodes));
      await this.#cluster.pass(this.#dice.onceIn(3) ? this.#dice.below(30) : this.#dice.below(700));
    }
  }

  has(ingredient: Ingredient): boolean {
    return this.#ingredients.has(ingredient);
  }

  async scenes(): Promise<void> {
    for (const extra of this.#extras) await extra.scene?.();
  }

  async encores(): Promise<void> {
    for (const extra of this.#extras) {
      if (extra.encore === undefined) continue;
      await extra.encore();
      await this.settle();
    }
  }

  /** Everything is repaired, but who is dead stays dead, and some cables stay where they are. */
  async calm(): Promise<void> {
    const cluster = this.#cluster;
    for (const { name, process, hasCarrier } of cluster.nodes) {
      if (process === "paused") cluster.resume(name);
      if (!hasCarrier && this.#dice.onceIn(2)) cluster.restoreCarrier(name);
      const { line } = cluster.controlOf(cluster.node(name));
      if (!line.isUp) cluster.setLineUp(name, true);
      if (line.lagMs > 0) cluster.setLag(name, 0);
    }
    if (!cluster.api.isUp) cluster.setApiUp(true);
    for (const extra of this.#extras) await extra.calm?.();
    cluster.weather("fine weather", {});
    await cluster.recover();
  }

  /** Until whatever there is to come has come: the cluster settles, and who has to wait for its addresses gets them. */
  async settle(): Promise<void> {
    const { failback, settledMs } = this.#cluster;
    await this.#cluster.pass(settledMs + (typeof failback === "number" ? failback : 0) + 300);
  }

  /** What an operator or a roll-out does, never so much that nobody is left. */
  async plannedMove(): Promise<void> {
    const cluster = this.#cluster;
    const running = cluster.nodes.filter(({ process, leaving }) => process === "running" && !leaving);
    const gone = cluster.nodes.filter(({ process }) => process === "none");
    const dice = this.#dice.below(6);
    if (dice === 0 && running.length > 1) return cluster.leave(this.#dice.pick(running).name);
    if (dice === 1 && gone.length > 0) return cluster.start(this.#dice.pick(gone).name);
    if (dice === 2) return await this.rollingRestart();
    await this.#change();
  }

  /** One node after the other gets a new pod, as a DaemonSet does it. */
  async rollingRestart(): Promise<void> {
    const cluster = this.#cluster;
    for (const node of this.#dice.some(cluster.nodes, 1).slice(0, 3)) {
      if (node.process !== "running" || node.leaving) continue;
      cluster.leave(node.name);
      for (let waits = 0; this.#isOn(node) && waits < 60; waits++) await cluster.pass(50);
      await cluster.replacePod(node.name);
      await cluster.pass(this.#dice.between(100, 900));
      cluster.start(node.name);
      await cluster.pass(500);
    }
  }

  /** The process may have ended while time passed. */
  #isOn(node: SimNode): boolean {
    return node.process !== "none";
  }

  /** A user changes something. */
  async #change(): Promise<void> {
    const cluster = this.#cluster;
    const services = [...cluster.truth.services.values()];
    const dice = this.#dice.below(10);
    if (services.length === 0 || (dice === 0 && services.length < SERVICES_MAX)) return await this.#createService();
    const service = this.#dice.pick(services);
    switch (dice) {
      case 1:
        return await cluster.deleteService(service.name);
      case 2:
        if (service.sharingKey !== undefined) return;
        return await cluster.setPolicy(service.name, !service.local);
      case 3: {
        const node = this.#dice.pick([...cluster.truth.nodes.values()]);
        return await cluster.setNode(node.name, { excluded: !node.excluded });
      }
      case 4: {
        const node = this.#dice.pick(cluster.nodes);
        return await cluster.setNode(node.name, { zone: this.#dice.pick(ZONES) });
      }
      case 5:
        return await cluster.advertise({
          onlyZone: this.#dice.onceIn(3) ? this.#dice.pick(ZONES) : undefined,
          preferredZone: this.#dice.onceIn(2) ? this.#dice.pick(ZONES) : undefined,
          failback: this.#failback(),
        });
      default:
        return await cluster.setEndpoints(service.name, this.#endpoints());
    }
  }

  #failback(): Failback {
    const isNever = this.#dice.onceIn(3);
    if (!this.has("failbackAfter")) return isNever ? "never" : "immediate";
    return this.#extraDice.onceIn(4) ? "immediate" : this.#extraDice.between(200, 4000);
  }

  #makeExtras(): Extra[] {
    const extras: Extra[] = [];
    const dice = this.#extraDice;
    const move = () => this.plannedMove();
    if (this.has("failbackAfter")) extras.push(new FailbackAfter(this.#cluster, { dice }));
    if (this.has("safe")) extras.push(new Safe(this.#cluster, { dice }));
    if (this.has("linkProbe")) extras.push(new LinkProbes(this.#cluster, { dice }));
    if (this.has("metallb")) extras.push(new MetallbMembers(this.#cluster, { dice }));
    if (this.has("interfaces")) extras.push(new InterfaceLists(this.#cluster, { dice }));
    if (this.has("ipv4Only")) extras.push(new Ipv4OnlyLinks(this.#cluster, { dice }));
    if (this.has("lostWords")) extras.push(new LostWords(this.#cluster, { dice, move }));
    return extras;
  }

  async #createService(): Promise<void> {
    const { truth, addresses } = this.#cluster;
    const taken = [...truth.services.values()].flatMap((service) => service.addresses);
    const free = [...addresses.keys()].filter((address) => !taken.includes(address));
    const sharers = [...truth.services.values()].filter(({ sharingKey }) => sharingKey !== undefined);
    const name = `service-${++this.#services}`;
    const endpoints = this.#endpoints();
    let service: TruthService | undefined;
    if (sharers.length > 0 && this.#dice.onceIn(2)) {
      const { addresses, sharingKey } = this.#dice.pick(sharers);
      service = { name, addresses, sharingKey, endpoints, local: false };
    } else if (free.length > 0) {
      const sharingKey = this.#dice.onceIn(3) ? `key-${this.#services}` : undefined;
      const local = sharingKey === undefined && this.#dice.onceIn(3);
      service = { name, addresses: this.#addresses(free), sharingKey, endpoints, local };
    }
    if (service !== undefined) await this.#cluster.createService(service);
  }

  /** One address, or one of each family. */
  #addresses(free: readonly string[]): string[] {
    const first = this.#dice.pick(free);
    const others = free.filter((address) => address.includes(":") !== first.includes(":"));
    return others.length > 0 && this.#dice.onceIn(4) ? [first, this.#dice.pick(others)] : [first];
  }

  #endpoints(): TruthService["endpoints"] {
    const nodes = this.#dice.some(this.#cluster.nodes.map(({ name }) => name), 1).slice(0, 6);
    return nodes.map((node) => ({ node, ready: !this.#dice.onceIn(5) }));
  }

  /** Something breaks, or is repaired. */
  async #strike(node: SimNode): Promise<void> {
    const cluster = this.#cluster;
    const { name } = node;
    const which = this.#dice.below(22);
    if (this.#misfortune.strikeProcess(node, which)) return;
    switch (which) {
      case 6:
        cluster.kill(name);
        await cluster.pass(this.#dice.below(150));
        return cluster.start(name);
      case 7:
        return cluster.stepClock(name, this.#dice.between(-3_600_000, 3_600_000));
      case 8:
        return this.#misfortune.lose();
      case 9:
        return this.#misfortune.divide();
      case 10:
        return this.#deafen(name);
      case 11:
        return cluster.weather("jitter", {
          jitterMs: this.#dice.between(1, 60),
          duplication: this.#misfortune.share(),
        });
      case 12:
        return cluster.setApiUp(!cluster.api.isUp);
      case 13:
        return cluster.setLineUp(name, !cluster.controlOf(node).line.isUp);
      case 14:
        return cluster.setLag(name, this.#dice.below(1500));
      case 15:
        if (!node.hasCarrier) return cluster.restoreCarrier(name);
        return cluster.cutCarrier(name, { isolated: this.#dice.onceIn(2) });
      case 16:
        return await this.rollingRestart();
      case 17:
      case 18:
        return cluster.weather("fine weather", {});
      default:
        this.#misfortune.resumeAll();
        for (const other of cluster.nodes) if (!other.hasCarrier) cluster.restoreCarrier(other.name);
    }
  }

  /** One way only: somebody is not heard, or does not hear, by some of the others. */
  #deafen(name: string): void {
    const others = this.#dice.some(this.#cluster.nodes.map((node) => node.name).filter((other) => other !== name), 1);
    const hears = this.#dice.onceIn(2);
    const pairs = new Set(others.map((other) => hears ? `${name}>${other}` : `${other}>${name}`));
    const which = this.#dice.below(3);
    const what = ["frames", "datagrams", "all"][which];
    this.#cluster.weather(`one way only, for ${what}: lost are ${[...pairs].join(", ")}`, {
      ...(which === 1 ? {} : { deafFrames: pairs }),
      ...(which === 0 ? {} : { deafDatagrams: pairs }),
    });
  }
}
