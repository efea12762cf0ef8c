/**
 * What schedulers and kubelets do for Pods in a real cluster, as far as a demonstration needs it: a Pod gets a node in
 * turn, an address of that node's range, and is Running and Ready at once. Nothing is executed; the Service's answer is
 * given by `service_proxy`.
 */
import { type KubeObject, RESOURCES } from "../../base/kube.ts";
import type { Log } from "../../base/log.ts";
import type { Clock } from "../../base/time.ts";
import { formatWallTime } from "../../base/time.ts";
import { decodePod } from "../../decision/config/pod_view.ts";
import type { KubeClient, ObjectName } from "../../edge/kube/client.ts";
import type { Caches } from "../caches.ts";

export interface KubeletOptions {
  /** In the order in which Pods are spread. */
  readonly nodes: readonly { readonly name: string; readonly address: string }[];
}

export interface KubeletDeps {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly log: Log;
}

export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #deps: KubeletDeps;
  readonly #handled = new Set<string>();
  #scheduled = 0;
  #addresses = 0;

  constructor(options: KubeletOptions, deps: KubeletDeps) {
    this.#options = options;
    this.#deps = deps;
    deps.caches.add({ resource: RESOURCES.pods }, (change) => {
      if (change.kind === "upsert") void this.#bringUp(change.object);
    });
  }

  async #bringUp(object: KubeObject): Promise<void> {
    const pod = decodePod(object);
    if (!pod.ok || pod.value.deleting || pod.value.phase === "Running") return;
    const { nodeName, namespace, name } = pod.value;
    const { nodes } = this.#options;
    if (nodeName === undefined) {
      const node = nodes[this.#scheduled++ % nodes.length]!;
      return await this.#patch({ namespace, name }, { spec: { nodeName: node.name } });
    }
    const uid = object.metadata.uid ?? "";
    const index = nodes.findIndex((node) => node.name === nodeName);
    if (index < 0 || this.#handled.has(uid)) return;
    this.#handled.add(uid);
    // A Pod on the host's network, as the speakers are, has the node's address.
    const isHostNetwork = (object["spec"] as { hostNetwork?: boolean } | undefined)?.hostNetwork === true;
    const ip = isHostNetwork ? nodes[index]!.address : this.#nextAddress(index);
    await this.#writeStatus(object, ip);
  }

  /** From the range of the node with this index: 10.244.0.0/16 for the first one, 10.245.0.0/16 for the next. */
  #nextAddress(nodeIndex: number): string {
    const host = ++this.#addresses;
    return `10.${244 + nodeIndex}.${host >>> 8 & 0xff}.${host & 0xff}`;
  }

  async #writeStatus(object: KubeObject, ip: string): Promise<void> {
    const { namespace, name } = object.metadata;
    const now = formatWallTime(this.#deps.clock.wallMs());
    const conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map((type) => ({
      type,
      status: "True",
      lastTransitionTime: now,
    }));
    const containers = (object["spec"] as { containers?: { name: string; image?: string }[] })?.containers ?? [];
    const containerStatuses = containers.map(({ name, image }) => ({
      name,
      image: image ?? "",
      imageID: "",
      ready: true,
      restartCount: 0,
      state: { running: { startedAt: now } },
    }));
    const body = {
      status: { phase: "Running", podIP: ip, podIPs: [{ ip }], startTime: now, conditions, containerStatuses },
    };
    await this.#patch({ namespace, name, subresource: "status" }, body);
  }

  async #patch(target: ObjectName, body: Readonly<Record<string, unknown>>): Promise<void> {
    const result = await this.#deps.client.patch(RESOURCES.pods, target, { type: "merge", body });
    if (result.ok) return;
    this.#deps.log({ level: "warn", event: "podNotWritten", pod: target.name, error: result.error.message });
  }
}
