/**
 * The stage of the scale bench: kube-apiserver and etcd, a /16 pool with its advertisement, and the controller as a Pod
 * runs it, a process of its own with a service account.
 *
 * Load and watch are threads of this process; what the API server was asked is read from its own metrics.
 */
import { parse } from "@std/yaml/parse";
import { RESOURCES } from "../../lib/base/kube.ts";
import { ALLOCATED_FROM_POOL } from "../../lib/decision/config/service_view.ts";
import { WorkerCaller } from "../../lib/edge/lab/worker_caller.ts";
import { createNamespace, createPool, installKinds, must, NAMESPACE } from "../support/real_cluster.ts";
import { RealApiServer } from "../support/real_api_server.ts";
import { createService } from "./cluster_objects.ts";
import { repositoryPath } from "./manifests.ts";
import { inPod, writePodFiles } from "./pod.ts";
import type { ScaleCalls } from "./scale_calls.ts";
import { freePorts } from "../support/free_ports.ts";

const READY_LIMIT_MS = 60_000;
const POLL_MS = 5;
const USER = "controller";

export interface ScaleController {
  readonly pid: number;
  /** Wall time in ms, comparable with those of all threads of this process. */
  readonly spawnedAtMs: number;
  /** Resolves at the first `/readyz` that answers 200. */
  ready(): Promise<void>;
  /** SIGTERM, until it has ended. */
  stop(): Promise<void>;
}

/** `VERB resource/subresource` to how many requests of it were answered since the server's start. */
export type Requests = ReadonlyMap<string, number>;

export class ScaleCluster {
  readonly clients = worker("clients");
  readonly witness = worker("witness");
  readonly #server: RealApiServer;
  readonly #folder: string;
  #controller: ScaleController | undefined;

  private constructor(server: RealApiServer, { folder }: { folder: string }) {
    this.#server = server;
    this.#folder = folder;
  }

