/** Starts tests/support/embedded_server.ts as a process of its own and talks to it; for tests that kill it. */
import { TextLineStream } from "./text_lines.ts";

export interface EmbeddedProcessOptions {
  readonly kubeconfig: string;
  readonly dataFile?: string;
  /** 0 for any. */
  readonly port?: number;
}

export interface EmbeddedProcess {
  readonly port: number;
  readonly pid: number;
  /** Sends JSON with the administrator's token. */
  send(path: string, init?: { readonly method?: string; readonly body?: unknown }): Promise<Response>;
  /** SIGKILL. */
  kill(): void;
  readonly ended: Promise<void>;
}

const TOKEN = "test-token";

export async function startEmbeddedProcess(options: EmbeddedProcessOptions): Promise<EmbeddedProcess> {
  const { kubeconfig, dataFile, port = 0 } = options;
  const script = new URL("./embedded_server.ts", import.meta.url).pathname;
  const root = new URL("../..", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--quiet",
      "--allow-all",
      script,
      `--port=${port}`,
      `--token=${TOKEN}`,
      `--crds=${root}/manifests/crds`,
      `--kubeconfig-out=${kubeconfig}`,
      ...(dataFile === undefined ? [] : [`--data-file=${dataFile}`]),
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const ended = child.status.then(() => {});
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
  const first = await reader.read();
  if (first.value === undefined) throw new Error("The embedded API ended before it was ready");
  await reader.cancel();
  const ready = JSON.parse(first.value) as { readonly port: number };
  const config = JSON.parse(await Deno.readTextFile(kubeconfig));
  const { server, "certificate-authority-data": ca } = config.clusters[0].cluster;
  const http = Deno.createHttpClient({ caCerts: [atob(ca)] });
  ended.then(() => http.close());
  return {
    port: ready.port,
    pid: child.pid,
    ended,
    send: (path, { method = "GET", body } = {}) =>
      fetch(server + path, {
        method,
        client: http,
        headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    kill: () => {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended already.
      }
    },
  };
}
