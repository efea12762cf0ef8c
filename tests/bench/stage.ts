/**
 * The programs as users run them: the embedded API, the controller and the speaker as processes of their own, over HTTPS
 * on the loopback of a laboratory host called `node`; a second host, `client`, sees what the speaker sends.
 */
import { Lab } from "../../lib/edge/lab/lab.ts";
import { WorkerCaller } from "../../lib/edge/lab/worker_caller.ts";
import { repositoryPath } from "./manifests.ts";
import { inPod, writePodFiles } from "./pod.ts";
import type { ApiAnswer, ApiRequest, StageCalls } from "./stage_calls.ts";

export const NODE = { name: "node", address: "192.168.78.11" } as const;
export const NAMESPACE = "metallb-system";

const API_PORT = 6443;
const HEALTH_PORTS = { controller: 17_472, speaker: 17_473 } as const;
const OBSERVED_PORTS = { controller: 9_120, speaker: 9_121 } as const;
const API_TRIES_MAX = 2_000;
const API_RETRY_MS = 5;

/** How a program finds the API: as it does in a Pod, or as on a developer's machine. */
export type Access = "serviceAccount" | "kubeconfig";

export type ProgramName = keyof typeof HEALTH_PORTS;

export interface StartedProgram {
  readonly pid: number;
  /** From spawn to the first `/readyz` that answered 200. */
  readonly readyMs: number;
  /** SIGTERM, and the exit code. */
  stop(): Promise<number>;
}

export class Stage {
  readonly lab: Lab;
  readonly #worker: WorkerCaller<StageCalls>;
  readonly #folder: string;

  private constructor(lab: Lab, { folder }: { folder: string }) {
    this.lab = lab;
    this.#folder = folder;
    const url = new URL("./stage_worker.ts", import.meta.url);
    this.#worker = new WorkerCaller<StageCalls>({ url, label: "stage", network: true });
  }

  static async create(): Promise<Stage> {
    const folder = await Deno.makeTempDir({ prefix: "herald-bench-" });
    const lab = await Lab.create({
      hosts: [
        { name: NODE.name, address: `${NODE.address}/24` },
        { name: "client", address: "192.168.78.100/24" },
      ],
    });
    const stage = new Stage(lab, { folder });
    try {
      const { namespacePath } = lab.host(NODE.name);
      await stage.#worker.call("enter", { namespacePath });
      await stage.#startApi();
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  /** One request; any status is an answer. */
  request(request: ApiRequest): Promise<ApiAnswer> {
    return this.#worker.call("request", request);
  }

  /** Many requests, 16 at a time, all of which must succeed. */
  requests(requests: readonly ApiRequest[]): Promise<{ durationMs: number }> {
    return this.#worker.call("requests", { requests, parallel: 16 });
  }

  async startProgram(name: ProgramName, access: Access = "serviceAccount"): Promise<StartedProgram> {
    // As the dev: tasks and the manifests start them.
    const denoFlags = [
      "-q",
      `-P=${name}`,
      "--allow-net",
      "--allow-read",
      "--v8-flags=--max-semi-space-size=1,--heap-growing-percent=50",
    ];
    const common = ["run", ...denoFlags, repositoryPath(`main_${name}.ts`)];
    const flags = [
      ...(access === "kubeconfig" ? [`--kubeconfig=${this.#kubeconfig}`] : []),
      `--namespace=${NAMESPACE}`,
      `--health-probe-port=${HEALTH_PORTS[name]}`,
      `--port=${OBSERVED_PORTS[name]}`,
    ];
    if (name === "speaker") {
      flags.push(`--node-name=${NODE.name}`, `--ml-bindaddr=${NODE.address}`, "--ml-labels=app=metallb");
    }
    // The embedded API calls nobody.
    if (name === "controller") flags.push("--webhook-mode=disabled");
    const readyUrl = `http://127.0.0.1:${HEALTH_PORTS[name]}/readyz`;
    const { child, pid, readyMs } = await this.#worker.call("startProgram", {
      ...this.#inPod([...common, ...flags]),
      readyUrl,
    });
    return { pid, readyMs, stop: async () => (await this.#worker.call("stopProgram", { child })).code };
  }

  /** `deno run` of a script that does nothing: what a process costs before it is Herald. */
  async runEmpty(): Promise<{ readyMs: number }> {
    const path = `${this.#folder}/empty.ts`;
    await Deno.writeTextFile(path, "");
    return await this.#worker.call("startProgram", this.#inPod(["run", "-q", "--no-config", path]));
  }

  /** `deno run` of a script that only waits; it is ready when it answers HTTP. */
  async startBare(): Promise<StartedProgram> {
    const path = `${this.#folder}/bare.ts`;
    const port = 17_474;
    await Deno.writeTextFile(path, `Deno.serve({ hostname: "127.0.0.1", port: ${port} }, () => new Response());\n`);
    const args = ["run", "-q", "--no-config", "--allow-net", path];
    const { child, pid, readyMs } = await this.#worker.call("startProgram", {
      ...this.#inPod(args),
      readyUrl: `http://127.0.0.1:${port}/`,
    });
    return { pid, readyMs, stop: async () => (await this.#worker.call("stopProgram", { child })).code };
  }

  async close(): Promise<void> {
    await this.#worker.call("stopAll", null).catch(() => {});
    this.#worker.terminate();
    await this.lab.close();
    await Deno.remove(this.#folder, { recursive: true });
  }

  get #kubeconfig(): string {
    return `${this.#folder}/kubeconfig`;
  }

  /** `deno ARGS` with a service account; the control too, so that the way into the Pod is on both sides. */
  #inPod(args: readonly string[]): { command: string; args: readonly string[] } {
    return inPod(args, { folder: this.#folder, apiPort: API_PORT });
  }

  async #startApi(): Promise<void> {
    const script = repositoryPath("tests/support/embedded_server.ts");
    const permissions = ["--allow-net=127.0.0.1", "--allow-read", `--allow-write=${this.#folder}`];
    const flags = [
      `--port=${API_PORT}`,
      `--kubeconfig-out=${this.#kubeconfig}`,
      `--crds=${repositoryPath("manifests/crds")}`,
    ];
    await this.lab.host(NODE.name).spawn(Deno.execPath(), ["run", "-q", ...permissions, script, ...flags]);
    const access = await this.#access();
    await writePodFiles(this.#folder, { ...access, namespace: NAMESPACE });
    await this.#worker.call("connect", access);
  }

  /** The kubeconfig is written once the API serves. */
  async #access(): Promise<{ server: string; caPem: string; token: string }> {
    for (let tries = 0; tries < API_TRIES_MAX; tries++) {
      const text = await Deno.readTextFile(this.#kubeconfig).catch(() => "");
      if (text.endsWith("}\n")) {
        const { clusters: [{ cluster }], users: [{ user }] } = JSON.parse(text);
        const caPem = new TextDecoder().decode(Uint8Array.fromBase64(cluster["certificate-authority-data"]));
        return { server: cluster.server, caPem, token: user.token };
      }
      await new Promise((resolve) => setTimeout(resolve, API_RETRY_MS));
    }
    throw new Error("the embedded API did not start");
  }
}
