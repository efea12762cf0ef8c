/**
 * The Kubernetes API of a simulated cluster: the embedded one, in virtual time. The story changes objects as an
 * administrator does, at once and without fail; speakers have lines of their own, which are slow and break.
 */
import { type KubeObject, type Resource, RESOURCES } from "../../lib/base/kube.ts";
import type { Log } from "../../lib/base/log.ts";
import type { Rng } from "../../lib/base/rng.ts";
import type { JsonObject } from "../../lib/base/json.ts";
import { customResourceDefinitions } from "../../lib/app/crds.ts";
import { EmbeddedApi } from "../../lib/edge/embedded/embedded_api.ts";
import type { ApiResult } from "../../lib/edge/kube/api_error.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { WALL_START_MS } from "./sim_node.ts";
import type { VirtualTime } from "./virtual_time.ts";

export const NAMESPACE = "metallb-system";
export const SERVICES_NAMESPACE = "shop";
export const BASE_URL = "http://api.test";
const CRDS: readonly JsonObject[] = customResourceDefinitions();

export class SimApi {
  readonly api: EmbeddedApi;
  /** False while nobody reaches it. */
  isUp = true;
  readonly #admin: KubeClient;
  readonly #time: VirtualTime;

  constructor(deps: { time: VirtualTime; rng: Rng; log: Log }) {
    const { time, rng, log } = deps;
    this.#time = time;
    this.api = new EmbeddedApi({ crds: CRDS, token: "secret", serviceIpv6: true }, {
      clock: { now: () => time.now, wallMs: () => WALL_START_MS + time.now },
      rng,
      log,
      schedule: (delayMs, callback) => time.schedule(callback, delayMs),
    });
    this.#admin = new KubeClient({ baseUrl: BASE_URL }, { fetch: this.api.fetch, schedule: time.schedule });
  }

  async create(resource: Resource, object: Readonly<Record<string, unknown>>): Promise<void> {
    const namespace = (object["metadata"] as { namespace?: string }).namespace;
    await this.#done(this.#admin.create(resource, { body: object, ...(namespace === undefined ? {} : { namespace }) }));
  }

  /** A merge patch. */
  async patch(
    resource: Resource,
    target: { readonly namespace?: string; readonly name: string; readonly subresource?: string },
    body: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    await this.#done(this.#admin.patch(resource, target, { type: "merge", body }));
  }

  async remove(resource: Resource, target: { readonly namespace?: string; readonly name: string }): Promise<void> {
    await this.#done(this.#admin.remove(resource, target));
  }

  async list(resource: Resource): Promise<readonly KubeObject[]> {
    return (await this.#done(this.#admin.list(resource))).items;
  }

  async makeNamespaces(): Promise<void> {
    for (const name of [NAMESPACE, SERVICES_NAMESPACE]) await this.create(RESOURCES.namespaces, { metadata: { name } });
  }

  async #done<T>(asked: Promise<ApiResult<T>>): Promise<T> {
    const result = await asked;
    this.#time.stir();
    if (!result.ok) throw new Error(`The simulation's own request failed: ${JSON.stringify(result.error)}`);
    return result.value;
  }
}
