/**
 * The embedded API as a process of its own, for tests that kill it. Prints one JSON line when it serves:
 * `{"ready":true,"port":…}`.
 *
 * Flags: --hostname A (default 127.0.0.1), --port N (0 = any), --data-file F, --kubeconfig-out F, --crds DIR, --token T,
 * --guest-token T (of somebody who may do nothing).
 *
 * With --data-file the certificate is kept beside it (F.tls), so that a client's kubeconfig outlives the process.
 */
import { parse } from "@std/yaml/parse";
import { parseArgs } from "node:util";
import type { JsonObject } from "../../lib/base/json.ts";
import { EmbeddedApi } from "../../lib/edge/embedded/embedded_api.ts";
import { serveHttps } from "../../lib/edge/embedded/https.ts";
import { JournalOnDisk } from "../../lib/edge/embedded/journal_on_disk.ts";
import { kubeconfigText } from "../../lib/edge/embedded/kubeconfig.ts";
import { makeSelfSignedCertificate, type SelfSignedCertificate } from "../../lib/edge/http/certificates.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    hostname: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
    "data-file": { type: "string" },
    "kubeconfig-out": { type: "string" },
    crds: { type: "string", default: "manifests/crds" },
    token: { type: "string", default: "test-token" },
    "guest-token": { type: "string" },
  },
});

const clock = { now: () => performance.now(), wallMs: () => Date.now() };
const rng = { u32: () => crypto.getRandomValues(new Uint32Array(1))[0]! };
const crds: JsonObject[] = [...Deno.readDirSync(values.crds)]
  .filter((entry) => entry.name.endsWith(".yaml"))
  .map((entry) => entry.name).sort()
  .map((name) => parse(Deno.readTextFileSync(`${values.crds}/${name}`)) as JsonObject);

const dataFile = values["data-file"];
const guestToken = values["guest-token"];
const guest = { username: "guest", groups: ["system:authenticated"], admin: false };
const tokens = guestToken === undefined ? [] : [{ ...guest, token: guestToken }];
const api = new EmbeddedApi({ crds, token: values.token, tokens }, {
  clock,
  rng,
  log: (event) => Deno.stderr.writeSync(new TextEncoder().encode(`${JSON.stringify(event)}\n`)),
  ...(dataFile === undefined ? {} : { journalFile: new JournalOnDisk({ path: dataFile }) }),
});
const certificate = await keptCertificate(dataFile === undefined ? undefined : `${dataFile}.tls`);
const server = serveHttps({ hostname: values.hostname, port: Number(values.port) }, { api, certificate });
const out = values["kubeconfig-out"];
if (out !== undefined) {
  Deno.writeTextFileSync(
    out,
    kubeconfigText({ server: server.url, caPem: certificate.caPem, token: values.token }),
  );
}
Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify({ ready: true, port: server.port })}\n`));

async function keptCertificate(path: string | undefined): Promise<SelfSignedCertificate> {
  if (path !== undefined) {
    try {
      return JSON.parse(Deno.readTextFileSync(path)) as SelfSignedCertificate;
    } catch {
      // None yet: made below.
    }
  }
  const made = await makeSelfSignedCertificate({
    hosts: [...new Set(["127.0.0.1", "localhost", values.hostname])],
    clock,
  });
  if (path !== undefined) Deno.writeTextFileSync(path, JSON.stringify(made), { mode: 0o600 });
  return made;
}
