/**
 * `herald up` as a running program: the embedded API in process, the real controller, a real speaker, and the files.
 *
 *     files ──> UpFolder ──> embedded API <── controller
 *                                 └─────────> speaker ──> network
 *
 * Nothing is kept on disk: after a restart the same files give the same addresses, because the allocator's choice hangs
 * on the objects alone.
 */
import type { Log } from "../../base/log.ts";
import { EmbeddedApi } from "../../edge/embedded/embedded_api.ts";
import { type HttpsServer, serveHttps } from "../../edge/embedded/https.ts";
import { kubeconfigText } from "../../edge/embedded/kubeconfig.ts";
import { makeSelfSignedCertificate } from "../../edge/http/certificates.ts";
import { type HttpServer, serve } from "../../edge/http/server.ts";
import { KubeClient } from "../../edge/kube/client.ts";
import { memoryFile } from "../../edge/net/memory_file.ts";
import { systemClock } from "../../edge/run/clock.ts";
import { logOutput } from "../../edge/run/log_output.ts";
import { systemRng } from "../../edge/run/random.ts";
import { onTermination } from "../../edge/run/signals.ts";
import { EXIT } from "../cli/command.ts";
import { STANDARD_INPUT, whyMissing } from "../cli/input.ts";
import type { UpCall } from "../cli/up.ts";
import { Controller } from "../controller.ts";
import { customResourceDefinitions } from "../crds.ts";
import { readExclusions } from "../interface_exclusions.ts";
import { classesOf } from "../load_balancer_classes.ts";
import { observedApp } from "../program.ts";
import { observeController } from "../run_controller.ts";
import { observeSpeaker } from "../run_speaker.ts";
import { Speaker } from "../speaker.ts";
import { FolderWatch } from "./folder_watch.ts";
import { UpFolder } from "./up_folder.ts";
import { UpNarrator } from "./up_narrator.ts";

/** MetalLB's shipped list (reference §6.1): interfaces of containers and tunnels, where nobody looks for an address. */
const EXCLUSIONS: readonly string[] = [
  "^docker.*",
  "^cbr.*",
  "^dummy.*",
  "^virbr.*",
  "^lxcbr.*",
  "^veth.*",
  "^lo$",
  "^cali.*",
  "^tunl.*",
  "^flannel.*",
  "^kube-ipvs.*",
  "^cni.*",
  "^nodelocaldns.*",
  "^lxc.*",
];

interface Up {
  readonly api: EmbeddedApi;
  readonly token: string;
  readonly node: string;
  readonly controller: Controller;
  readonly speaker: Speaker;
  readonly folder: UpFolder;
  readonly servers: (HttpsServer | HttpServer)[];
}

/** Runs until a signal or a failure; returns the exit code. */
export async function runUp(call: UpCall): Promise<number> {
  const { flags, stdout, stderr } = call;
  const complain = (message: string, code: number) => {
    stderr.write(`herald up: ${message}\n`);
    return code;
  };
  if (flags.filename.includes(STANDARD_INPUT)) {
    return complain("-f - is not possible: standard input cannot be read again when it changes", EXIT.usage);
  }
  // Files may come and go later; what is not there at the start is a typing error.
  for (const path of flags.filename) {
    const problem = await whyMissing(path, call.files);
    if (problem !== undefined) return complain(problem, EXIT.usage);
  }
  const node = flags["node-name"] || Deno.hostname().toLowerCase();
  const exclusions = readExclusions(flags["exclude-interfaces-file"]);
  if (!exclusions.ok) return complain(exclusions.message, EXIT.usage);
  const narrator = new UpNarrator({ output: stdout, clock: systemClock });
  const allOfIt = logOutput({ filter: "info" }, { clock: systemClock, write: (line) => stdout.write(line) });
  const newLog = () => flags.log ? allOfIt : narrator.ear();

  const ended = Promise.withResolvers<number>();
  const stopListening = onTermination((signal) => {
    narrator.tell(`${signal}: the addresses are given up`);
    ended.resolve(EXIT.done);
  });
  const fail = (message: string) => {
    complain(message, EXIT.failed);
    ended.resolve(EXIT.failed);
  };
  try {
    const patterns = exclusions.patterns.length > 0 ? exclusions.patterns : EXCLUSIONS;
    const up = assemble(call, { node, exclusions: patterns, narrator, newLog, fail });
    const watch = new FolderWatch({ paths: flags.filename }, { onChange: () => void up.folder.reload() });
    try {
      await start(up, { call, narrator, log: newLog() });
      return await ended.promise;
    } finally {
      watch.close();
      await up.speaker.stop();
      await up.controller.stop();
      await Promise.all(up.servers.map((server) => "stop" in server ? server.stop() : server.close({ limitMs: 100 })));
      up.api.close();
    }
  } finally {
    stopListening();
  }
}

