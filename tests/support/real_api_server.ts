/**
 * A real kube-apiserver with etcd on loopback, for suites that also run against the embedded API.
 *
 * Only these two programs: nothing fills EndpointSlices and nothing collects garbage. Everybody with the token may do
 * everything. It is all that `KubeServer` of the contract suite asks for, except that it cannot tell its open watches.
 */
import { kubeconfigText } from "../../lib/edge/embedded/kubeconfig.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { freePorts } from "./free_ports.ts";
import { findTool } from "./kube_tools.ts";

const READY_LIMIT_MS = 180_000;
const TOKEN = "test-token";
/** etcd's own limit. */
const TXN_OPERATIONS_MAX = 128;

export interface RealApiOptions {
  /** Others than the administrator who may do everything; the token of each is its name with `-token` behind it. */
  readonly users?: readonly string[];
  /** Every request is written down, for {@linkcode RealApiServer.audited}. */
  readonly audit?: boolean;
}

/** One request, as the server's audit log has it. */
export interface AuditedRequest {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource: string;
    readonly name?: string;
    readonly subresource?: string;
  };
  readonly responseStatus?: { readonly code: number };
  readonly requestReceivedTimestamp: string;
}

const AUDIT_POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{ level: Metadata }]
`;

interface Place {
  /** For keys, certificates and etcd's data; removed at the end. */
  readonly folder: string;
  readonly port: number;
  readonly etcdPort: number;
  readonly etcdPeerPort: number;
}

export class RealApiServer {
  readonly hostname = "127.0.0.1";
  readonly scheme = "https";
  /** From the next `restart` on; the administrator may do everything in either. */
  authorizationMode: "AlwaysAllow" | "RBAC" = "AlwaysAllow";
  /** The same over all restarts. */
  readonly port: number;
  /** e.g. `https://127.0.0.1:40123`. */
  readonly url: string;
  readonly admin: KubeClient;
  readonly #place: Place;
  readonly #options: RealApiOptions;
  #etcd: Deno.ChildProcess | undefined;
  #api: Deno.ChildProcess | undefined;
  #caPem = "";
  #http: Deno.HttpClient | undefined;

  private constructor(place: Place, options: RealApiOptions) {
    this.#place = place;
    this.#options = options;
    this.port = place.port;
    this.url = `https://127.0.0.1:${place.port}`;
    this.admin = new KubeClient({ baseUrl: this.url }, { fetch: (request) => this.#send(request) });
  }

  static async start(options: RealApiOptions = {}): Promise<RealApiServer> {
    const folder = await Deno.makeTempDir({ prefix: "herald-apiserver-" });
    const [port, etcdPort, etcdPeerPort] = freePorts(3) as [number, number, number];
    const server = new RealApiServer({ folder, port, etcdPort, etcdPeerPort }, options);
    try {
      await writeKeys(folder);
      const users = (options.users ?? []).map((user) => `${user}-token,${user},${user},system:masters\n`);
      await Deno.writeTextFile(`${folder}/tokens.csv`, `${TOKEN},admin,admin,system:masters\n${users.join("")}`);
      await Deno.writeTextFile(`${folder}/audit.yaml`, AUDIT_POLICY);
      server.#startEtcd();
      await server.#startApi();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** With the token, whatever the path. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return this.#send(new Request(this.url + path, init));
  }

  /** A kubeconfig of one of the users that were named at the start. */
  kubeconfigOf(user: string): string {
    return kubeconfigText({ server: this.url, caPem: this.#caPem, token: `${user}-token` });
  }

  /** What was asked so far, watches from when they were opened. */
  async audited(): Promise<AuditedRequest[]> {
    const text = await Deno.readTextFile(`${this.#place.folder}/audit.log`);
    return text.split("\n").slice(0, -1).map((line) => JSON.parse(line) as AuditedRequest);
  }

  kubeconfig({ server, credentials }: { readonly server: string; readonly credentials: "good" | "wrong" }): string {
    return kubeconfigText({ server, caPem: this.#caPem, token: credentials === "good" ? TOKEN : "wrong" });
  }

  /** SIGKILL, so that no watch hears a goodbye. */
  async restart(whileDown?: () => Promise<void>): Promise<void> {
    await kill(this.#api);
    await whileDown?.();
    await this.#startApi();
  }

  /** SIGKILL of etcd in the middle of its work; it comes back with what it had written. */
  async restartEtcd(whileDown?: () => Promise<void>): Promise<void> {
    await kill(this.#etcd);
    await whileDown?.();
    this.#startEtcd();
  }

  /** Without etcd's data, versions count from the start again. */
  async restartEmpty(): Promise<void> {
    await kill(this.#api);
    await kill(this.#etcd);
    await Deno.remove(`${this.#place.folder}/etcd`, { recursive: true });
    this.#startEtcd();
    await this.#startApi();
  }

  /** Compacts etcd. The server is started anew because its watch cache remembers what etcd has forgotten. */
  async expireVersions(): Promise<void> {
    await this.restart(async () => {
      const any = await this.#askEtcd("range", { key: btoa("/"), limit: 1 });
      const { header } = any as { header: { revision: string } };
      await this.#askEtcd("compaction", { revision: header.revision, physical: true });
    });
  }

  /**
   * Puts objects into etcd, past the API server and its rules: ten thousand of them in a second. Keys are those of
   * Kubernetes' storage, e.g. `services/specs/default/web`.
   */
  async seed(objects: ReadonlyMap<string, Readonly<Record<string, unknown>>>): Promise<void> {
    const puts = [...objects].map(([key, object]) => ({
      requestPut: { key: btoa(`/registry/${key}`), value: btoa(JSON.stringify(object)) },
    }));
    while (puts.length > 0) await this.#askEtcd("txn", { success: puts.splice(0, TXN_OPERATIONS_MAX) });
  }

  async stop(): Promise<void> {
    await kill(this.#api);
    await kill(this.#etcd);
    this.#http?.close();
    await Deno.remove(this.#place.folder, { recursive: true });
  }

  #send(request: Request): Promise<Response> {
    request.headers.set("authorization", `Bearer ${TOKEN}`);
    if (this.#http === undefined) throw new Error("The server's certificate is not known yet");
    return fetch(request, { client: this.#http });
  }

  #startEtcd(): void {
    const { folder, etcdPort, etcdPeerPort } = this.#place;
    const url = `http://127.0.0.1:${etcdPort}`;
    const peerUrl = `http://127.0.0.1:${etcdPeerPort}`;
    this.#etcd = spawn("etcd", [
      `--data-dir=${folder}/etcd`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
      "--unsafe-no-fsync",
    ]);
  }

  async #startApi(): Promise<void> {
    const { folder, port, etcdPort } = this.#place;
    this.#api = spawn("kube-apiserver", [
      `--etcd-servers=http://127.0.0.1:${etcdPort}`,
      `--secure-port=${port}`,
      "--bind-address=127.0.0.1",
      `--cert-dir=${folder}/certs`,
      `--token-auth-file=${folder}/tokens.csv`,
      `--authorization-mode=${this.authorizationMode}`,
      `--service-account-key-file=${folder}/sa.pub`,
      `--service-account-signing-key-file=${folder}/sa.key`,
      "--service-account-issuer=https://kubernetes.default.svc",
      "--service-cluster-ip-range=10.96.0.0/12",
      "--disable-admission-plugins=ServiceAccount",
      "--endpoint-reconciler-type=none",
      ...this.#options.audit
        ? [`--audit-policy-file=${folder}/audit.yaml`, `--audit-log-path=${folder}/audit.log`]
        : [],
    ]);
    await this.#waitUntilReady(this.#api);
  }

  /** Ready for objects as well: the server makes the namespace `default` only after it says that it is ready. */
  async #waitUntilReady(api: Deno.ChildProcess): Promise<void> {
    let ended = false;
    void api.status.then(() => ended = true);
    const until = Date.now() + READY_LIMIT_MS;
    let last: unknown = "it was not asked";
    while (Date.now() < until && !ended) {
      try {
        this.#http ??= await this.#trust();
        const [ready, objects] = [await this.#code("/readyz"), await this.#code("/api/v1/namespaces/default")];
        if (ready === 200 && objects === 200) return;
        last = `readiness ${ready}, namespace default ${objects}`;
      } catch (error) {
        last = error;
      }
      await new Promise((done) => setTimeout(done, 100));
    }
    throw new Error(`kube-apiserver ${ended ? "ended" : "did not become ready"}: ${last}`, { cause: last });
  }

  async #code(path: string): Promise<number> {
    const answer = await this.fetch(path, { signal: AbortSignal.timeout(10_000) });
    await answer.body?.cancel();
    return answer.status;
  }

  /** The server makes its own certificate when it starts for the first time, and finds it again later. */
  async #trust(): Promise<Deno.HttpClient> {
    this.#caPem = await Deno.readTextFile(`${this.#place.folder}/certs/apiserver.crt`);
    return Deno.createHttpClient({ caCerts: [this.#caPem], http2: false });
  }

  async #askEtcd(call: string, body: Readonly<Record<string, unknown>>): Promise<unknown> {
    const url = `http://127.0.0.1:${this.#place.etcdPort}/v3/kv/${call}`;
    const answer = await fetch(url, { method: "POST", body: JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`etcd refuses ${call}: ${text}`);
    return JSON.parse(text);
  }
}

function spawn(name: "etcd" | "kube-apiserver", args: readonly string[]): Deno.ChildProcess {
  const path = findTool(name);
  if (path === undefined) throw new Error(`${name} is not on this machine`);
  return new Deno.Command(path, { args: [...args], stdin: "null", stdout: "null", stderr: "null" }).spawn();
}

async function kill(child: Deno.ChildProcess | undefined): Promise<void> {
  try {
    child?.kill("SIGKILL");
  } catch {
    // It has ended.
  }
  await child?.status;
}

async function writeKeys(folder: string): Promise<void> {
  const keys = await crypto.subtle.generateKey(
    { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    true,
    ["sign", "verify"],
  );
  const pem = (label: string, bytes: ArrayBuffer) => {
    const lines = new Uint8Array(bytes).toBase64().match(/.{1,64}/g) ?? [];
    return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
  };
  await Deno.writeTextFile(
    `${folder}/sa.key`,
    pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", keys.privateKey)),
  );
  await Deno.writeTextFile(
    `${folder}/sa.pub`,
    pem("PUBLIC KEY", await crypto.subtle.exportKey("spki", keys.publicKey)),
  );
}
