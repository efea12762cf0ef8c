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
import { type MetricFamily, metricsApp, MetricsRegistry } from "../edge/http/metrics.ts";
import { type HttpServer, serve, type ServeOptions } from "../edge/http/server.ts";
import { statusApp } from "../edge/http/status.ts";
import { tokenReview } from "../edge/http/token_review.ts";
import { KubeClient } from "../edge/kube/client.ts";
import { loadTransport } from "../edge/kube/transport.ts";
import { systemClock } from "../edge/run/clock.ts";
import { lineWriter, type LogFilter, logOutput } from "../edge/run/log_output.ts";
import { onTermination } from "../edge/run/signals.ts";
import { describeFlags, type FlagSpec, type FlagValues, parseFlags } from "./flags.ts";
import { VERSION } from "./version.ts";

/** A program as its HTTP ports see it. */
export interface Observed {
  readonly conditions: readonly Condition[];
  readonly metrics: readonly MetricFamily[];
  inspect(): Json | Promise<Json>;
}

/** A started program. */
export interface Running extends Observed {
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
const SERVICE_ACCOUNT_NAMESPACE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

export interface ProgramSpec<Specs extends Readonly<Record<string, FlagSpec>>> {
  readonly name: "controller" | "speaker";
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
    writeText(`herald ${spec.name} ${VERSION}\n\n${describeFlags(spec.flags)}\n`);
    return;
  }
  const parsed = parseFlags(spec.flags, { args, env: readEnvironment(spec.flags) });
  if (!parsed.ok) {
    writeText(parsed.problems.map((problem) => `herald ${spec.name}: ${problem}\n`).join(""), Deno.stderr);
    Deno.exit(2);
  }
  const flags = parsed.values as FlagValues<Specs> & CommonFlags;
  const write = lineWriter(Deno.stdout);
  const log = logOutput({ filter: flags["log-level"] as LogFilter }, { clock: systemClock, write });
  const fail = (message: string): never => {
    log({ level: "error", event: "programEnds", program: spec.name, error: message });
    Deno.exit(1);
  };
  log({ level: "info", event: "programStarts", program: spec.name, version: VERSION, pid: Deno.pid });
  if (parsed.withoutEffect.length > 0) log({ level: "info", event: "flagsWithoutEffect", flags: parsed.withoutEffect });

  const loaded = await loadTransport({
    kubeconfig: flags.kubeconfig || undefined,
    context: flags.context || undefined,
    env: {
      KUBECONFIG: Deno.env.get("KUBECONFIG"),
      KUBERNETES_SERVICE_HOST: Deno.env.get("KUBERNETES_SERVICE_HOST"),
      KUBERNETES_SERVICE_PORT: Deno.env.get("KUBERNETES_SERVICE_PORT"),
    },
  });
  if (!loaded.ok) return fail(loaded.problem.message);
  const { transport } = loaded;
  const namespace = flags.namespace || readNamespace();
  if (namespace === undefined) {
    return fail("--namespace is required outside of a pod: the namespace of the metallb.io objects");
  }
  log({ level: "info", event: "apiServer", server: transport.baseUrl, source: transport.source, namespace });
  const client = new KubeClient({ baseUrl: transport.baseUrl }, { fetch: transport.fetch });
  const running = await spec.start({ flags, namespace, client, log, fail });

  const servers = [
    ...await open(healthApp({ conditions: running.conditions }), {
      hostname: spec.healthHostname,
      port: flags["health-probe-port"],
    }),
    ...flags.port === 0 ? [] : await open(observedApp(spec.name, { running, client, log }), {
      hostname: "0.0.0.0",
      port: flags.port,
      certificate: await makeSelfSignedCertificate({ hosts: ["localhost", "127.0.0.1"], clock: systemClock }),
    }),
  ];

  onTermination(async (signal) => {
    log({ level: "info", event: "programStops", program: spec.name, signal });
    setTimeout(() => fail(`it did not end within ${STOP_LIMIT_MS} ms`), STOP_LIMIT_MS);
    await running.stop();
    await Promise.all(servers.map((server) => server.close({ limitMs: 100 })));
    transport.close();
    Deno.exit(0);
  });

  async function open(app: HttpApp, options: ServeOptions): Promise<HttpServer[]> {
    const result = await serve(app, options, { log });
    if (!result.ok) return fail(result.message);
    log({ level: "info", event: "listening", url: result.server.url });
    return [result.server];
  }
}

/** `/metrics` and `/status`. Without a client there is no guard: for loopback in the laboratory only. */
export function observedApp(
  program: "controller" | "speaker",
  deps: { readonly running: Observed; readonly client: KubeClient | undefined; readonly log: Log },
): HttpApp {
  const { running, client, log } = deps;
  const registry = new MetricsRegistry({}, { log });
  registry.register(running.metrics);
  registry.register(processMetrics({ program, version: VERSION }, {
    clock: systemClock,
    residentBytes: () => Deno.memoryUsage().rss,
  }));
  const apps = [metricsApp({ registry }), statusApp({}, { inspect: () => running.inspect() })];
  if (client === undefined) return joinApps({ apps }, { log });
  const reviewer = kubeReviewer({
    post: async (path, body) => {
      const result = await client.postPath(path, { body });
      if (!result.ok) throw new Error(result.error.message);
      return result.value;
    },
  });
  return joinApps({ apps, guard: tokenReview({}, { reviewer, clock: systemClock, log }) }, { log });
}

function readEnvironment(specs: Readonly<Record<string, FlagSpec>>): Record<string, string | undefined> {
  const names = Object.values(specs).flatMap(({ env }) => env === undefined ? [] : [env]);
  return Object.fromEntries(names.map((name) => [name, Deno.env.get(name)]));
}

function readNamespace(): string | undefined {
  try {
    return Deno.readTextFileSync(SERVICE_ACCOUNT_NAMESPACE).trim() || undefined;
  } catch {
    return undefined;
  }
}

function writeText(text: string, file: { writeSync(bytes: Uint8Array): number } = Deno.stdout): void {
  lineWriter(file)(text);
}
