/**
 * `herald demo`: Herald's main job in one process, for people who want to see it before they believe it.
 *
 * Works as root, and for everybody else below `unshare -Ur` where the system allows user namespaces. Nothing is created
 * or named outside of this process, so whatever ends it also cleans up.
 */
import type { JsonObject } from "../../base/json.ts";
import type { Log } from "../../base/log.ts";
import { serveHttps } from "../../edge/embedded/https.ts";
import { kubeconfigText } from "../../edge/embedded/kubeconfig.ts";
import { makeSelfSignedCertificate } from "../../edge/http/certificates.ts";
import { serve } from "../../edge/http/server.ts";
import { memoryFile } from "../../edge/net/memory_file.ts";
import { systemClock } from "../../edge/run/clock.ts";
import { lineWriter } from "../../edge/run/log_output.ts";
import { systemRng } from "../../edge/run/random.ts";
import { onTermination } from "../../edge/run/signals.ts";
import { observedApp } from "../program.ts";
import { observeController } from "../run_controller.ts";
import { observeSpeaker } from "../run_speaker.ts";
import { parseManifest } from "../yaml.ts";
import { CLIENT, DemoCluster, NODES } from "./demo_cluster.ts";
import { Narrator } from "./narrator.ts";
import { gainPrivilege, isInUserNamespace } from "./privilege.ts";
import { type Manifest, Story } from "./story.ts";

export interface DemoOptions {
  /** Stay after the story, for the user's own kubectl. */
  readonly keep: boolean;
  /** What the user typed, for the line to run when something is missing. */
  readonly command: string;
}

const ROOT = new URL("../../../", import.meta.url);
const EXAMPLES = "manifests/examples";
const CRDS = "manifests/crds";

/** Returns the exit code. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const write = lineWriter(Deno.stdout);
  const narrator = new Narrator({ colour: Deno.stdout.isTerminal() && Deno.env.get("NO_COLOR") === undefined }, {
    clock: systemClock,
    write,
  });
  const missing = await gainPrivilege(options);
  if (missing !== undefined) {
    narrator.print(missing);
    return 1;
  }
  const interrupted = Promise.withResolvers<number>();
  const stopListening = onTermination((signal) => interrupted.resolve(signal === "SIGINT" ? 130 : 143));
  const demo = perform(options, { narrator, interrupted: interrupted.promise });
  try {
    return await Promise.race([
      demo,
      interrupted.promise.then((code) => {
        narrator.title("Stopped: with this process everything is gone");
        return code;
      }),
    ]);
  } catch (error) {
    narrator.print(`herald demo: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    stopListening();
  }
}

async function perform(
  options: DemoOptions,
  deps: { readonly narrator: Narrator; readonly interrupted: Promise<number> },
): Promise<number> {
  const { narrator } = deps;
  narrator.title(
    "Herald demo: three nodes and a client on one Ethernet segment, in network namespaces of this process",
  );
  const token = randomToken();
  const heard: { story?: Story } = {};
  const log: Log = (event) => heard.story?.hear(event);
  const crds = readManifests(CRDS).flatMap(({ objects }) => objects as unknown as JsonObject[]);
  const cluster = await DemoCluster.create({ crds, token }, { clock: systemClock, rng: systemRng(), log });
  try {
    narrator.tell(
      `${NODES.map(({ name, address }) => `${name} ${address}`).join(", ")}; ${CLIENT.name} ${CLIENT.address}`,
    );
    narrator.tell("embedded Kubernetes API, controller and one speaker per node are ready");
    const story = new Story({ cluster, narrator, clock: systemClock });
    heard.story = story;
    await story.tell(readManifests(EXAMPLES));
    if (options.keep) await keep(cluster, { ...deps, token, log });
  } finally {
    await cluster.close();
  }
  narrator.title("Everything is gone: nothing was created outside of this process");
  return 0;
}

/** Makes the cluster whole again, shows how to look at it, and stays until Ctrl-C. */
async function keep(
  cluster: DemoCluster,
  deps: { narrator: Narrator; interrupted: Promise<number>; token: string; log: Log },
): Promise<void> {
  const { narrator, token, log } = deps;
  for (const { name } of NODES) {
    if (cluster.speakers.has(name)) continue;
    await cluster.lab.host(name).plugCable();
    await cluster.startSpeaker(name);
  }
  const hosts = ["127.0.0.1", "localhost"];
  const certificate = await makeSelfSignedCertificate({ hosts, clock: systemClock });
  const api = serveHttps({ hostname: "127.0.0.1", port: 0 }, { api: cluster.api, certificate });
  const kubeconfig = memoryFile("kubeconfig", kubeconfigText({ server: api.url, caPem: certificate.caPem, token }));
  narrator.title("It stays: all three nodes are back. Ctrl-C ends it");
  narrator.print(`  export KUBECONFIG=${kubeconfig}`);
  narrator.print("  kubectl get pods,services --all-namespaces -o wide");
  narrator.print(`  kubectl apply -f ${EXAMPLES}/web.yaml`);
  const programs = [
    {
      name: "controller",
      app: observedApp("controller", { running: observeController(cluster.controller), client: undefined, log }),
    },
    ...[...cluster.speakers].sort().map(([node, speaker]) => ({
      name: `speaker of ${node}`,
      app: observedApp("speaker", { running: observeSpeaker(speaker, node), client: undefined, log }),
    })),
  ];
  for (const { name, app } of programs) {
    const served = await serve(app, { hostname: "127.0.0.1", port: 0 }, { log });
    if (served.ok) narrator.print(`  ${`status of the ${name}:`.padEnd(32)} ${served.server.url}/status`);
  }
  // Whoever is not root must become root of the same user namespace first.
  const user = isInUserNamespace() ? `--user=/proc/${Deno.pid}/ns/user --preserve-credentials ` : "";
  for (const host of [...cluster.lab.hosts].sort((a, b) => a.name < b.name ? -1 : 1)) {
    narrator.print(`  ${`a shell in ${host.name}:`.padEnd(32)} nsenter ${user}--net=${host.namespacePath}`);
  }
  await deps.interrupted;
}

/** All YAML files of a folder, by name; throws on the first one that is not what it should be. */
function readManifests(folder: string): Manifest[] {
  const names = [...Deno.readDirSync(new URL(folder, ROOT))].map(({ name }) => name).sort();
  return names.filter((name) => name.endsWith(".yaml")).map((name) => {
    const path = `${folder}/${name}`;
    const { objects, problems } = parseManifest(Deno.readTextFileSync(new URL(path, ROOT)), path);
    const [problem] = problems;
    if (problem !== undefined) throw new Error(`${problem.source}: ${problem.message}`);
    return { path, objects };
  });
}

function randomToken(): string {
  return crypto.getRandomValues(new Uint8Array(24)).toHex();
}
