/**
 * The allocation of reference §5 and §11, as plainly as it can be written: lists of addresses, a scan for everything,
 * no index, no queue of those that wait. Slow and easy to read; the real machine must come to the same results.
 *
 * It has the order of events in common with the real one: one write at a time is answered, in the order in which they
 * were decided, and what a Service gave up is free when its write is answered.
 */
export interface NaivePool {
  readonly name: string;
  /** IPv4 before IPv6, ascending. */
  readonly addresses: readonly string[];
  readonly autoAssign?: boolean;
  readonly avoidBuggyIps?: boolean;
  readonly namespaces?: readonly string[];
  readonly priority?: number;
  readonly classes?: readonly string[];
  readonly reuseAfterMs?: number;
}

export interface NaiveSpec {
  readonly type: "LoadBalancer" | "ClusterIP";
  readonly namespace: string;
  readonly loadBalancerClass?: string | undefined;
  /** Of the cluster addresses, the primary one first. */
  readonly families: readonly (4 | 6)[];
  readonly policy: "SingleStack" | "PreferDualStack" | "RequireDualStack";
  readonly pool?: string | undefined;
  readonly wanted?: readonly string[] | undefined;
  readonly sharingKey?: string | undefined;
  readonly local: boolean;
  readonly selector: string;
  readonly ports: readonly string[];
}

export interface NaiveService {
  readonly key: string;
  readonly created: string;
  spec: NaiveSpec;
  shown: readonly string[];
  from: string | undefined;
  /** What the process knows of it. */
  held: readonly string[];
  retired: readonly string[];
  basis: readonly string[];
  /** The terms that its addresses are held on. */
  terms: NaiveSpec;
  decision: NaiveDecision;
  write: { readonly shown: readonly string[] | undefined; readonly from: string | undefined } | undefined;
}

export type NaiveDecision =
  | { readonly kind: "none" | "ignored" | "pending" }
  | {
    readonly kind: "assigned";
    readonly pool: string;
    readonly addresses: readonly string[];
    readonly unmet: boolean;
  };

type Outcome = { readonly pool: string; readonly addresses: readonly string[] } | { readonly no: string };

const familyOf = (address: string): 4 | 6 => address.includes(":") ? 6 : 4;
const same = (a: readonly string[], b: readonly string[]) => a.length === b.length && a.every((x, i) => x === b[i]);
const sameSet = (a: readonly string[], b: readonly string[]) => same([...a].sort(), [...b].sort());
const text = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0;

export class NaiveController {
  readonly services = new Map<string, NaiveService>();
  readonly #classes: readonly string[] | undefined;
  #pools: readonly NaivePool[] = [];
  #resting: { readonly address: string; readonly owner: string; readonly until: number }[] = [];
  readonly #writes: NaiveService[] = [];
  now = 0;

  constructor(options: { classes: readonly string[] | undefined }) {
    this.#classes = options.classes;
  }

  setPools(pools: readonly NaivePool[]): void {
    this.#pools = [...pools].sort((a, b) => text(a.name, b.name));
    this.#resting = this.#resting.filter(({ address }) => this.#poolOf([address], false)?.reuseAfterMs !== undefined);
    this.#decideAll();
    this.#run();
  }

  restart(): void {
    this.#resting = [];
    for (const service of this.services.values()) {
      Object.assign(service, { held: [], retired: [], basis: [], decision: { kind: "none" } });
    }
    this.#decideAll();
    this.#run();
  }

  put(key: string, change: { spec: NaiveSpec; created: string; shown?: readonly string[] | undefined }): void {
    const { spec, created, shown } = change;
    let service = this.services.get(key);
    if (service === undefined) {
      const memory = { held: [], retired: [], basis: [], terms: spec, decision: { kind: "none" }, write: undefined };
      service = { key, created, spec, shown: [], from: undefined, ...memory } as NaiveService;
      this.services.set(key, service);
    }
    service.spec = spec;
    if (shown !== undefined) service.shown = shown;
    this.#decideOne(service);
    this.#run();
  }

  remove(key: string): void {
    const service = this.services.get(key)!;
    this.services.delete(key);
    for (const address of [...service.held, ...service.retired]) this.#rest(address, key);
    this.#run();
  }

