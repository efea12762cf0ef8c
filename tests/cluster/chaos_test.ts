// needs: kube-apiserver etcd
// permissions: --allow-all
/**
 * kill -9 of the controller, of kube-apiserver and of etcd in the middle of 1,000 creations; ten rounds, each with its
 * own seed, which chooses order and moments. Afterwards each Service has exactly one address, no address has two owners
 * unless they share it by key; in the end that holds for the Services of all rounds together, and a restart of the
 * controller changes nothing.
 *
 * CHAOS_SEED=n begins with that seed, CHAOS_ROUNDS=n plays so many rounds.
 */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { type KubeObject, objectKey, RESOURCES } from "../../lib/base/kube.ts";
import { below, SeededRng } from "../../lib/base/rng.ts";
import { ProgramProcess } from "../support/program_process.ts";
import { RealApiServer } from "../support/real_api_server.ts";
import {
  createNamespace,
  createPool,
  ingressOf,
  installKinds,
  loadBalancer,
  loadBalancerSpec,
  NAMESPACE,
} from "../support/real_cluster.ts";
import { until } from "../support/until.ts";

const SERVICES = 1_000;
const CLIENTS = 16;
const ROUNDS = Number(Deno.env.get("CHAOS_ROUNDS") ?? 10);
const FIRST_SEED = Number(Deno.env.get("CHAOS_SEED") ?? 1);
/** Of every ten Services two share an address. */
const SHARED_EVERY = 10;
/** For each wait; the last rounds have ten thousand Services, and take three times as long as the first. */
const LIMIT_MS = 240_000;
const VICTIMS = ["controller", "kube-apiserver", "etcd"] as const;
type Victim = typeof VICTIMS[number];

class Chaos {
  readonly server: RealApiServer;
  readonly #folder: string;
  #controller: ProgramProcess | undefined;

  private constructor(server: RealApiServer, folder: string) {
    this.server = server;
    this.#folder = folder;
  }

  static async create(): Promise<Chaos> {
    const server = await RealApiServer.start({ users: ["controller"] });
    const chaos = new Chaos(server, await Deno.makeTempDir({ prefix: "herald-chaos-" }));
    await installKinds(server);
    await createNamespace(server, NAMESPACE);
    await createPool(server, "first", ["10.0.0.0/18"]);
    await Deno.writeTextFile(`${chaos.#folder}/kubeconfig`, server.kubeconfigOf("controller"));
    chaos.startController();
    await chaos.#controller!.logged("leaderElected");
    return chaos;
  }

