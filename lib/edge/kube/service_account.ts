/**
 * Access from inside a Pod: two environment variables and three files that the kubelet keeps up to date.
 *
 * It is read here and not by @kubernetes/client-node, because the import of that package alone costs a speaker more
 * memory than everything else in it, and in a Pod there is no kubeconfig to interpret. Tokens are renewed by the kubelet
 * about every 50 minutes, so the files are read again whenever credentials are asked for.
 */
import { type AccessEnv, accessProblem, type AccessResult, type Credentials } from "./cluster_access.ts";

export const SERVICE_ACCOUNT_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount";

export async function loadServiceAccount(
  options: { readonly env: AccessEnv; readonly directory?: string },
): Promise<AccessResult> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = options.env;
  if (host === undefined || host === "" || port === undefined || port === "") {
    return accessProblem(
      "noConfig",
      "no API server: give --kubeconfig, set KUBECONFIG, or run in a Pod (KUBERNETES_SERVICE_HOST and _PORT are not set)",
    );
  }
  const directory = options.directory ?? SERVICE_ACCOUNT_DIRECTORY;
  const credentials = async (): Promise<Credentials> => {
    const [token, ca] = await Promise.all([read(`${directory}/token`), read(`${directory}/ca.crt`)]);
    if (token.trim() === "") throw new Error(`${directory}/token is empty`);
    return { headers: { authorization: `Bearer ${token.trim()}` }, ca, cert: undefined, key: undefined };
  };
  try {
    await credentials();
  } catch (error) {
    return accessProblem("unreadable", error instanceof Error ? error.message : String(error));
  }
  return {
    ok: true,
    access: {
      source: "service account",
      server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
      namespace: await read(`${directory}/namespace`).then((text) => text.trim(), () => undefined),
      insecure: false,
      serverName: undefined,
      proxyUrl: undefined,
      credentials,
    },
  };
}

async function read(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new Error(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
