/**
 * The connection to the API server: finds out how to reach it and who to be, and gives a `Fetch` that does so.
 *
 * Requests go out by Deno's own `fetch`. What its client cannot do (not to check the server's certificate, to expect
 * another name in it) goes by `node:https` instead. Credentials are asked for again every few seconds and after a 401,
 * so that a renewed token, certificate or CA is used without a restart.
 */
import type { Fetch } from "../../base/kube.ts";
import type { AccessEnv, AccessProblem, AccessResult, ClusterAccess } from "./cluster_access.ts";
import { accessProblem } from "./cluster_access.ts";
import { CredentialFetch } from "./credential_fetch.ts";
import { loadServiceAccount } from "./service_account.ts";

export interface TransportOptions {
  /** `--kubeconfig`; wins over everything else. */
  readonly kubeconfig?: string | undefined;
  /** Another context than the file's `current-context`. */
  readonly context?: string | undefined;
  readonly env: AccessEnv;
  /** Where a Pod finds its service account; for tests. */
  readonly serviceAccountDirectory?: string;
  /** For how long credentials are used without being asked for again. Default 10 s. */
  readonly credentialsAgeMaxMs?: number;
  /** Default false, see `deno_fetch.ts`. */
  readonly http2?: boolean;
}

export interface Transport {
  readonly baseUrl: string;
  /** For people: which file or account is used. */
  readonly source: string;
  /** The namespace of the context or of the Pod. */
  readonly namespace: string | undefined;
  readonly fetch: Fetch;
  /** Closes idle connections. Requests after it fail. */
  close(): void;
}

export type TransportResult =
  | { readonly ok: true; readonly transport: Transport }
  | { readonly ok: false; readonly problem: AccessProblem };

/** Order: `kubeconfig`, then the files of `KUBECONFIG`, then the Pod's service account. Nothing is guessed beyond that. */
export async function loadTransport(options: TransportOptions): Promise<TransportResult> {
  const found = await findAccess(options);
  if (!found.ok) return found;
  const { access } = found;
  const problem = unsupported(access);
  if (problem !== undefined) return accessProblem("unsupported", `${access.source}: ${problem}`);
  const fetcher = new CredentialFetch(access, {
    ageMaxMs: options.credentialsAgeMaxMs ?? 10_000,
    http2: options.http2 ?? false,
  });
  try {
    await fetcher.refresh();
  } catch (error) {
    return accessProblem("invalid", error instanceof Error ? error.message : String(error));
  }
  return {
    ok: true,
    transport: {
      baseUrl: access.server.replace(/\/+$/, ""),
      source: access.source,
      namespace: access.namespace,
      fetch: (request) => fetcher.send(request),
      close: () => fetcher.close(),
    },
  };
}

async function findAccess(options: TransportOptions): Promise<AccessResult> {
  const files = filesOf(options);
  if (files.length === 0) {
    if (options.context !== undefined && options.context !== "") {
      return accessProblem("noContext", `context "${options.context}" was given without a kubeconfig`);
    }
    const directory = options.serviceAccountDirectory;
    return loadServiceAccount({ env: options.env, ...(directory === undefined ? {} : { directory }) });
  }
  const { loadKubeconfig } = await import("./kubeconfig.ts");
  return loadKubeconfig({ files, context: options.context === "" ? undefined : options.context });
}

function filesOf(options: TransportOptions): string[] {
  if (options.kubeconfig !== undefined && options.kubeconfig !== "") return [options.kubeconfig];
  return (options.env.KUBECONFIG ?? "").split(":").filter((file) => file !== "");
}

function unsupported(access: ClusterAccess): string | undefined {
  if (access.proxyUrl === undefined || access.proxyUrl === "") return undefined;
  if (!/^(https?|socks5):/.test(access.proxyUrl)) return "proxy-url must begin with http:, https: or socks5:";
  if (access.insecure) return "proxy-url together with insecure-skip-tls-verify is not supported";
  if (access.serverName !== undefined) return "proxy-url together with tls-server-name is not supported";
  return undefined;
}
