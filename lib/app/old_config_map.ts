/**
 * The configuration of MetalLB up to 0.12: a ConfigMap `config` with one text under the key `config` (reference §10.1).
 *
 * Herald does not guess what it means today. Where it finds nothing but that, it says so and what to run, in the log,
 * in an event on the ConfigMap and in the ConfigurationState, and serves nothing until the objects of today are there.
 * Asked once per term, again when the last pool goes, and as often as a Service gets no address because there is no
 * pool: its user may have written the ConfigMap just before. Nothing is watched.
 */
import { type KubeObject, RESOURCES } from "../base/kube.ts";
import type { Log } from "../base/log.ts";
import type { Problem } from "../decision/config/problem.ts";
import type { KubeClient } from "../edge/kube/client.ts";
import type { EventToRecord } from "../edge/kube/events.ts";

export interface OldConfigMapDeps {
  readonly client: KubeClient;
  readonly log: Log;
  readonly record: (event: EventToRecord) => void;
  /** For the ConfigurationState and the metrics: what is wrong as long as it is. */
  readonly report: (problems: readonly Problem[]) => void;
}

const NAME = "config";
const KEY = "config";

/** Any of these says that somebody configures with today's kinds. */
const KINDS = [
  RESOURCES.ipAddressPools,
  RESOURCES.l2Advertisements,
  RESOURCES.bgpAdvertisements,
  RESOURCES.bgpPeers,
  RESOURCES.communities,
  RESOURCES.bfdProfiles,
] as const;

export class OldConfigMap {
  readonly #namespace: string;
  readonly #deps: OldConfigMapDeps;
  #pools: number | undefined;
  #message: string | undefined;
  #looks: "no" | "once" | "again" = "no";

  constructor(options: { readonly namespace: string }, deps: OldConfigMapDeps) {
    this.#namespace = options.namespace;
    this.#deps = deps;
  }

  /** What to tell people, when the last look found nothing but the old ConfigMap. */
  get message(): string | undefined {
    return this.#message;
  }

  /** How many pools there are now. Looks when there are none and there were some, or none was ever asked about. */
  async observe(pools: number): Promise<void> {
    const isNews = pools !== this.#pools && (pools === 0 || this.#pools === 0);
    this.#pools = pools;
    if (pools > 0) this.#settle();
    else if (isNews) await this.#look();
  }

  /** A Service got no address. One look at a time, however many Services wait, and one more for those that came late. */
  async serviceWaits(): Promise<void> {
    if (this.#pools !== 0 || this.#message !== undefined) return;
    await this.#look();
  }

  /** For the next term to look again. */
  forget(): void {
    this.#pools = undefined;
    this.#settle();
  }

  #settle(): void {
    if (this.#message === undefined) return;
    this.#message = undefined;
    this.#deps.report([]);
  }

  async #look(): Promise<void> {
    if (this.#looks !== "no") {
      this.#looks = "again";
      return;
    }
    do {
      this.#looks = "once";
      const found = await this.#find();
      // Pools may have come, or the lead may be gone, while the answers were under way.
      if (found === undefined || this.#pools !== 0 || this.#message !== undefined) continue;
      this.#message = messageFor(this.#namespace);
      this.#tell(found);
    } while (this.#asksAgain());
    this.#looks = "no";
  }

  #asksAgain(): boolean {
    return this.#looks === "again" && this.#pools === 0 && this.#message === undefined;
  }

  async #find(): Promise<KubeObject | undefined> {
    const { client } = this.#deps;
    const namespace = this.#namespace;
    const old = await client.get(RESOURCES.configMaps, { namespace, name: NAME });
    if (!old.ok) return undefined;
    const data = old.value["data"] as Readonly<Record<string, unknown>> | undefined;
    if (typeof data?.[KEY] !== "string" || data[KEY].trim() === "") return undefined;
    for (const kind of KINDS) {
      const some = await client.peek(kind, { namespace, limit: 1 });
      // A kind that is not installed holds nothing; any other failure leaves it open.
      if (some.ok ? some.value.items.length > 0 : some.error.reason !== "notFound") return undefined;
    }
    return old.value;
  }

  #tell(object: KubeObject): void {
    const namespace = this.#namespace;
    const message = messageFor(namespace);
    this.#deps.log({
      level: "warn",
      event: "oldConfigMap",
      namespace,
      name: NAME,
      message,
      run: commandFor(namespace),
    });
    const reference = { apiVersion: "v1", kind: "ConfigMap", metadata: object.metadata };
    const about = { kind: "ConfigMap", namespace, name: NAME, path: `data.${KEY}` };
    this.#deps.report([{ severity: "error", ...about, reason: "oldConfigMap", message }]);
    this.#deps.record({ object: reference, type: "Warning", reason: "OldConfiguration", message });
  }
}

function messageFor(namespace: string): string {
  return `This ConfigMap is the configuration format of MetalLB 0.12 and older. There are no objects of metallb.io in ` +
    `namespace ${namespace}, so no Service gets an address. To convert it: ${commandFor(namespace)}`;
}

function commandFor(namespace: string): string {
  return `kubectl get configmap -n ${namespace} ${NAME} -o yaml | herald migrate -f - | kubectl apply -f -`;
}
