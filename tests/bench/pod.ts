/** A program as it runs in a Pod: with the files of a service account on a file system that only it sees. */

export interface PodOptions {
  /** Holds `token`, `ca.crt` and `namespace`. */
  readonly folder: string;
  /** The API server, on the loopback. */
  readonly apiPort: number;
}

const SCRIPT = `
set -e
account=/var/run/secrets/kubernetes.io/serviceaccount
mount -t tmpfs none /run
mkdir -p $account
cp "$1"/token "$1"/ca.crt "$1"/namespace $account
export KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT="$2"
shift 2
exec "$@"
`;

/** `deno ARGS` with a service account. The process that is started becomes the program itself. */
export function inPod(args: readonly string[], options: PodOptions): { command: string; args: readonly string[] } {
  const { folder, apiPort } = options;
  return {
    command: "unshare",
    args: ["--mount", "sh", "-c", SCRIPT, "sh", folder, String(apiPort), Deno.execPath(), ...args],
  };
}

export async function writePodFiles(
  folder: string,
  account: { readonly token: string; readonly caPem: string; readonly namespace: string },
): Promise<void> {
  await Deno.writeTextFile(`${folder}/token`, account.token);
  await Deno.writeTextFile(`${folder}/ca.crt`, account.caPem);
  await Deno.writeTextFile(`${folder}/namespace`, account.namespace);
}
