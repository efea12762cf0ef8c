import { assertEquals } from "@std/assert/equals";
import type { KubeObject } from "../../../lib/base/kube.ts";
import { below, SeededRng } from "../../../lib/base/rng.ts";
import { ConvergeMachine } from "../../../lib/decision/control/converge.ts";
import type { ConvergeInput } from "../../../lib/decision/control/converge_io.ts";
import { poolObject, serviceObject } from "../objects.ts";
import { FakeApi, type Patch, shownBy } from "./fake_api.ts";
import { NaiveController, type NaivePool, type NaiveSpec } from "./naive_controller.ts";

const SEEDS = 1000;
const STEPS = 40;
const CLASSES = ["x", "y"];
const POOL_ANNOTATION = "metallb.io/ip-allocated-from-pool";

const A4 = ["192.0.2.0", "192.0.2.1", "192.0.2.2"];
const B4 = ["198.51.100.254", "198.51.100.255"];
const A6 = ["fd00::1", "fd00::2"];
const B6 = ["fd00::11"];
const EVERY = [...A4, ...B4, ...A6, ...B6, "203.0.113.9"];

const POOL_SETS: readonly (readonly NaivePool[])[] = [
  [{ name: "a", addresses: [...A4, ...A6] }, { name: "b", addresses: [...B4, ...B6] }],
  // Renamed, and each family in a pool of its own.
  [{ name: "c", addresses: [...A4, ...B4] }, { name: "d", addresses: [...A6, ...B6] }],
  [{ name: "a", addresses: [...A4, ...A6], avoidBuggyIps: true }, { name: "b", addresses: B4, autoAssign: false }],
  [{ name: "a", addresses: [...A4, ...A6], namespaces: ["shop"], priority: 5 }, {
    name: "b",
    addresses: [...B4, ...B6],
  }],
  [{ name: "a", addresses: [...A4, ...A6], reuseAfterMs: 5000 }, { name: "b", addresses: B4, reuseAfterMs: 1000 }],
  [{ name: "a", addresses: [...A4, ...A6], classes: ["x"] }, { name: "b", addresses: [...B4, ...B6] }],
  [{ name: "a", addresses: A4.slice(1, 2), reuseAfterMs: 5000 }, { name: "b", addresses: B6 }],
  [{ name: "b", addresses: [...A4, ...B4], priority: 0 }, { name: "z", addresses: A6, priority: 9 }],
  [],
];

