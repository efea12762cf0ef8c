/** What the scenarios of the contract suite work with: objects of their own, and a reflector that is checked. */
import { assertEquals } from "@std/assert/equals";
import { RESOURCES } from "../../lib/base/kube.ts";
import { silentLog } from "../../lib/base/log.ts";
import { type Rng, SeededRng } from "../../lib/base/rng.ts";
import type { ApiResult } from "../../lib/edge/kube/api_error.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { Reflector } from "../../lib/edge/kube/reflector.ts";
import type { Transport } from "../../lib/edge/kube/transport.ts";
import { systemClock } from "../../lib/edge/run/clock.ts";
import type { FaultProxy } from "../support/fault_proxy.ts";
import type { KubeServer } from "./kube_server.ts";

const LABEL = "herald.dev/contract";
export const KIND = RESOURCES.configMaps;

/** One test's world: a namespace-wide label of its own, the proxy, and a client through it. */
export class Stage {
  readonly server: KubeServer;
  readonly proxy: FaultProxy;
  readonly transport: Transport;
  readonly client: KubeClient;
  /** Gives up a connection that says nothing, so that tests of that are short. */
  readonly impatient: KubeClient;
  readonly #label: string;

  constructor(parts: { server: KubeServer; proxy: FaultProxy; transport: Transport }) {
    this.server = parts.server;
    this.proxy = parts.proxy;
    this.transport = parts.transport;
    const { baseUrl, fetch } = this.transport;
    this.client = new KubeClient({ baseUrl, pageSize: 3 }, { fetch });
    this.impatient = this.client.derive({ requestTimeoutMs: 2_000 });
    this.#label = `run-${crypto.randomUUID()}`;
  }

  get selector(): { namespace: string; labelSelector: string } {
    return { namespace: "default", labelSelector: `${LABEL}=${this.#label}` };
  }

  body(name: string, data: Record<string, string> = {}) {
    return { metadata: { name: this.nameOf(name), labels: { [LABEL]: this.#label } }, data };
  }

  nameOf(name: string): string {
    return `${name}-${this.#label.slice(4, 12)}`;
  }

  async put(name: string): Promise<void> {
    valueOf(await this.server.admin.create(KIND, { namespace: "default", body: this.body(name) }));
  }

  async change(name: string, text: string): Promise<void> {
    const target = { namespace: "default", name: this.nameOf(name) };
    valueOf(await this.server.admin.patch(KIND, target, { type: "merge", body: { data: { text } } }));
  }

  async drop(name: string): Promise<void> {
    valueOf(await this.server.admin.remove(KIND, { namespace: "default", name: this.nameOf(name) }));
  }

  async truth(): Promise<Map<string, string>> {
    const list = valueOf(await this.server.admin.list(KIND, this.selector));
    return new Map(list.items.map(({ metadata }) => [metadata.name, `${metadata.uid}@${metadata.resourceVersion}`]));
  }
}

/** A reflector that checks what it is told: no version twice, no removal of what is not there. */
export class Witness {
  readonly reflector: Reflector;
  readonly told = new Map<string, string>();
  readonly versions: string[] = [];
  removals = 0;
  readonly problems: string[] = [];

  constructor(stage: Stage, rng: Rng = new SeededRng(1)) {
    this.reflector = new Reflector({
      resource: KIND,
      ...stage.selector,
      idleLimitMs: 1_000,
      openLimitMs: 3_000,
      listLimitMs: 5_000,
      backoff: { baseMs: 20, capMs: 200 },
    }, {
      client: stage.impatient,
      clock: systemClock,
      rng,
      log: silentLog,
      onChange: (change) => {
        if (change.kind === "synced") return;
        const { metadata } = change.kind === "upsert" ? change.object : change.previous;
        const version = `${metadata.uid}@${metadata.resourceVersion}`;
        if (change.kind === "upsert") {
          if (this.versions.includes(`${metadata.name} ${version}`)) this.problems.push(`told twice: ${version}`);
          this.versions.push(`${metadata.name} ${version}`);
          this.told.set(metadata.name, version);
          return;
        }
        this.removals++;
        if (!this.told.delete(metadata.name)) this.problems.push(`removed but never told: ${version}`);
      },
    });
  }

  /** Waits until what was told equals the server. */
  async sees(stage: Stage, limitMs = 60_000): Promise<void> {
    const end = performance.now() + limitMs;
    let expected = await stage.truth();
    while (!same(this.told, expected)) {
      if (performance.now() > end) {
        assertEquals(
          sorted(this.told),
          sorted(expected),
          `after ${limitMs} ms: ${JSON.stringify(this.reflector.inspect())}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
      expected = await stage.truth();
    }
    assertEquals(this.problems, []);
    const store = [...this.reflector.store.values()].map((
      { metadata },
    ) => [metadata.name, `${metadata.uid}@${metadata.resourceVersion}`]);
    assertEquals(store.sort(), sorted(expected));
  }
}

export function valueOf<T>(result: ApiResult<T>): T {
  if (!result.ok) throw new Error(`${result.error.reason}: ${result.error.message}`);
  return result.value;
}

function same(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

function sorted(map: ReadonlyMap<string, string>): [string, string][] {
  return [...map].sort();
}
