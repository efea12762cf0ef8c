/**
 * The way to a cluster, by kubectl's conventions: `--kubeconfig`, the files of `KUBECONFIG`, `~/.kube/config`, and
 * inside a Pod its service account. The programs never look at `~/.kube/config`; people expect a command to.
 */
import { KubeClient } from "../../edge/kube/client.ts";
import { loadTransport, type Transport } from "../../edge/kube/transport.ts";
import type { FlagSpec } from "../flags.ts";
import type { InputFiles } from "./input.ts";

export const CLUSTER_FLAGS = {
  "kubeconfig": {
    kind: "string",
    help: "kubeconfig file; else the files of KUBECONFIG, else ~/.kube/config, else the pod's service account",
  },
  "context": { kind: "string", help: "context of the kubeconfig" },
  "metallb-namespace": { kind: "string", help: "namespace of the metallb.io objects (default metallb-system)" },
} as const satisfies Record<string, FlagSpec>;

export interface Cluster {
  readonly client: KubeClient;
  readonly transport: Transport;
}

export type ClusterResult =
  | { readonly ok: true; readonly cluster: Cluster }
  | { readonly ok: false; readonly message: string };

const REQUEST_TIMEOUT_MS = 15_000;

export async function connectCluster(
  flags: { readonly kubeconfig: string; readonly context: string },
  deps: { readonly env: (name: string) => string | undefined; readonly files: InputFiles },
): Promise<ClusterResult> {
  const { env, files } = deps;
  const home = flags.kubeconfig !== "" || env("KUBECONFIG") !== undefined
    ? undefined
    : await homeKubeconfig(env("HOME"), files);
  const loaded = await loadTransport({
    kubeconfig: flags.kubeconfig || home,
    context: flags.context || undefined,
    env: {
      KUBECONFIG: env("KUBECONFIG"),
      KUBERNETES_SERVICE_HOST: env("KUBERNETES_SERVICE_HOST"),
      KUBERNETES_SERVICE_PORT: env("KUBERNETES_SERVICE_PORT"),
    },
  });
  if (!loaded.ok) {
    const looked = home === undefined && flags.kubeconfig === "" && env("KUBECONFIG") === undefined
      ? "; there is no ~/.kube/config either"
      : "";
    return { ok: false, message: `${loaded.problem.message}${looked}` };
  }
  const { transport } = loaded;
  const client = new KubeClient({ baseUrl: transport.baseUrl, requestTimeoutMs: REQUEST_TIMEOUT_MS }, transport);
  return { ok: true, cluster: { client, transport } };
}

async function homeKubeconfig(home: string | undefined, files: InputFiles): Promise<string | undefined> {
  if (home === undefined) return undefined;
  const path = `${home}/.kube/config`;
  try {
    return await files.kindOf(path) === "file" ? path : undefined;
  } catch {
    return undefined;
  }
}