function objectOf({ name, addresses, ...pool }: NaivePool): KubeObject {
  const { autoAssign = true, avoidBuggyIps = false, namespaces, priority, classes, reuseAfterMs } = pool;
  const serviceAllocation = namespaces === undefined && priority === undefined ? {} : {
    serviceAllocation: {
      ...(namespaces === undefined ? {} : { namespaces }),
      ...(priority === undefined ? {} : { priority }),
    },
  };
  const object = poolObject(name, addresses.map((one) => `${one}-${one}`), {
    autoAssign,
    avoidBuggyIPs: avoidBuggyIps,
    ...serviceAllocation,
  });
  const annotations = {
    ...(classes === undefined ? {} : { "herald.dev/load-balancer-class": classes.join(",") }),
    ...(reuseAfterMs === undefined ? {} : { "herald.dev/reuse-after": `${reuseAfterMs}ms` }),
  };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function serviceOf(name: string, options: { spec: NaiveSpec; created: string }): KubeObject {
  const { spec, created } = options;
  const annotations: Record<string, string> = {};
  if (spec.pool !== undefined) annotations["metallb.io/address-pool"] = spec.pool;
  if (spec.wanted !== undefined) annotations["metallb.io/loadBalancerIPs"] = spec.wanted.join(",");
  if (spec.sharingKey !== undefined) annotations["metallb.io/allow-shared-ip"] = spec.sharingKey;
  return serviceObject(name, {
    namespace: spec.namespace,
    type: spec.type,
    creationTimestamp: created,
    annotations,
    clusterIps: spec.families.map((family) => family === 4 ? "10.96.0.1" : "fd01::1"),
    spec: {
      ipFamilies: spec.families.map((family) => `IPv${family}`),
      ipFamilyPolicy: spec.policy,
      loadBalancerClass: spec.loadBalancerClass,
      externalTrafficPolicy: spec.local ? "Local" : "Cluster",
      selector: { app: spec.selector },
      ports: spec.ports.map((port) => ({ protocol: port.split("/")[0], port: Number(port.split("/")[1]) })),
    },
  });
}

/** The real machine and the naive controller go through one history; every write is answered at once, in order. */
class Twins {
  readonly #rng: SeededRng;
  readonly #classes: readonly string[] | undefined;
  readonly #api = new FakeApi();
  readonly #naive: NaiveController;
  readonly #known = new Map<string, { spec: NaiveSpec; created: string; name: string }>();
  #machine: ConvergeMachine;
  #pools = POOL_SETS[0]!;
  #delivered = 0;
  #now = 0;
  #log: string[] = [];

  constructor(seed: number) {
    this.#rng = new SeededRng(seed);
    this.#classes = this.#below(3) === 0 ? CLASSES : undefined;
    this.#naive = new NaiveController({ classes: this.#classes });
    this.#machine = new ConvergeMachine(this.#options());
    this.#restart();
    this.#naive.setPools(this.#pools);
  }

  run(): void {
    for (let step = 0; step < STEPS; step++) {
      this.#step();
      this.#compare();
    }
  }

  get story(): string {
    return this.#log.slice(-12).join("\n");
  }

  #options() {
    return { inFlightMax: 1000, ...(this.#classes === undefined ? {} : { lbClasses: this.#classes }) };
  }

  #step(): void {
    const dice = this.#below(100);
    const keys = [...this.#known.keys()];
    if (dice < 45 || keys.length === 0) this.#create();
    else if (dice < 62) this.#change(this.#one(keys));
    else if (dice < 72) this.#editStatus(this.#one(keys));
    else if (dice < 82) this.#remove(this.#one(keys));
    else if (dice < 88) this.#advance();
    else if (dice < 96) this.#changePools();
    else this.#restart();
  }

  #create(): void {
    const name = `s${this.#below(12)}`;
    const namespace = this.#below(4) === 0 ? "bank" : "shop";
    const key = `${namespace}/${name}`;
    if (this.#known.has(key)) return this.#change(key);
    const created = new Date(this.#below(6) * 1000).toISOString();
    this.#put(key, { name, created, spec: this.#spec(namespace) });
  }

  #change(key: string): void {
    const { name, created, spec } = this.#known.get(key)!;
    const fresh = this.#spec(spec.namespace);
    const fields = ["type", "families", "pool", "wanted", "sharingKey", "local", "selector", "ports"] as const;
    const field = this.#one(fields);
    const policy = field === "families" ? { policy: fresh.policy } : {};
    this.#put(key, { name, created, spec: { ...spec, [field]: fresh[field], ...policy } });
  }

  #put(key: string, service: { name: string; created: string; spec: NaiveSpec }): void {
    this.#log.push(`put ${key} ${JSON.stringify(service)}`);
    this.#known.set(key, service);
    const before = this.#api.objects.get(key);
    const object = serviceOf(service.name, service);
    const from = before?.metadata.annotations?.[POOL_ANNOTATION];
    const annotations = { ...object.metadata.annotations, ...(from === undefined ? {} : { [POOL_ANNOTATION]: from }) };
    const status = before?.["status"] ?? object["status"];
    this.#api.put({ ...object, metadata: { ...object.metadata, annotations }, status });
    this.#naive.put(key, service);
    this.#run();
  }

  /** Somebody writes into the status by hand: nothing, or any address there is. */
  #editStatus(key: string): void {
    const shown = this.#below(4) === 0 ? [] : [this.#one(EVERY)];
    if (this.#below(4) === 0) shown.push(this.#one(EVERY));
    this.#log.push(`edit ${key} to ${shown}`);
    const object = this.#api.objects.get(key)!;
    this.#api.put({ ...object, status: { loadBalancer: { ingress: shown.map((ip) => ({ ip })) } } });
    this.#naive.put(key, { ...this.#known.get(key)!, shown });
    this.#run();
  }

  #remove(key: string): void {
    this.#log.push(`remove ${key}`);
    this.#known.delete(key);
    this.#api.remove(key);
    this.#naive.remove(key);
    this.#run();
  }

  #advance(): void {
    this.#now += this.#one([500, 1000, 3000]);
    this.#log.push(`now ${this.#now}`);
    this.#naive.advance(this.#now);
    this.#handle({ kind: "tick" });
  }

  #changePools(): void {
    this.#pools = this.#one(POOL_SETS);
    this.#log.push(`pools ${JSON.stringify(this.#pools)}`);
    this.#naive.setPools(this.#pools);
    this.#handle({ kind: "pools", ipAddressPools: this.#pools.map(objectOf) });
  }

  /** A new process; sometimes another controller has written something meanwhile. */
  #restart(): void {
    this.#log.push("restart");
    const keys = [...this.#known.keys()];
    if (keys.length > 1 && this.#below(2) === 0) this.#forge(this.#one(keys), this.#one(keys));
    this.#machine = new ConvergeMachine(this.#options());
    this.#delivered = this.#api.events.length;
    this.#handle({ kind: "pools", ipAddressPools: this.#pools.map(objectOf) });
    for (const [key, object] of this.#api.objects) this.#handle({ kind: "service", key, object });
    this.#naive.restart();
    this.#handle({ kind: "synced" });
  }

  /** Two Services with one address, as after a split brain. */
  #forge(key: string, victim: string): void {
    const shown = shownBy(this.#api.objects.get(victim)!);
    this.#log.push(`${key} shows the addresses of ${victim}`);
    const object = this.#api.objects.get(key)!;
    this.#api.put({ ...object, status: { loadBalancer: { ingress: shown.map((ip) => ({ ip })) } } });
    this.#naive.services.get(key)!.shown = shown;
  }

  #run(): void {
    while (this.#delivered < this.#api.events.length) {
      const { key, object } = this.#api.events[this.#delivered++]!;
      this.#handle({ kind: "service", key, object });
    }
  }

  #handle(input: ConvergeInput | { kind: "tick" }): void {
    const patches: Patch[] = [];
    const drain = () => {
      for (let effect = this.#machine.poll(); effect !== undefined; effect = this.#machine.poll()) {
        if (effect.kind === "patchStatus") patches.push(effect);
      }
    };
    this.#machine.handle(input, this.#now);
    drain();
    for (let patch = patches.shift(); patch !== undefined; patch = patches.shift()) {
      const answer = this.#api.patch(patch);
      if (!answer.ok) throw new Error(`write of ${patch.key}: ${answer.reason}`);
      if (!answer.changed) throw new Error(`write of ${patch.key} changes nothing`);
      const written = { kind: "written", key: patch.key, resourceVersion: answer.resourceVersion } as const;
      this.#machine.handle(written, this.#now);
      drain();
    }
    this.#run();
  }

  #compare(): void {
    const real: Record<string, unknown> = {};
    const naive: Record<string, unknown> = {};
    for (const [key, object] of this.#api.objects) {
      const decision = this.#machine.decisionOf(key);
      const isUnmet = decision?.kind === "assigned" && decision.unmet !== undefined;
      real[key] = [shownBy(object), object.metadata.annotations?.[POOL_ANNOTATION], decision?.kind, isUnmet];
      const other = this.#naive.services.get(key)!;
      const unmet = other.decision.kind === "assigned" && other.decision.unmet;
      naive[key] = [other.shown, other.from, other.decision.kind, unmet];
    }
    assertEquals(real, naive);
    const counted = this.#machine.counters().map((pool) => [
      pool.name,
      Number(pool.assignedIPv4 + pool.assignedIPv6),
    ]);
    assertEquals(counted, [...this.#naive.assigned()]);
  }

  #spec(namespace: string): NaiveSpec {
    const families = this.#one<readonly (4 | 6)[]>([[4], [4], [6], [4, 6], [6, 4]]);
    const policies = families.length === 1
      ? ["SingleStack", "SingleStack", "PreferDualStack", "RequireDualStack"] as const
      : ["PreferDualStack", "PreferDualStack", "RequireDualStack", "SingleStack"] as const;
    const wanted = this.#below(6) > 0
      ? undefined
      : this.#below(3) > 0
      ? [this.#one(EVERY)]
      : [this.#one(A6), this.#one(A4)];
    return {
      type: this.#below(12) === 0 ? "ClusterIP" : "LoadBalancer",
      namespace,
      loadBalancerClass: this.#classes === undefined ? undefined : this.#one([...CLASSES, "z", undefined]),
      families,
      policy: this.#one(policies),
      pool: this.#below(6) === 0 ? this.#one(["a", "b", "nope"]) : undefined,
      wanted,
      sharingKey: this.#below(2) === 0 ? undefined : this.#one(["k", "k", "l"]),
      local: this.#below(4) === 0,
      selector: this.#one(["p", "q"]),
      ports: this.#one([["TCP/80"], ["TCP/443"], ["UDP/80"], ["TCP/80", "TCP/443"], ["TCP/53", "UDP/53"]]),
    };
  }

  #one<T>(items: readonly T[]): T {
    return items[this.#below(items.length)]!;
  }

  #below(bound: number): number {
    return below(this.#rng, bound);
  }
}

Deno.test("ConvergeMachine: it comes to the same results as the plainest controller, whatever happens", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const twins = new Twins(seed);
    try {
      twins.run();
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}\n${twins.story}`, { cause: error });
    }
  }
});
