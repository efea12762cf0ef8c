/**
 * What both programs share: flags, the way to the API server, log, HTTP ports, signals, and how they end.
 *
 * Exit codes: 0 after SIGTERM or SIGINT, 1 when the program cannot go on, 2 when it was called wrongly.
 */
import type { Json } from "../base/json.ts";
import type { Log } from "../base/log.ts";
import { makeSelfSignedCertificate } from "../edge/http/certificates.ts";
import { type Condition, healthApp } from "../edge/http/health.ts";
import { type HttpApp, joinApps } from "../edge/http/join_apps.ts";
import { kubeReviewer } from "../edge/http/kube_reviewer.ts";
import { processMetrics } from "../edge/http/metallb_metrics.ts";
import type { MetricFamily } from "../edge/http/metrics.ts";
import { metricsApp } from "../edge/http/metrics_app.ts";
import { EVERY_ADDRESS, type HttpServer, serve, type ServeOptions } from "../edge/http/server.ts";
import { statusApp } from "../edge/http/status.ts";
import { ApiAway, tokenReview } from "../edge/http/token_review.ts";
import { isRetryable } from "../edge/kube/api_error.ts";
import { KubeClient } from "../edge/kube/client.ts";
import { SERVICE_ACCOUNT_DIRECTORY } from "../edge/kube/service_account.ts";
import { loadTransport } from "../edge/kube/transport.ts";
import { systemClock } from "../edge/run/clock.ts";
import { lineWriter, type LogFilter, logOutput } from "../edge/run/log_output.ts";
import { onTermination } from "../edge/run/signals.ts";
import { clearNodeSocket, nodeSocketPath } from "./node_socket.ts";
import { describeFlags, type FlagSpec, type FlagValues, HELP_COLUMNS, parseFlags } from "./flags.ts";
import { VERSION } from "./version.ts";

/** A program as its HTTP ports see it. */
export interface Observed {
  readonly conditions: readonly Condition[];
  readonly metrics: readonly MetricFamily[];
  inspect(): Json | Promise<Json>;
}

/** A started program. */
export interface Running extends Observed {
  /** Of `--snapshot-dir`: there it is seen without a token as well (`node_socket.ts`). */
  readonly nodeSocketFolder?: string | undefined;
  stop(): Promise<void>;
}

export interface ProgramContext<Values> {
  readonly flags: Values;
  readonly namespace: string;
  readonly client: KubeClient;
  readonly log: Log;
  /** Ends the process with exit code 1, after saying why. */
  readonly fail: (message: string) => void;
}

interface CommonFlags {
  readonly port: number;
  readonly namespace: string;
  readonly "log-level": string;
  readonly kubeconfig: string;
  readonly context: string;
  readonly "health-probe-port": number;
}

const STOP_LIMIT_MS = 5_000;
const SERVER_CLOSE_MS = 100;
/** Only GET is served, and strangers may connect: nobody needs to send more than nothing. */
const BODY_BYTES_MAX = 1024;

export interface ProgramSpec<Specs extends Readonly<Record<string, FlagSpec>>> {
  readonly name: "controller" | "speaker";
  /** What it does, for `--help`. */
  readonly summary: string;
  readonly flags: Specs;
  /** Address of the health port: MetalLB's controller binds all, its speaker the loopback. */
  readonly healthHostname: string;
  readonly start: (context: ProgramContext<FlagValues<Specs>>) => Promise<Running>;
}

/** Runs until a signal or a failure, then exits the process. */
export async function runProgram<Specs extends Readonly<Record<string, FlagSpec>>>(
  spec: ProgramSpec<Specs>,
  args: readonly string[],
): Promise<void> {
  if (args.includes("--help") || args.includes("-h")) {
    writeText(helpOf(spec));
    return;
  }
  const parsed = parseFlags(spec.flags, { args, env: readEnvironment(spec.flags) });
  if (!parsed.ok) {
    writeText(parsed.problems.map((problem) => `herald ${spec.name}: ${problem}\n`).join(""), Deno.stderr);
    Deno.exit(2);
  }
  const flags = parsed.values as FlagValues<Specs> & CommonFlags;
  const log = logOutput({ filter: flags["log-level"] as LogFilter }, {
    clock: systemClock,
    write: lineWriter(Deno.stdout),
  });
  const fail = (message: string): never => {
    log({ level: "error", event: "programEnds", program: spec.name, error: message });
    Deno.exit(1);
  };
  log({ level: "info", event: "programStarts", program: spec.name, version: VERSION, pid: Deno.pid });
  if (parsed.withoutEffect.length > 0) log({ level: "info", event: "flagsWithoutEffect", flags: parsed.withoutEffect });

  // Listened for from the start: a program that is told to end while it starts has nothing to hand over.
  const started: { running?: Running; servers: HttpServer[] } = { servers: [] };
  onTermination(async (signal) => {
    log({ level: "info", event: "programStops", program: spec.name, signal });
    setTimeout(() => fail(`it did not end within ${STOP_LIMIT_MS} ms`), STOP_LIMIT_MS);
    await started.running?.stop();
    await Promise.all(started.servers.map((server) => server.close({ limitMs: SERVER_CLOSE_MS })));
    Deno.exit(0);
  });

  const { client, namespace } = await connect(flags, { log, fail });
  const running = await spec.start({ flags, namespace, client, log, fail });
  started.running = running;
  for (const { app, options } of await ports(spec, { flags, running, client, log })) {
    const served = await serve(app, options, { log });
    if (!served.ok) return fail(served.message);
    started.servers.push(served.server);
    log({ level: "info", event: "listening", url: served.server.url });
  }
  const local = await serveNodeSocket(spec.name, { running, log });
  if (local !== undefined) started.servers.push(local);
}

