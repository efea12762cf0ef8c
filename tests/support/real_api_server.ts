/**
 * A real kube-apiserver with etcd on loopback, for suites that also run against the embedded API.
 *
 * Only these two programs: nothing fills EndpointSlices and nothing collects garbage. Everybody with the token may do
 * everything.
 */
import { findTool } from "./kube_tools.ts";

export interface RealApiServer {
  /** e.g. `https://127.0.0.1:40123`. */
  readonly url: string;
  readonly caPem: string;
  readonly token: string;
  stop(): Promise<void>;
}

const READY_LIMIT_MS = 60_000;
const TOKEN = "test-token";

/** True when both programs are on this machine. */
export function hasRealApiServer(): boolean {
  return findTool("kube-apiserver") !== undefined && findTool("etcd") !== undefined;
}

export async function startRealApiServer(): Promise<RealApiServer> {
  const folder = await Deno.makeTempDir({ prefix: "herald-apiserver-" });
  const children: Deno.ChildProcess[] = [];
  const stop = async () => {
    for (const child of children.reverse()) {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await child.status;
    }
    await Deno.remove(folder, { recursive: true });
  };
  try {
    const [client, peer, port] = [freePort(), freePort(), freePort()];
    const etcdUrl = `http://127.0.0.1:${client}`;
    const peerUrl = `http://127.0.0.1:${peer}`;
    await writeKeys(folder);
    await Deno.writeTextFile(`${folder}/tokens.csv`, `${TOKEN},admin,admin,system:masters\n`);
    children.push(start("etcd", [
      `--data-dir=${folder}/etcd`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
      "--unsafe-no-fsync",
    ]));
    children.push(start("kube-apiserver", [
      `--etcd-servers=${etcdUrl}`,
      `--secure-port=${port}`,
      "--bind-address=127.0.0.1",
      `--cert-dir=${folder}/certs`,
      `--token-auth-file=${folder}/tokens.csv`,
      "--authorization-mode=AlwaysAllow",
      `--service-account-key-file=${folder}/sa.pub`,
      `--service-account-signing-key-file=${folder}/sa.key`,
      "--service-account-issuer=https://kubernetes.default.svc",
      "--service-cluster-ip-range=10.96.0.0/12",
      "--disable-admission-plugins=ServiceAccount",
      "--endpoint-reconciler-type=none",
    ]));
    const url = `https://127.0.0.1:${port}`;
    const caPem = await waitUntilReady(url, folder);
    return { url, caPem, token: TOKEN, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function start(name: "etcd" | "kube-apiserver", args: readonly string[]): Deno.ChildProcess {
  const path = findTool(name);
  if (path === undefined) throw new Error(`${name} is not on this machine`);
  return new Deno.Command(path, { args: [...args], stdin: "null", stdout: "null", stderr: "null" }).spawn();
}

/** The server makes its own certificate and writes it when it begins to listen. */
async function waitUntilReady(url: string, folder: string): Promise<string> {
  const until = Date.now() + READY_LIMIT_MS;
  for (;;) {
    try {
      const caPem = await Deno.readTextFile(`${folder}/certs/apiserver.crt`);
      const http = Deno.createHttpClient({ caCerts: [caPem] });
      try {
        const answer = await fetch(`${url}/readyz`, { client: http, headers: { authorization: `Bearer ${TOKEN}` } });
        await answer.body?.cancel();
        if (answer.status === 200) return caPem;
      } finally {
        http.close();
      }
    } catch (error) {
      if (Date.now() > until) throw error;
    }
    if (Date.now() > until) throw new Error("kube-apiserver did not become ready");
    await new Promise((done) => setTimeout(done, 200));
  }
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

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}
