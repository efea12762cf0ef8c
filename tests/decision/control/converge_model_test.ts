import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import type { KubeObject } from "../../../lib/base/kube.ts";
import { canonicalIp } from "../../../lib/base/ip.ts";
import { below, SeededRng } from "../../../lib/base/rng.ts";
import { ConvergeMachine } from "../../../lib/decision/control/converge.ts";
import type { ConvergeInput } from "../../../lib/decision/control/converge_io.ts";
import { poolObject, serviceObject } from "../objects.ts";
import { FakeApi, type Patch, shownBy } from "./fake_api.ts";

const SEEDS = 1000;
const STEPS = 60;
const IN_FLIGHT_MAX = 3;

interface NaivePool {
  readonly addresses: readonly string[];
  readonly autoAssign: boolean;
  readonly reuseAfter?: string;
}

/** Pools of a handful of addresses, written out: the model never parses a range. */
const POOL_SETS: readonly Record<string, NaivePool>[] = [
  {
    a: { addresses: ["192.0.2.1", "192.0.2.2", "192.0.2.3", "fd00::1"], autoAssign: true },
    b: { addresses: ["198.51.100.7", "198.51.100.8", "fd00::11", "fd00::12"], autoAssign: true },
  },
  { a: { addresses: ["192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "fd00::1", "fd00::2"], autoAssign: true } },
  {
    a: { addresses: ["192.0.2.1", "192.0.2.2"], autoAssign: false },
    c: { addresses: ["198.51.100.8", "198.51.100.9", "198.51.100.10", "fd00::12"], autoAssign: true },
  },
  {
    // The same addresses as the first set under other names.
    x: { addresses: ["192.0.2.1", "192.0.2.2", "192.0.2.3", "fd00::1"], autoAssign: true },
    b: { addresses: ["198.51.100.7", "198.51.100.8", "fd00::11", "fd00::12"], autoAssign: true },
  },
  {},
  {
    a: { addresses: ["192.0.2.1", "192.0.2.2", "fd00::1"], autoAssign: true, reuseAfter: "2s" },
    b: { addresses: ["198.51.100.7", "fd00::11"], autoAssign: true },
  },
];

function poolObjects(set: Record<string, NaivePool>): KubeObject[] {
  return Object.entries(set).map(([name, { addresses, autoAssign, reuseAfter }]) => {
    const pool = poolObject(name, addresses.map((address) => `${address}-${address}`), { autoAssign });
    const annotations = reuseAfter === undefined ? {} : { "herald.dev/reuse-after": reuseAfter };
    return { ...pool, metadata: { ...pool.metadata, annotations } };
  });
}

/** Terms of sharing stay what they are: whoever changes them while an address is shared makes the conflict himself. */
const SHARES: readonly (readonly [string, number] | undefined)[] = [
  undefined,
  undefined,
  undefined,
  ["k", 80],
  ["k", 443],
  ["l", 80],
];

function mayShare(a: KubeObject, b: KubeObject): boolean {
  const key = (object: KubeObject) => object.metadata.annotations?.["metallb.io/allow-shared-ip"];
  const port = (object: KubeObject) => (object["spec"] as { ports: { port: number }[] }).ports[0]!.port;
  return key(a) !== undefined && key(a) === key(b) && port(a) !== port(b);
}

const FAMILIES: readonly { readonly clusterIPs: readonly string[]; readonly ipFamilyPolicy: string }[] = [
  { clusterIPs: ["10.96.0.1"], ipFamilyPolicy: "SingleStack" },
  { clusterIPs: ["10.96.0.1"], ipFamilyPolicy: "PreferDualStack" },
  { clusterIPs: ["10.96.0.1"], ipFamilyPolicy: "SingleStack" },
  { clusterIPs: ["fd01::1"], ipFamilyPolicy: "SingleStack" },
  { clusterIPs: ["10.96.0.1", "fd01::1"], ipFamilyPolicy: "PreferDualStack" },
  { clusterIPs: ["fd01::1", "10.96.0.1"], ipFamilyPolicy: "PreferDualStack" },
  { clusterIPs: ["10.96.0.1", "fd01::1"], ipFamilyPolicy: "RequireDualStack" },
];

const familyOf = (address: string): number => address.includes(":") ? 6 : 4;

/** One history: user, API server, watch, failures and restarts in random order, checked at every step. */
class History {
  readonly #rng: SeededRng;
  readonly #api = new FakeApi();
  #machine = new ConvergeMachine({ inFlightMax: IN_FLIGHT_MAX });
  #pools = POOL_SETS[0]!;
  #patches: Patch[] = [];
  #poolWrites: string[] = [];
  readonly #unanswered = new Set<string>();
  #delivered = 0;
  #created = 0;
  #now = 0;
  writes = 0;

  constructor(seed: number) {
    this.#rng = new SeededRng(seed);
    this.#restart();
  }

  run(): void {
    for (let step = 0; step < STEPS; step++) {
      this.#step();
      this.#checkNoAddressTwice();
    }
    this.#settle();
    this.#checkSatisfied();
    this.#restart();
    this.#drainWatch();
    assertEquals(this.#patches, [], "a restart writes nothing");
  }

  #step(): void {
    const dice = this.#below(100);
    if (dice < 22) this.#userChange();
    else if (dice < 60) this.#deliver();
    else if (dice < 85) this.#answer(true);
    else if (dice < 91) this.#handle({ kind: "tick" }, 300 + this.#below(3000));
    else if (dice < 92) this.#answerPool();
    else if (dice < 96) this.#changePools();
    else this.#restart();
  }

  #userChange(): void {
    const keys = [...this.#api.objects.keys()];
    const dice = this.#below(10);
    if (dice < 5 || keys.length === 0) {
      const created = this.#created++;
      const annotations: Record<string, string> = {};
      if (this.#below(6) === 0) annotations["metallb.io/address-pool"] = this.#below(2) === 0 ? "a" : "b";
      if (this.#below(8) === 0) annotations["metallb.io/loadBalancerIPs"] = "192.0.2.2";
      // Three Services a second: age alone does not order them.
      const creationTimestamp = new Date(Math.floor(created / 3) * 1000).toISOString();
      const spec =
        FAMILIES[annotations["metallb.io/loadBalancerIPs"] === undefined ? this.#below(FAMILIES.length) : 0]!;
      const share = SHARES[this.#below(SHARES.length)];
      const ports = [{ protocol: "TCP", port: share?.[1] ?? 80 }];
      if (share !== undefined) annotations["metallb.io/allow-shared-ip"] = share[0];
      this.#api.put(
        serviceObject(`s${this.#below(9)}-${created}`, { annotations, creationTimestamp, spec: { ...spec, ports } }),
      );
      return;
    }
    const key = keys[this.#below(keys.length)]!;
    const object = this.#api.objects.get(key)!;
    const spec = object["spec"] as { type: string };
    if (dice < 7) this.#api.remove(key);
    else if (dice === 7) {
      const type = spec.type === "LoadBalancer" ? "ClusterIP" : "LoadBalancer";
      this.#api.put({ ...object, spec: { ...spec, type } });
    } else if (dice === 8) {
      const annotations = { ...object.metadata.annotations };
      if (annotations["metallb.io/address-pool"] === undefined) annotations["metallb.io/address-pool"] = "a";
      else delete annotations["metallb.io/address-pool"];
      this.#api.put({ ...object, metadata: { ...object.metadata, annotations } });
    } else if (this.#below(3) === 0 && object.metadata.annotations?.["metallb.io/loadBalancerIPs"] === undefined) {
      this.#api.put({ ...object, spec: { ...spec, ...FAMILIES[this.#below(FAMILIES.length)] } });
    } else if (this.#below(3) === 0) {
      this.#api.put({ ...object, status: { loadBalancer: {} } });
    } else {
      this.#api.put({ ...object, metadata: { ...object.metadata, labels: { v: String(this.#below(9)) } } });
    }
  }

  #changePools(): void {
    this.#pools = POOL_SETS[this.#below(POOL_SETS.length)]!;
    this.#handle({ kind: "pools", ipAddressPools: poolObjects(this.#pools) });
  }

  #deliver(): void {
    const event = this.#api.events[this.#delivered];
    if (event === undefined) return;
    this.#delivered++;
    this.#handle({ kind: "service", key: event.key, object: event.object });
  }

  /** One write is carried out, or not, and its answer comes, or tells nothing. */
  #answer(mayFail: boolean): void {
    if (this.#patches.length === 0) return;
    const [patch] = this.#patches.splice(this.#below(this.#patches.length), 1) as [Patch];
    const { key } = patch;
    const fate = mayFail ? this.#below(10) : 9;
    if (fate === 0) return this.#handle({ kind: "writeFailed", key, reason: "rejected", message: "no" });
    if (fate === 1) this.#unanswered.add(key);
    if (fate === 1) return this.#handle({ kind: "writeFailed", key, reason: "retryable", message: "refused" });
    const answer = this.#api.patch(patch);
    // Only to learn whether a write without an answer has happened may one change nothing.
    const mayChangeNothing = this.#unanswered.delete(key);
    if (answer.ok && !mayChangeNothing) {
      assert(answer.changed, `a write of ${key} changed nothing: ${JSON.stringify(patch.body)}`);
    }
    // The write happened but its answer was lost.
    if (fate === 2) this.#unanswered.add(key);
    if (fate === 2) return this.#handle({ kind: "writeFailed", key, reason: "retryable", message: "timeout" });
    if (answer.ok) return this.#handle({ kind: "written", key, resourceVersion: answer.resourceVersion });
    this.#handle({ kind: "writeFailed", key, reason: answer.reason, message: answer.reason });
  }

  #answerPool(): void {
    const name = this.#poolWrites.shift();
    if (name !== undefined) this.#handle({ kind: "poolWritten", name });
  }

  /** A new process: some writes of the old one still reached the server. */
  #restart(): void {
    for (const patch of this.#patches) if (this.#below(2) === 0) this.#api.patch(patch);
    this.#patches = [];
    this.#poolWrites = [];
    this.#machine = new ConvergeMachine({ inFlightMax: IN_FLIGHT_MAX });
    const inputs: ConvergeInput[] = [{ kind: "pools", ipAddressPools: poolObjects(this.#pools) }];
    for (const [key, object] of this.#api.objects) inputs.push({ kind: "service", key, object });
    this.#delivered = this.#api.events.length;
    for (let i = inputs.length - 1; i > 0; i--) {
      const j = this.#below(i + 1);
      [inputs[i], inputs[j]] = [inputs[j]!, inputs[i]!];
    }
    for (const input of inputs) this.#handle(input);
    assertEquals(this.#patches, [], "nothing is written before all caches are filled");
    this.#handle({ kind: "synced" });
  }

  #handle(input: ConvergeInput | { kind: "tick" }, afterMs = 1): void {
    this.#now += afterMs;
    this.#machine.handle(input, this.#now);
    for (let effect = this.#machine.poll(); effect !== undefined; effect = this.#machine.poll()) {
      if (effect.kind === "patchPoolStatus") this.#poolWrites.push(effect.name);
      if (effect.kind !== "patchStatus") continue;
      const { key } = effect;
      assert(!this.#patches.some((patch) => patch.key === key), `two writes of ${key} are in flight`);
      this.#patches.push(effect);
      assert(this.#patches.length <= IN_FLIGHT_MAX, `${this.#patches.length} writes are in flight`);
      this.writes++;
    }
  }

  #drainWatch(): void {
    while (this.#delivered < this.#api.events.length) this.#deliver();
  }

  #settle(): void {
    for (let round = 0; round < 1000; round++) {
      this.#drainWatch();
      if (this.#patches.length > 0) {
        this.#answer(false);
        continue;
      }
      if (this.#delivered < this.#api.events.length) continue;
      if (this.#poolWrites.length > 0) {
        this.#answerPool();
        continue;
      }
      const deadline = this.#machine.deadline();
      if (deadline === undefined) return;
      this.#handle({ kind: "tick" }, Math.max(1, deadline.at - this.#now));
    }
    throw new Error("it never came to rest");
  }

  #checkNoAddressTwice(): void {
    const owners = this.#owners();
    for (const [address, keys] of owners) {
      for (const [i, a] of keys.entries()) {
        for (const b of keys.slice(0, i)) {
          const may = mayShare(this.#api.objects.get(a)!, this.#api.objects.get(b)!);
          assert(may, `${address} is held by ${b} and ${a}, which cannot share it`);
        }
      }
    }
  }

  #owners(): Map<string, string[]> {
    const owners = new Map<string, string[]>();
    for (const [key, object] of this.#api.objects) {
      for (const address of shownBy(object)) owners.set(address, [...owners.get(address) ?? [], key]);
    }
    return owners;
  }

  /** At rest: every address is allowed, and who has none could not have one. */
  #checkSatisfied(): void {
    const owners = this.#owners();
    for (const [key, object] of this.#api.objects) {
      const shown = shownBy(object);
      const annotations = object.metadata.annotations ?? {};
      const from = annotations["metallb.io/ip-allocated-from-pool"];
      const requested = annotations["metallb.io/address-pool"];
      const wanted = annotations["metallb.io/loadBalancerIPs"];
      if ((object["spec"] as { type: string }).type !== "LoadBalancer") {
        assertEquals([shown, from], [[], undefined], `${key} is no load balancer and shows an address`);
        continue;
      }
      const { clusterIPs, ipFamilyPolicy } = object["spec"] as (typeof FAMILIES)[number];
      const families = clusterIPs.map(familyOf);
      const eligible = Object.entries(this.#pools).filter(([name, { autoAssign }]) =>
        requested === undefined ? autoAssign || wanted !== undefined || name === from : name === requested
      );
      const free = ({ addresses }: NaivePool, family: number): boolean =>
        addresses.some((one) =>
          familyOf(one) === family && (wanted === undefined || one === wanted) &&
          (owners.get(one) ?? []).every((other) => other !== key && mayShare(object, this.#api.objects.get(other)!))
        );
      const shownFamilies = shown.map(familyOf);
      if (shown.length === 0) {
        assertEquals(from, undefined, `${key} has the annotation but no address`);
        const served = eligible.filter(([, pool]) =>
          ipFamilyPolicy === "RequireDualStack"
            ? families.every((family) => free(pool, family))
            : families.some((family) => free(pool, family))
        );
        assertEquals(served.map(([name]) => name), [], `${key} has no address although some are free`);
        continue;
      }
      // What it asks for cannot be had, so it keeps what it has.
      const isKept = (requested !== undefined && requested !== from) || (wanted !== undefined && wanted !== shown[0]);
      if (isKept) {
        const better = eligible.filter(([, one]) => families.every((family) => free(one, family)));
        assertEquals(better.map(([name]) => name), [], `${key} keeps ${shown} although it could have what it wants`);
      }
      const pool = isKept ? this.#pools[from!] : eligible.find(([name]) => name === from)?.[1];
      assert(pool !== undefined, `${key} names pool ${from}, which it may not use`);
      for (const address of shown) {
        assert(pool?.addresses.includes(canonicalIp(address)!), `${key} has ${address}, which is not in ${from}`);
        assert(families.includes(familyOf(address)), `${key} has ${address} of a family that it is not`);
      }
      assertEquals(new Set(shownFamilies).size, shown.length, `${key} has two of one family: ${shown}`);
      if (isKept) continue;
      const missing = families.find((family) => !shownFamilies.includes(family));
      if (missing === undefined) continue;
      assertEquals(ipFamilyPolicy, "PreferDualStack", `${key} lacks an IPv${missing} address`);
      assert(!free(pool!, missing), `${key} lacks an IPv${missing} address although ${from} has one`);
    }
  }

  #below(bound: number): number {
    return below(this.#rng, bound);
  }
}

Deno.test("ConvergeMachine: random histories with restarts, failures and conflicts agree with a naive model", () => {
  let writes = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const history = new History(seed);
    try {
      history.run();
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
    writes += history.writes;
  }
  assert(writes > SEEDS * 5, `the histories are too tame: ${writes} writes`);
});
