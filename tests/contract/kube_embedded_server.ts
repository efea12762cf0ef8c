/** The embedded API over HTTPS on loopback as a server under test, with a journal in memory. */
import { makeSelfSignedCertificate } from "../../lib/edge/http/certificates.ts";
import { EmbeddedApi } from "../../lib/edge/embedded/embedded_api.ts";
import type { JournalFile } from "../../lib/edge/embedded/journal.ts";
import { silentLog } from "../../lib/base/log.ts";
import { RESOURCES } from "../../lib/base/kube.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { systemClock } from "../../lib/edge/run/clock.ts";
import { systemRng } from "../../lib/edge/run/random.ts";
import type { KubeServer } from "./kube_server.ts";

const TOKEN = "contract-token";
const EVENTS_MAX = 200;

class MemoryJournal implements JournalFile {
  #text: string | undefined;
  read(): string | undefined {
    return this.#text;
  }
  append(text: string): void {
    this.#text = (this.#text ?? "") + text;
  }
  replace(chunks: Iterable<string>): void {
    this.#text = [...chunks].join("");
  }
}

export interface EmbeddedServerOptions {
  readonly tls: boolean;
  /** `tls-server-name` of the kubeconfig, which sends everything through `node:https`. */
  readonly serverName?: string;
}

export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<KubeServer> {
  const certificate = await makeSelfSignedCertificate({ hosts: ["127.0.0.1", "localhost"], clock: systemClock });
  let journalFile = new MemoryJournal();
  const makeApi = () =>
    new EmbeddedApi({ crds: [], token: TOKEN, eventsMax: EVENTS_MAX }, {
      clock: systemClock,
      rng: systemRng(),
      log: silentLog,
      journalFile,
    });
  let api = makeApi();
  let stopping = new AbortController();
  const serve = (port: number) =>
    Deno.serve({
      hostname: "127.0.0.1",
      port,
      signal: stopping.signal,
      onListen: () => {},
      ...(options.tls ? { cert: certificate.certPem, key: certificate.keyPem } : {}),
    }, (request) => {
      if (request.headers.get("authorization") === `Bearer ${TOKEN}`) return api.fetch(request);
      return Response.json({ kind: "Status", reason: "Unauthorized", message: "Unauthorized", code: 401 }, {
        status: 401,
      });
    });
  let http = serve(0);
  const { port } = http.addr as Deno.NetAddr;
  const takeDown = async () => {
    stopping.abort();
    api.close();
    await http.finished;
  };
  const bringUp = () => {
    stopping = new AbortController();
    api = makeApi();
    http = serve(port);
  };
  const admin = new KubeClient({ baseUrl: "http://embedded.invalid" }, { fetch: (request) => api.fetch(request) });
  return {
    hostname: "127.0.0.1",
    port,
    admin,
    scheme: options.tls ? "https" : "http",
    kubeconfig: ({ server, credentials }) =>
      kubeconfigText({
        server,
        caPem: options.tls ? certificate.caPem : undefined,
        token: credentials === "good" ? TOKEN : "wrong",
        serverName: options.serverName,
      }),
    restart: async (whileDown) => {
      await takeDown();
      await whileDown?.();
      bringUp();
    },
    restartEmpty: async () => {
      await takeDown();
      journalFile = new MemoryJournal();
      bringUp();
    },
    expireVersions: async () => {
      for (let i = 0; i <= EVENTS_MAX; i++) {
        const body = { metadata: { name: "filler" } };
        const made = await admin.create(RESOURCES.configMaps, { namespace: "default", body });
        if (!made.ok) throw new Error(made.error.message);
        await admin.remove(RESOURCES.configMaps, { namespace: "default", name: "filler" });
      }
    },
    openWatches: () => api.watchCount,
    stop: takeDown,
  };
}

function kubeconfigText(
  options: {
    readonly server: string;
    readonly caPem: string | undefined;
    readonly token: string;
    readonly serverName: string | undefined;
  },
): string {
  const cluster = {
    server: options.server,
    ...(options.caPem === undefined ? {} : { "certificate-authority-data": btoa(options.caPem) }),
    ...(options.serverName === undefined ? {} : { "tls-server-name": options.serverName }),
  };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "embedded", cluster }],
    users: [{ name: "admin", user: { token: options.token } }],
    contexts: [{ name: "embedded", context: { cluster: "embedded", user: "admin" } }],
    "current-context": "embedded",
  });
}
