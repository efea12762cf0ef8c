/**
 * What kube-proxy does on every node, as far as a demonstration needs it: each node holds the external addresses on its
 * `lo` and answers on the Service's ports for one of its ready Pods.
 *
 * With `arp_ignore=1` and `arp_announce=2` the node's kernel stays silent on the wire about addresses of `lo`, as it
 * must behind kube-proxy too: only Herald answers ARP for them.
 */
import { RESOURCES } from "../../base/kube.ts";
import type { Log } from "../../base/log.ts";
import { decodeService, type ServiceView } from "../../decision/config/service_view.ts";
import type { LabHost, LabServer } from "../../edge/lab/lab_host.ts";
import type { Caches } from "../caches.ts";

interface Slice {
  readonly serviceKey: string;
  /** Names of the ready Pods. */
  readonly pods: readonly string[];
}

/** One listener on one node. */
interface Listener {
  readonly text: string;
  readonly server: LabServer;
}

export class ServiceProxy {
  readonly #hosts: readonly LabHost[];
  readonly #log: Log;
  readonly #services = new Map<string, ServiceView>();
  readonly #slices = new Map<string, Slice>();
  /** Addresses on `lo`, by node. */
  readonly #addresses = new Map<LabHost, Set<string>>();
  /** By `address port`, by node. */
  readonly #listeners = new Map<LabHost, Map<string, Listener>>();
  #work: Promise<void> = Promise.resolve();
  #scheduled = false;

  constructor(options: { hosts: readonly LabHost[] }, deps: { caches: Caches; log: Log }) {
    this.#hosts = options.hosts;
    this.#log = deps.log;
    for (const host of this.#hosts) {
      this.#addresses.set(host, new Set());
      this.#listeners.set(host, new Map());
    }
    deps.caches.add({ resource: RESOURCES.services }, (change) => {
      const service = change.kind === "upsert" ? decodeService(change.object) : undefined;
      if (service?.ok) this.#services.set(change.key, service.value);
      else this.#services.delete(change.key);
      this.#schedule();
    });
    deps.caches.add({ resource: RESOURCES.endpointSlices }, (change) => {
      const slice = change.kind === "upsert" ? readSlice(change.object) : undefined;
      if (slice === undefined) this.#slices.delete(change.key);
      else this.#slices.set(change.key, slice);
      this.#schedule();
    });
  }

  /** Resolves when everything seen so far is in place on all nodes. */
  settled(): Promise<void> {
    return this.#work;
  }

  /** Changes are applied one after the other; those that come meanwhile are taken together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#work = this.#work.then(async () => {
      this.#scheduled = false;
      await Promise.all(this.#hosts.map((host, index) => this.#apply(host, this.#wanted(index))));
    });
  }

  /** Answers by `address port` for the node with this index. */
  #wanted(nodeIndex: number): Map<string, string> {
    const wanted = new Map<string, string>();
    for (const service of this.#services.values()) {
      if (service.type !== "LoadBalancer") continue;
      const pods = [...this.#slices.values()].filter(({ serviceKey }) => serviceKey === service.key)
        .flatMap((slice) => slice.pods);
      const pod = pods[nodeIndex % Math.max(pods.length, 1)];
      for (const address of service.ingress) {
        for (const { protocol, port } of service.ports) {
          if (protocol !== "TCP") continue;
          const node = this.#hosts[nodeIndex]!.name;
          wanted.set(`${address} ${port}`, pod === undefined ? "" : `${node} for pod ${pod}\n`);
        }
      }
    }
    return wanted;
  }

  async #apply(host: LabHost, wanted: ReadonlyMap<string, string>): Promise<void> {
    const listeners = this.#listeners.get(host)!;
    const addresses = this.#addresses.get(host)!;
    const wantedAddresses = new Set([...wanted.keys()].map((key) => key.split(" ")[0]!));
    for (const [key, { text, server }] of [...listeners]) {
      if (wanted.get(key) === text) continue;
      listeners.delete(key);
      await this.#attempt(() => server.stop());
    }
    for (const address of addresses.difference(wantedAddresses)) {
      addresses.delete(address);
      await this.#attempt(() => host.deleteAddress("lo", hostCidr(address)));
    }
    for (const address of wantedAddresses.difference(addresses)) {
      await this.#attempt(async () => {
        await host.addAddress("lo", hostCidr(address));
        addresses.add(address);
      });
    }
    for (const [key, text] of wanted) {
      // Without a ready Pod nobody listens, and the client is refused.
      if (text === "" || listeners.has(key)) continue;
      const [address, port] = key.split(" ");
      await this.#attempt(async () => {
        const server = await host.serveHttp({ address: address!, port: Number(port), respond: text });
        listeners.set(key, { text, server });
      });
    }
  }

  /** What a host refuses is logged and tried again at the next change; the rest goes on. */
  async #attempt(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#log({ level: "warn", event: "serviceProxyFailed", error: message });
    }
  }
}

function hostCidr(address: string): string {
  return address.includes(":") ? `${address}/128` : `${address}/32`;
}

function readSlice(object: { readonly [member: string]: unknown }): Slice | undefined {
  const { metadata, endpoints } = object as unknown as {
    metadata: { namespace: string; labels?: Record<string, string> };
    endpoints?: { targetRef?: { name?: string }; conditions?: { ready?: boolean } }[];
  };
  const service = metadata.labels?.["kubernetes.io/service-name"];
  if (service === undefined) return undefined;
  const pods = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false)
    .map(({ targetRef }) => targetRef?.name ?? "?");
  return { serviceKey: `${metadata.namespace}/${service}`, pods };
}
