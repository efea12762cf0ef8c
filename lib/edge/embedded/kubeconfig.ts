/** The kubeconfig with which `kubectl` and Herald's programs reach an embedded API server. */

export interface KubeconfigOptions {
  /** e.g. `https://127.0.0.1:40123`. */
  readonly server: string;
  readonly caPem: string;
  readonly token: string;
  /** Name of cluster, user and context; `herald` if not given. */
  readonly name?: string;
}

/** JSON, which is YAML as well. */
export function kubeconfigText({ server, caPem, token, name = "herald" }: KubeconfigOptions): string {
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{
      name,
      cluster: { server, "certificate-authority-data": new TextEncoder().encode(caPem).toBase64() },
    }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: "default" } }],
    "current-context": name,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