  static async create(): Promise<ScaleCluster> {
    const server = await RealApiServer.start({ users: [USER] });
    const cluster = new ScaleCluster(server, { folder: await Deno.makeTempDir({ prefix: "herald-scale-" }) });
    try {
      await installKinds(server);
      await createNamespace(server, NAMESPACE);
      await createPool(server, "first-pool", ["10.20.0.0/16"]);
      const body = { metadata: { name: "on-the-lan", namespace: NAMESPACE }, spec: { ipAddressPools: ["first-pool"] } };
      await must(server.admin.create(RESOURCES.l2Advertisements, { namespace: NAMESPACE, body }));
      // The install file has an empty one too.
      const secret = { metadata: { name: "metallb-webhook-cert", namespace: NAMESPACE } };
      await must(server.admin.create(RESOURCES.secrets, { namespace: NAMESPACE, body: secret }));
      const account = accountOf(server.kubeconfigOf(USER));
      await writePodFiles(cluster.#folder, { ...account, namespace: NAMESPACE });
      for (const thread of [cluster.clients, cluster.witness]) {
        await thread.call("connect", account);
      }
      await cluster.witness.call("watch", null);
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  startController(): ScaleController {
    const [health, observed, webhooks] = freePorts(3);
    // As the dev: task starts it.
    const denoFlags = [
      "-q",
      "-P=controller",
      "--allow-net",
      "--allow-read",
      "--v8-flags=--max-semi-space-size=1,--heap-growing-percent=50",
    ];
    const flags = [
      `--namespace=${NAMESPACE}`,
      `--health-probe-port=${health}`,
      `--port=${observed}`,
      `--webhook-port=${webhooks}`,
    ];
    const { command, args } = inPod(["run", ...denoFlags, repositoryPath("main_controller.ts"), ...flags], {
      folder: this.#folder,
      apiPort: this.#server.port,
    });
    const spawnedAtMs = performance.timeOrigin + performance.now();
    const child = new Deno.Command(command, { args: [...args], stdin: "null", stdout: "null", stderr: "inherit" })
      .spawn();
    const controller: ScaleController = {
      pid: child.pid,
      spawnedAtMs,
      ready: () => awaitReady(`http://127.0.0.1:${health}/readyz`),
      stop: async () => {
        if (this.#controller === controller) this.#controller = undefined;
        child.kill("SIGTERM");
        await child.status;
      },
    };
    this.#controller = controller;
    return controller;
  }

  /**
   * Services that have their addresses from an earlier life of the controller. Kubernetes takes ever longer for each
   * Service that it creates (it counts its free cluster addresses by looking at all of them), so they go past it.
   */
  async seed(count: number): Promise<void> {
    const objects = new Map<string, Readonly<Record<string, unknown>>>();
    for (let index = 0; index < count; index++) {
      const [service, ipAddress] = seededService(index);
      // First the address, or the server would miss it.
      objects.set(`ipaddresses/${ipAddress.metadata.name}`, ipAddress);
      objects.set(`services/specs/default/${service.metadata.name}`, service);
    }
    await this.#server.seed(objects);
  }

  /**
   * All writes but those of Leases, which are a matter of time and not of Services, and of IPAddresses, which the server
   * makes itself for the cluster addresses of Services.
   */
  async requests(): Promise<Requests> {
    const answer = await this.#server.fetch("/metrics");
    const counts = new Map<string, number>();
    for (const line of (await answer.text()).split("\n")) {
      if (!line.startsWith("apiserver_request_total{")) continue;
      const label = (name: string) => new RegExp(`[{,]${name}="([^"]*)"`).exec(line)?.[1] ?? "";
      const [verb, resource, subresource] = [label("verb"), label("resource"), label("subresource")];
      if (!["POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"].includes(verb)) continue;
      if (["leases", "ipaddresses"].includes(resource)) continue;
      const key = `${verb} ${resource}${subresource === "" ? "" : `/${subresource}`}`;
      counts.set(key, (counts.get(key) ?? 0) + Number(line.slice(line.lastIndexOf(" "))));
    }
    return counts;
  }

  async close(): Promise<void> {
    await this.#controller?.stop();
    this.clients.terminate();
    this.witness.terminate();
    await this.#server.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function worker(label: string): WorkerCaller<ScaleCalls> {
  return new WorkerCaller<ScaleCalls>({
    url: new URL("./scale_worker.ts", import.meta.url),
    label,
    network: true,
  });
}

function accountOf(kubeconfig: string): { server: string; caPem: string; token: string } {
  const { clusters: [{ cluster }], users: [{ user }] } = parse(kubeconfig) as {
    clusters: [{ cluster: { server: string; "certificate-authority-data": string } }];
    users: [{ user: { token: string } }];
  };
  const caPem = new TextDecoder().decode(Uint8Array.fromBase64(cluster["certificate-authority-data"]));
  return { server: cluster.server, caPem, token: user.token };
}

async function awaitReady(url: string): Promise<void> {
  const until = performance.now() + READY_LIMIT_MS;
  while (performance.now() < until) {
    const isReady = await fetch(url).then(async (answer) => {
      await answer.body?.cancel();
      return answer.ok;
    }, () => false);
    if (isReady) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`the controller did not become ready in ${READY_LIMIT_MS} ms`);
}

/** The bare loop's addresses are the lowest, as the controller's; these are in the upper half of the pool. */
function seededService(index: number) {
  const name = `seeded-${index}`;
  const [third, fourth] = [Math.floor(index / 250), 1 + index % 250];
  const clusterIP = `10.97.${third}.${fourth}`;
  const creationTimestamp = "2026-01-01T00:00:00Z";
  const { spec } = createService(name).body as { spec: Record<string, unknown> };
  const cluster = { clusterIP, clusterIPs: [clusterIP], ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" };
  const policies = { externalTrafficPolicy: "Cluster", internalTrafficPolicy: "Cluster", sessionAffinity: "None" };
  const ingress = [{ ip: `10.20.${128 + third}.${fourth}`, ipMode: "VIP" }];
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name,
      namespace: "default",
      uid: crypto.randomUUID(),
      creationTimestamp,
      annotations: { [ALLOCATED_FROM_POOL]: "first-pool" },
    },
    spec: { ...spec, ...cluster, ...policies, allocateLoadBalancerNodePorts: false },
    status: { loadBalancer: { ingress } },
  };
  const ipAddress = {
    apiVersion: "networking.k8s.io/v1",
    kind: "IPAddress",
    metadata: {
      name: clusterIP,
      uid: crypto.randomUUID(),
      creationTimestamp,
      labels: {
        "ipaddress.kubernetes.io/ip-family": "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
      },
    },
    spec: { parentRef: { resource: "services", namespace: "default", name } },
  };
  return [service, ipAddress] as const;
}