async function connect(
  flags: CommonFlags,
  deps: { readonly log: Log; readonly fail: (message: string) => never },
): Promise<{ client: KubeClient; namespace: string }> {
  const loaded = await loadTransport({
    kubeconfig: flags.kubeconfig || undefined,
    context: flags.context || undefined,
    env: {
      KUBECONFIG: Deno.env.get("KUBECONFIG"),
      KUBERNETES_SERVICE_HOST: Deno.env.get("KUBERNETES_SERVICE_HOST"),
      KUBERNETES_SERVICE_PORT: Deno.env.get("KUBERNETES_SERVICE_PORT"),
    },
  });
  if (!loaded.ok) return deps.fail(loaded.problem.message);
  const { baseUrl, source, fetch } = loaded.transport;
  const namespace = flags.namespace || readNamespace();
  if (namespace === undefined) {
    return deps.fail("--namespace is required outside of a pod: the namespace of the metallb.io objects");
  }
  deps.log({ level: "info", event: "apiServer", server: baseUrl, source, namespace });
  return { client: new KubeClient({ baseUrl }, { fetch }), namespace };
}

/** The health port for the kubelet, and the port for people and Prometheus. */
async function ports(
  spec: { readonly name: "controller" | "speaker"; readonly healthHostname: string },
  parts: { readonly flags: CommonFlags; readonly running: Running; readonly client: KubeClient; readonly log: Log },
): Promise<{ app: HttpApp; options: ServeOptions }[]> {
  const { flags, running, client, log } = parts;
  const health = {
    app: healthApp({ conditions: running.conditions }),
    options: { hostname: spec.healthHostname, port: flags["health-probe-port"], bodyBytesMax: BODY_BYTES_MAX },
  };
  if (flags.port === 0) return [health];
  const certificate = await makeSelfSignedCertificate({ hosts: ["localhost", "127.0.0.1"], clock: systemClock });
  const app = observedApp(spec.name, { running, client, log });
  return [health, {
    app,
    options: { hostname: EVERY_ADDRESS, port: flags.port, certificate, bodyBytesMax: BODY_BYTES_MAX },
  }];
}

/** What goes wrong here is told, and no reason to end: the node's addresses do not depend on it. */
async function serveNodeSocket(
  name: "controller" | "speaker",
  { running, log }: { readonly running: Running; readonly log: Log },
): Promise<HttpServer | undefined> {
  const folder = running.nodeSocketFolder;
  if (folder === undefined) return undefined;
  const socketPath = nodeSocketPath(folder);
  const failed = (error: string) => {
    log({ level: "warn", event: "nodeSocketFailed", path: socketPath, error });
    return undefined;
  };
  try {
    clearNodeSocket(folder);
  } catch (error) {
    return failed(String(error));
  }
  const app = observedApp(name, { running, client: undefined, log });
  const served = await serve(app, { socketPath, bodyBytesMax: BODY_BYTES_MAX }, { log });
  if (!served.ok) return failed(served.message);
  log({ level: "info", event: "listening", url: served.server.url });
  return served.server;
}

/** `/metrics` and `/status`. Without a client there is no guard: only where nobody else can come, as on a node's socket. */
export function observedApp(
  program: "controller" | "speaker",
  deps: { readonly running: Observed; readonly client: KubeClient | undefined; readonly log: Log },
): HttpApp {
  const { running, client, log } = deps;
  const ofProcess = processMetrics({ program, version: VERSION }, {
    clock: systemClock,
    residentBytes: () => Deno.memoryUsage().rss,
  });
  const registry = async () => {
    const { MetricsRegistry } = await import("../edge/http/metrics.ts");
    const made = new MetricsRegistry({}, { log });
    made.register([...running.metrics, ...ofProcess]);
    return made;
  };
  const apps = [metricsApp({ registry }), statusApp({}, { inspect: () => running.inspect() })];
  if (client === undefined) return joinApps({ apps }, { log });
  const reviewer = kubeReviewer({
    post: async (path, body) => {
      const result = await client.postPath(path, { body });
      if (result.ok) return result.value;
      const { message } = result.error;
      throw isRetryable(result.error) ? new ApiAway(message) : new Error(message);
    },
  });
  return joinApps({ apps, guard: tokenReview({}, { reviewer, clock: systemClock, log }) }, { log });
}

function helpOf(
  { name, summary, flags }: Pick<ProgramSpec<Readonly<Record<string, FlagSpec>>>, "name" | "summary" | "flags">,
): string {
  const needed = Object.entries(flags).filter(([, { required }]) => required).map(([flag]) => ` --${flag} …`);
  return `herald ${name} ${VERSION}: ${summary}

usage: main_${name}.ts${needed.join("")} [FLAG…]

Where a flag is not given, the variable in brackets behind it counts.

${describeFlags(flags, { columns: HELP_COLUMNS })}
`;
}

function readEnvironment(specs: Readonly<Record<string, FlagSpec>>): Record<string, string | undefined> {
  const names = Object.values(specs).flatMap(({ env }) => env === undefined ? [] : [env]);
  return Object.fromEntries(names.map((name) => [name, Deno.env.get(name)]));
}

function readNamespace(): string | undefined {
  try {
    return Deno.readTextFileSync(`${SERVICE_ACCOUNT_DIRECTORY}/namespace`).trim() || undefined;
  } catch {
    return undefined;
  }
}

function writeText(text: string, file: { writeSync(bytes: Uint8Array): number } = Deno.stdout): void {
  lineWriter(file)(text);
}
