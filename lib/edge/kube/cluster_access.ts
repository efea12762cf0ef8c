/** How to reach an API server and who to be there: what a kubeconfig or a Pod's service account says. */

export interface ClusterAccess {
  /** Where this was read, for people: a file, a list of files, or `service account`. */
  readonly source: string;
  /** Scheme, host, optional port and path prefix. */
  readonly server: string;
  /** The namespace of the context or of the Pod. */
  readonly namespace: string | undefined;
  /** Skip the check of the server's certificate. */
  readonly insecure: boolean;
  /** Name to expect in the server's certificate, if it is not the host of `server`. */
  readonly serverName: string | undefined;
  readonly proxyUrl: string | undefined;
  /**
   * The present credentials. May read files or run the user's exec plugin, so it is asked at most every few seconds and
   * after a 401. Throws an Error whose message names the file or the command, never what is secret.
   */
  credentials(): Promise<Credentials>;
}

export interface Credentials {
  /** `authorization`, `impersonate-user`. */
  readonly headers: Readonly<Record<string, string>>;
  /** PEM. */
  readonly ca: string | undefined;
  /** PEM, together with `key`. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** Why there is no access. `message` names the file and the field. */
export interface AccessProblem {
  readonly reason: "missing" | "unreadable" | "notYaml" | "invalid" | "noContext" | "noConfig" | "unsupported";
  readonly message: string;
}

export type AccessResult =
  | { readonly ok: true; readonly access: ClusterAccess }
  | { readonly ok: false; readonly problem: AccessProblem };

/** The environment of the program, as far as it matters here; read by the caller. */
export interface AccessEnv {
  readonly KUBECONFIG?: string | undefined;
  readonly KUBERNETES_SERVICE_HOST?: string | undefined;
  readonly KUBERNETES_SERVICE_PORT?: string | undefined;
}

export function accessProblem(reason: AccessProblem["reason"], message: string): { ok: false; problem: AccessProblem } {
  return { ok: false, problem: { reason, message } };
}
