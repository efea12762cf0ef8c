/**
 * A real kube-apiserver with our CRDs and the shipped webhooks, and the controller as the program that it is, with the
 * rights that the install file gives it and no others.
 *
 * On one machine nobody routes the ClusterIP of a Service. So `clientConfig.service` of the shipped YAML becomes a
 * `clientConfig.url` on loopback with the same path; everything else is as shipped, the empty Secret included.
 */
import { parse } from "@std/yaml/parse";
import { freePort } from "./free_ports.ts";
import { RealKubectl } from "./kubectl.ts";
import { ProgramProcess } from "./program_process.ts";
import { RealApiServer } from "./real_api_server.ts";
import { until } from "./until.ts";

export const NAMESPACE = "metallb-system";

const ROOT = new URL("../..", import.meta.url).pathname;

type Json = Record<string, unknown>;

export class WebhookStage {
  readonly api: RealApiServer;
  readonly kubectl: RealKubectl;
  readonly webhookPort: number;
  /** Of this stage alone: kubeconfigs, kubectl's home; removed at the end. */
  readonly folder: string;
  readonly #controllerKubeconfig: string;
  readonly #children: ProgramProcess[] = [];

  private constructor(api: RealApiServer, options: { folder: string; kubeconfig: string; webhookPort: number }) {
    this.api = api;
    this.folder = options.folder;
    this.#controllerKubeconfig = `${options.folder}/controller-kubeconfig`;
    this.webhookPort = options.webhookPort;
    this.kubectl = new RealKubectl({ kubeconfig: options.kubeconfig, home: options.folder });
  }

  /** With the CRDs, the namespace and the webhooks; no controller yet. */
  static start(): Promise<WebhookStage> {
    return WebhookStage.#start(async (stage) => {
      const { kubectl } = stage;
      await kubectl.ok(`create namespace ${NAMESPACE}`);
      for await (const entry of Deno.readDir(`${ROOT}/manifests/crds`)) {
        const object = parse(await Deno.readTextFile(`${ROOT}/manifests/crds/${entry.name}`));
        await kubectl.ok("create -f -", JSON.stringify(stage.callingLoopback(object as Json)));
      }
      await kubectl.ok("wait --for=condition=Established --timeout=120s crd --all");
      await kubectl.ok(`apply -f ${ROOT}/manifests/install/10-rbac.yaml`);
      for (const object of await stage.webhookObjects()) await kubectl.ok("create -f -", JSON.stringify(object));
    });
  }

  /** With all that `manifests/herald.yaml` holds, by one `kubectl apply -f`; no controller yet. */
  static startInstalled(): Promise<WebhookStage> {
    return WebhookStage.#start(async (stage) => {
      const text = await Deno.readTextFile(`${ROOT}/manifests/herald.yaml`);
      const objects = text.split(/^---$/m).map((part) => stage.callingLoopback(parse(part)));
      const file = `${stage.folder}/herald.yaml`;
      await Deno.writeTextFile(file, objects.map((object) => JSON.stringify(object)).join("\n---\n"));
      await stage.kubectl.ok(`apply -f ${file}`);
      await stage.kubectl.ok("wait --for=condition=Established --timeout=120s crd --all");
    });
  }

  static async #start(install: (stage: WebhookStage) => Promise<void>): Promise<WebhookStage> {
    const folder = await Deno.makeTempDir({ prefix: "herald-webhooks-" });
    const api = await RealApiServer.start();
    const kubeconfig = `${folder}/kubeconfig`;
    await Deno.writeTextFile(kubeconfig, api.kubeconfig({ server: api.url, credentials: "good" }));
    const stage = new WebhookStage(api, { folder, kubeconfig, webhookPort: freePort() });
    try {
      const { kubectl } = stage;
      await install(stage);
      api.authorizationMode = "RBAC";
      await api.restart();
      const token = await kubectl.ok(`create token -n ${NAMESPACE} controller`);
      await Deno.writeTextFile(stage.#controllerKubeconfig, kubeconfigWith(await Deno.readTextFile(kubeconfig), token));
    } catch (error) {
      await stage.stop();
      throw error;
    }
    return stage;
  }

  /** manifests/install/50-webhooks.yaml, calling loopback. */
  async webhookObjects(): Promise<Json[]> {
    const text = await Deno.readTextFile(`${ROOT}/manifests/install/50-webhooks.yaml`);
    return text.split(/^---$/m).map((part) => this.callingLoopback(parse(part) as Json));
  }

  /** The object with each `clientConfig.service` as a URL on loopback. */
  callingLoopback<T>(value: T): T {
    if (Array.isArray(value)) return value.map((each) => this.callingLoopback(each)) as T;
    if (typeof value !== "object" || value === null) return value;
    const { clientConfig, ...rest } = value as Json;
    const entries = Object.entries(rest).map(([key, each]) => [key, this.callingLoopback(each)]);
    if (clientConfig === undefined) return Object.fromEntries(entries) as T;
    const { service, ...others } = clientConfig as { service: { path: string } };
    const url = `https://127.0.0.1:${this.webhookPort}${service.path}`;
    return { ...Object.fromEntries(entries), clientConfig: { ...others, url } } as T;
  }

  /** Resolves when the program says that it is ready, unless told not to wait. `reads`: more that it may read. */
  async startController(
    options: {
      flags?: readonly string[];
      reads?: readonly string[];
      webhookPort?: number;
      waitUntilReady?: boolean;
    } = {},
  ): Promise<ProgramProcess> {
    const { flags = [], reads = [], webhookPort = this.webhookPort, waitUntilReady = true } = options;
    const controller = new ProgramProcess({
      kubeconfig: this.#controllerKubeconfig,
      api: `127.0.0.1:${this.api.port}`,
      namespace: NAMESPACE,
      healthPort: freePort(),
      flags: ["--webhook-mode=enabled", `--webhook-port=${webhookPort}`, ...flags],
      reads,
    });
    this.#children.push(controller);
    if (waitUntilReady) await until("the controller is ready", () => isReady(controller.healthPort));
    return controller;
  }

  async stop(): Promise<void> {
    for (const child of this.#children) await child.end("SIGKILL");
    await this.api.stop();
    await Deno.remove(this.folder, { recursive: true });
  }
}

export async function isReady(healthPort: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${healthPort}/readyz`);
    await answer.body?.cancel();
    return answer.status === 200;
  } catch {
    return false;
  }
}

/** Kubeconfigs are written as JSON, which is YAML too. */
function kubeconfigWith(text: string, token: string): string {
  const config = JSON.parse(text) as { users: { user: Record<string, unknown> }[] };
  for (const each of config.users) each.user = { token };
  return JSON.stringify(config);
}