  advance(now: number): void {
    this.now = now;
    this.#resting = this.#resting.filter(({ until }) => until > now);
    this.#run();
  }

  /** Pool to how many of its addresses are used. */
  assigned(): Map<string, number> {
    return new Map(
      this.#pools.map(({ name, addresses }) => [name, addresses.filter((one) => this.#users(one).length > 0).length]),
    );
  }

  #run(): void {
    this.#servePending();
    for (let service = this.#writes.shift(); service !== undefined; service = this.#writes.shift()) {
      const write = service.write!;
      service.write = undefined;
      if (write.shown !== undefined) service.shown = write.shown;
      service.from = write.from;
      service.basis = service.shown;
      this.#decideOne(service);
      this.#servePending();
    }
  }

  /** Everybody who lacks something is looked at, the oldest first, until nothing changes. */
  #servePending(): void {
    for (let isDone = false; !isDone;) {
      isDone = true;
      for (const service of this.#byAge()) {
        const { decision, write } = service;
        if (write !== undefined) continue;
        if (decision.kind !== "pending" && !(decision.kind === "assigned" && decision.unmet)) continue;
        const before = JSON.stringify(decision);
        this.#decideOne(service);
        if (JSON.stringify(service.decision) !== before) isDone = false;
      }
    }
  }

  #byAge(): NaiveService[] {
    return [...this.services.values()].sort((a, b) => text(a.created, b.created) || text(a.key, b.key));
  }

  #decideAll(): void {
    const claims = this.#byAge().sort((a, b) => Number(a.from === undefined) - Number(b.from === undefined));
    const adopted = new Set(claims.filter((service) => this.#adopt(service)));
    for (const service of claims) if (!adopted.has(service)) this.#reserve(service);
    for (const service of this.#byAge()) {
      this.#allocate(service, adopted.has(service));
      this.#settle(service);
    }
  }

  #decideOne(service: NaiveService): void {
    const adopted = this.#adopt(service);
    if (!adopted) this.#reserve(service);
    this.#allocate(service, adopted);
    this.#settle(service);
  }

  #settle(service: NaiveService): void {
    const { decision, shown, from } = service;
    let write: NaiveService["write"];
    if (decision.kind === "assigned") {
      const { addresses, pool } = decision;
      if (!same(shown, addresses) || from !== pool) write = { shown: addresses, from: pool };
    } else if (decision.kind === "pending") {
      if (shown.length > 0 || from !== undefined) write = { shown: [], from: undefined };
    } else if (from !== undefined) {
      const isOurs = service.spec.type !== "LoadBalancer" || this.#poolOf(shown) !== undefined || shown.length === 0;
      write = { shown: isOurs ? [] : undefined, from: undefined };
    }
    service.write = write;
    if (write !== undefined) {
      this.#writes.push(service);
      return;
    }
    const { retired } = service;
    service.retired = [];
    for (const address of retired) this.#rest(address, service.key);
  }

  #isIgnored({ spec }: NaiveService): boolean {
    const { loadBalancerClass: ours } = spec;
    return spec.type !== "LoadBalancer" ||
      !(this.#classes === undefined ? ours === undefined : ours !== undefined && this.#classes.includes(ours));
  }

  #present({ shown, held, basis }: NaiveService): (readonly string[])[] {
    return (same(shown, basis) ? [held, shown] : [shown, held]).filter(({ length }) => length > 0);
  }

  #isClear({ spec }: NaiveService): boolean {
    return spec.families.length === 2 ? spec.policy !== "SingleStack" : spec.policy !== "RequireDualStack";
  }

  #adopt(service: NaiveService): boolean {
    if (this.#isIgnored(service) || !this.#isClear(service)) return false;
    for (const addresses of this.#present(service)) {
      const result = this.#mayHave(service, { addresses, spec: service.spec });
      if (!("pool" in result)) continue;
      this.#give(service, result.addresses);
      this.#decide(service, { kind: "assigned", ...result, unmet: false });
      return true;
    }
    return false;
  }

  #reserve(service: NaiveService): void {
    if (this.#isIgnored(service) && service.from === undefined) return;
    const all = [...new Set([...service.held, ...service.shown])];
    const terms = service.spec;
    const held = all.filter((address) => this.#admits(service, address));
    this.#give(service, held, all.filter((address) => !held.includes(address)));
    service.terms = terms;
  }

  #allocate(service: NaiveService, adopted: boolean): void {
    if (this.#isIgnored(service) || !this.#isClear(service)) {
      this.#give(service, [], [], service.terms);
      return this.#decide(service, { kind: this.#isIgnored(service) ? "ignored" : "pending" });
    }
    if (adopted) {
      const more = service.spec.wanted === undefined ? this.#extend(service) : undefined;
      const { decision } = service;
      if (decision.kind === "assigned" && more !== undefined && decision.addresses.length < more.addresses.length) {
        this.#give(service, more.addresses);
        this.#decide(service, { kind: "assigned", ...more, unmet: false });
      }
      return;
    }
    const result = this.#assign(service);
    if ("pool" in result) {
      this.#give(service, result.addresses);
      return this.#decide(service, { kind: "assigned", ...result, unmet: false });
    }
    const { spec } = service;
    const costsTheOld = spec.wanted !== undefined && result.no !== "inUse";
    const spec2 = { ...spec, wanted: undefined, pool: undefined };
    if ((spec.wanted !== undefined || spec.pool !== undefined) && !costsTheOld) {
      for (const addresses of this.#present(service)) {
        const kept = this.#mayHave(service, { addresses, spec: spec2 });
        if (!("pool" in kept)) continue;
        this.#give(service, kept.addresses);
        return this.#decide(service, { kind: "assigned", ...kept, unmet: true });
      }
    }
    this.#give(service, [], [], service.terms);
    this.#decide(service, { kind: "pending" });
  }

  #decide(service: NaiveService, decision: NaiveDecision): void {
    const { spec } = service;
    const lacksSecond = decision.kind === "assigned" && spec.policy === "PreferDualStack" &&
      decision.addresses.length < spec.families.length && spec.wanted === undefined;
    service.decision = lacksSecond ? { ...decision, unmet: true } : decision;
    service.basis = service.shown;
  }

  /** Whether it may have exactly these addresses. */
  #mayHave(service: NaiveService, options: { addresses: readonly string[]; spec: NaiveSpec }): Outcome {
    const { addresses, spec } = options;
    const families = addresses.map(familyOf);
    if (new Set(families).size < families.length || !families.every((one) => spec.families.includes(one))) {
      return { no: "family" };
    }
    if (families.length < spec.families.length && spec.policy !== "PreferDualStack") return { no: "family" };
    if (spec.wanted !== undefined && !sameSet(addresses, spec.wanted)) return { no: "notRequested" };
    return this.#allowed(service, { addresses, spec });
  }

  #allowed(service: NaiveService, options: { addresses: readonly string[]; spec: NaiveSpec }): Outcome {
    const { addresses, spec } = options;
    const pool = this.#poolOf(addresses);
    if (pool === undefined) return { no: "notAllowed" };
    if (spec.pool !== undefined && spec.pool !== pool.name) return { no: "otherPool" };
    if (!this.#serves(pool, spec)) return { no: "incompatible" };
    if (!addresses.every((address) => this.#admits(service, address))) return { no: "inUse" };
    return { pool: pool.name, addresses };
  }

  #assign(service: NaiveService): Outcome {
    const { spec } = service;
    if (spec.wanted !== undefined) {
      if (!sameSet(spec.wanted.map((one) => `${familyOf(one)}`), spec.families.map(String))) return { no: "family" };
      return this.#allowed(service, { addresses: spec.wanted, spec });
    }
    const choices = spec.families.length === 2 && spec.policy === "PreferDualStack"
      ? [spec.families, [spec.families[0]!], [spec.families[1]!]]
      : [spec.families];
    let pools: readonly NaivePool[];
    if (spec.pool === undefined) {
      const kept = this.#extend(service);
      if (kept !== undefined) return kept;
      pools = this.#pools.filter((pool) => pool.autoAssign !== false && this.#serves(pool, spec)).sort((a, b) =>
        rank(a) - rank(b)
      );
    } else {
      pools = this.#pools.filter(({ name }) => name === spec.pool);
      if (!pools.every((pool) => this.#serves(pool, spec))) return { no: "incompatible" };
    }
    for (const families of choices) {
      for (const pool of pools) {
        const addresses = this.#pick(service, { pool, families });
        if (addresses !== undefined) return { pool: pool.name, addresses };
      }
    }
    return { no: "exhausted" };
  }

  #extend(service: NaiveService): { pool: string; addresses: readonly string[] } | undefined {
    const { held, spec } = service;
    const pool = held.length === 0 ? undefined : this.#poolOf(held);
    if (pool === undefined || !this.#serves(pool, spec)) return undefined;
    if (spec.pool !== undefined && spec.pool !== pool.name) return undefined;
    const addresses = this.#pick(service, { pool, families: spec.families });
    return addresses?.some((one) => held.includes(one)) === true ? { pool: pool.name, addresses } : undefined;
  }

  #pick(service: NaiveService, options: { pool: NaivePool; families: readonly (4 | 6)[] }): string[] | undefined {
    const { pool, families } = options;
    const found: string[] = [];
    for (const family of [...families].sort()) {
      const mine = [
        ...service.held,
        ...this.#resting.filter(({ owner }) => owner === service.key).map(({ address }) => address).reverse(),
      ].find((one) => familyOf(one) === family && this.#poolOf([one]) === pool && this.#admits(service, one));
      const address = mine ?? pool.addresses.find((one) => {
        if (familyOf(one) !== family || isLeftOut(pool, one)) return false;
        const users = this.#users(one);
        if (users.length === 0) return !this.#resting.some(({ address }) => address === one);
        return !users.includes(service) && this.#admits(service, one);
      });
      if (address === undefined) return undefined;
      found.push(address);
    }
    return found;
  }

  #users(address: string): NaiveService[] {
    return [...this.services.values()].filter(({ held, retired }) =>
      held.includes(address) || retired.includes(address)
    );
  }

  #admits(service: NaiveService, address: string): boolean {
    const others = this.#users(address).filter((one) => one !== service);
    const inTheWay = service.held.includes(address) ? others.filter(({ held }) => held.includes(address)) : others;
    return inTheWay.every((other) => mayShare(service.spec, other.terms));
  }

  #serves(pool: NaivePool, spec: NaiveSpec): boolean {
    if (pool.classes !== undefined && !pool.classes.includes(spec.loadBalancerClass ?? "")) return false;
    return pool.namespaces === undefined || pool.namespaces.includes(spec.namespace);
  }

  #poolOf(addresses: readonly string[], withoutLeftOut = true): NaivePool | undefined {
    if (addresses.length === 0) return undefined;
    return this.#pools.find((pool) =>
      addresses.every((one) => pool.addresses.includes(one) && !(withoutLeftOut && isLeftOut(pool, one)))
    );
  }

  #give(service: NaiveService, held: readonly string[], retired: readonly string[] = [], terms = service.spec): void {
    const before = [...service.held, ...service.retired];
    service.held = held;
    service.retired = [...retired, ...before.filter((one) => !held.includes(one) && !retired.includes(one))];
    service.terms = terms;
    this.#resting = this.#resting.filter(({ address }) =>
      !held.includes(address) && !service.retired.includes(address)
    );
  }

  /** The last one has left it. */
  #rest(address: string, owner: string): void {
    if (this.#users(address).length > 0) return;
    const reuseAfterMs = this.#poolOf([address])?.reuseAfterMs;
    if (reuseAfterMs !== undefined) this.#resting.push({ address, owner, until: this.now + reuseAfterMs });
  }
}

function mayShare(a: NaiveSpec, b: NaiveSpec): boolean {
  if (a.sharingKey === undefined || a.sharingKey !== b.sharingKey) return false;
  const backend = (spec: NaiveSpec) => spec.local ? spec.selector : "";
  return backend(a) === backend(b) && !a.ports.some((port) => b.ports.includes(port));
}

function isLeftOut({ avoidBuggyIps }: NaivePool, address: string): boolean {
  return avoidBuggyIps === true && /\.(0|255)$/.test(address);
}

/** Bound to a class, then pinned by priority with 0 last, then the rest; the list is in the order of the names. */
function rank({ classes, namespaces, priority }: NaivePool): number {
  const pinned = namespaces === undefined && priority === undefined ? 3000 : (priority ?? 0) === 0 ? 2000 : priority!;
  return (classes === undefined ? 10_000 : 0) + pinned;
}