  startController(): void {
    this.#controller = new ProgramProcess({
      kubeconfig: `${this.#folder}/kubeconfig`,
      api: `127.0.0.1:${this.server.port}`,
      namespace: NAMESPACE,
      flags: ["--pod-name=controller-1", "--leader-elect-lease-seconds=5"],
    });
  }

  async kill(victim: Victim): Promise<void> {
    if (victim === "controller") {
      await this.#controller!.end("SIGKILL");
      this.startController();
    } else if (victim === "kube-apiserver") await this.server.restart();
    else await this.server.restartEtcd();
  }

  /** Tries until the Service is there; an answer that was lost may have been a yes. */
  async create(namespace: string, object: Readonly<Record<string, unknown>> & { metadata: { name: string } }) {
    const { name } = object.metadata;
    const body = { ...object };
    await until(`${name} is created`, async () => {
      const result = await this.server.admin.create(RESOURCES.services, { namespace, body });
      return result.ok || result.error.reason === "alreadyExists";
    }, LIMIT_MS);
  }

  /** Those that want an address; of all namespaces when none is given. */
  async services(namespace?: string): Promise<readonly KubeObject[] | undefined> {
    const listed = await this.server.admin.list(RESOURCES.services, { namespace });
    if (!listed.ok) return undefined;
    return listed.value.items.filter(({ spec }) => (spec as { type?: string }).type === "LoadBalancer");
  }

  async close(): Promise<void> {
    await this.#controller?.end("SIGKILL");
    await this.server.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

async function restart(chaos: Chaos): Promise<void> {
  const why = (text: string) => `all rounds from seed ${FIRST_SEED}: ${text}`;
  const before = ownersOf((await chaos.services())!, why);
  await chaos.kill("controller");
  await chaos.create("default", loadBalancer("last", "default"));
  await until("a new Service has an address", async () => {
    const last = (await chaos.services("default"))?.find(({ metadata }) => metadata.name === "last");
    return last !== undefined && ingressOf(last).length === 1;
  }, LIMIT_MS);
  const after = ownersOf((await chaos.services())!, why);
  for (const [address, owners] of before) assertEquals(after.get(address), owners, why(`${address} stays`));
}

type Owners = Map<string, string[]>;

/** One round. */
async function play(chaos: Chaos, seed: number): Promise<void> {
  const rng = new SeededRng(seed);
  const namespace = namespaceOf(seed);
  await createNamespace(chaos.server, namespace);
  const history: string[] = [];
  const why = (text: string) => `seed ${seed} (${history.join(", ")}): ${text}`;
  let created = 0;
  let next = 0;
  const creator = async () => {
    for (let index = next++; index < SERVICES; index = next++) {
      await chaos.create(namespace, serviceAt(namespace, index));
      created++;
    }
  };
  const creating = Promise.all(Array.from({ length: CLIENTS }, creator));
  const killing = (async () => {
    for (const { moment, victim } of killsOf(rng)) {
      await until("the moment has come", () => created >= moment, LIMIT_MS);
      // In the middle of something, not at the end of an answer.
      await new Promise((done) => setTimeout(done, below(rng, 30)));
      history.push(`${victim} after ${created}`);
      await chaos.kill(victim);
    }
  })();
  await Promise.all([creating, killing]);
  await until(why("every Service has an address"), async () => {
    const services = await chaos.services(namespace);
    return services?.length === SERVICES && services.every((object) => ingressOf(object).length > 0);
  }, LIMIT_MS);
  ownersOf((await chaos.services(namespace))!, why);
}

function namespaceOf(seed: number): string {
  return `round-${seed}`;
}

function serviceAt(namespace: string, index: number): KubeObject {
  const name = `s${String(index).padStart(4, "0")}`;
  const place = index % SHARED_EVERY;
  if (place > 1) return loadBalancer(name, namespace);
  // The same key and another port.
  const annotations = { "metallb.io/allow-shared-ip": `key-${Math.floor(index / SHARED_EVERY)}` };
  return { ...loadBalancer(name, namespace, annotations), spec: loadBalancerSpec(80 + place) };
}

/** Each victim once, in any order, at any moments between the first and the last creation. */
function killsOf(rng: SeededRng): { readonly moment: number; readonly victim: Victim }[] {
  const order = [...VICTIMS];
  for (let at = order.length - 1; at > 0; at--) {
    const other = below(rng, at + 1);
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  const moments = order.map(() => 20 + below(rng, SERVICES - 40)).sort((a, b) => a - b);
  return order.map((victim, index) => ({ victim, moment: moments[index]! }));
}

/** By address; each Service has one, and two have the same only if both have the same sharing key. */
function ownersOf(services: readonly KubeObject[], why: (text: string) => string): Owners {
  const owners = new Map<string, KubeObject[]>();
  for (const object of services) {
    const addresses = ingressOf(object);
    assertEquals(addresses.length, 1, why(`${objectKey(object)} has [${addresses}]`));
    const [address] = addresses;
    owners.set(address!, [...owners.get(address!) ?? [], object]);
  }
  for (const [address, objects] of owners) {
    if (objects.length === 1) continue;
    const keys = new Set(objects.map(({ metadata }) => metadata.annotations?.["metallb.io/allow-shared-ip"]));
    const names = objects.map(objectKey);
    assert(keys.size === 1 && !keys.has(undefined), why(`${address} belongs to ${names}`));
  }
  return new Map([...owners].map(([address, objects]) => [address, objects.map(objectKey)]));
}

Deno.test(`kill -9 in the middle of ${SERVICES} creations, ${ROUNDS} times`, async (test) => {
  const chaos = await Chaos.create();
  try {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
      const ok = await test.step(`seed ${seed}`, () => play(chaos, seed));
      // What comes after a broken round says nothing.
      if (!ok) return;
    }
    await test.step("of all rounds together, also after a restart", () => restart(chaos));
  } finally {
    await chaos.close();
  }
});