function assemble(
  call: UpCall,
  deps: {
    readonly node: string;
    readonly exclusions: readonly string[];
    readonly narrator: UpNarrator;
    /** For each of the programs one. */
    readonly newLog: () => Log;
    readonly fail: (message: string) => void;
  },
): Up {
  const { flags, files } = call;
  const { node, newLog, narrator } = deps;
  const common = { clock: systemClock, rng: systemRng() };
  const token = crypto.getRandomValues(new Uint8Array(24)).toHex();
  const api = new EmbeddedApi({ crds: customResourceDefinitions(), token, serviceIpv6: true }, {
    ...common,
    log: newLog(),
  });
  const client = new KubeClient({ baseUrl: "http://api" }, { fetch: api.fetch });
  const namespace = flags["metallb-namespace"];
  const lbClasses = classesOf(flags["lb-class"]);
  return {
    api,
    token,
    node,
    controller: new Controller({ namespace, lbClasses }, { ...common, log: newLog(), client }),
    speaker: new Speaker({
      node,
      namespace,
      lbClasses,
      ignoreExcludeLb: false,
      podName: "",
      // Nobody else: every candidate is this machine.
      watch: undefined,
      exclusions: deps.exclusions,
      namespacePath: undefined,
    }, { ...common, log: newLog(), client, onFailure: deps.fail }),
    folder: new UpFolder({ filenames: flags.filename, node, metallbNamespace: namespace }, {
      client,
      files,
      tell: (line) => narrator.tell(line),
    }),
    servers: [],
  };
}

async function start(
  up: Up,
  { call: { flags }, narrator, log }: { call: UpCall; narrator: UpNarrator; log: Log },
): Promise<void> {
  if (flags.port > 0) await serveApi(up, { port: flags.port, narrator });
  // The packet thread has what it needs; from here on nothing else in this process may open a library.
  Deno.permissions.revokeSync({ name: "ffi" });
  narrator.tell(`reads ${flags.filename.join(", ")}`);
  await up.folder.reload();
  up.controller.start();
  up.speaker.start();
  if (flags.status > 0) await serveStatus(up, { port: flags.status, narrator, log });
}

/** The API for kubectl; who has the token, which only this user can read, may do everything. */
async function serveApi(up: Up, { port, narrator }: { port: number; narrator: UpNarrator }): Promise<void> {
  const certificate = await makeSelfSignedCertificate({ hosts: ["127.0.0.1", "localhost"], clock: systemClock });
  const server = serveHttps({ hostname: "127.0.0.1", port }, { api: up.api, certificate });
  up.servers.push(server);
  const { caPem } = certificate;
  const kubeconfig = memoryFile("kubeconfig", kubeconfigText({ server: server.url, caPem, token: up.token }));
  narrator.tell(`kubectl: export KUBECONFIG=${kubeconfig}`);
}

/** Without a guard: it is on the loopback interface only. */
async function serveStatus(up: Up, deps: { port: number; narrator: UpNarrator; log: Log }): Promise<void> {
  const { log, narrator } = deps;
  const apps = [
    observedApp("speaker", { running: observeSpeaker(up.speaker, up.node), client: undefined, log }),
    observedApp("controller", { running: observeController(up.controller), client: undefined, log }),
  ];
  for (const [index, app] of apps.entries()) {
    const served = await serve(app, { hostname: "127.0.0.1", port: deps.port + index }, { log });
    if (!served.ok) throw new Error(served.message);
    up.servers.push(served.server);
    narrator.tell(`status of the ${index === 0 ? "speaker" : "controller"}: ${served.server.url}/status`);
  }
}
