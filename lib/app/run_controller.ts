/** The controller as a program of its own: flags in, a running `Controller` out. */
import type { Json } from "../base/json.ts";
import {
  allocatorMetrics,
  configurationMetrics,
  kubeClientMetrics,
  leaderMetric,
} from "../edge/http/metallb_metrics.ts";
import { EVERY_ADDRESS } from "../edge/http/server.ts";
import { systemClock } from "../edge/run/clock.ts";
import { systemRng } from "../edge/run/random.ts";
import { Controller, type ControllerOptions } from "./controller.ts";
import type { FlagValues } from "./flags.ts";
import { classesOf } from "./load_balancer_classes.ts";
import { keepMemberlistSecret } from "./memberlist_secret.ts";
import { CONTROLLER_FLAGS } from "./program_flags.ts";
import { type Running, runProgram } from "./program.ts";
import { Webhooks, type WebhooksDeps } from "./webhooks.ts";

export async function runController(args: readonly string[]): Promise<void> {
  await runProgram({
    name: "controller",
    summary: "gives addresses from pools to Services of type LoadBalancer",
    flags: CONTROLLER_FLAGS,
    healthHostname: EVERY_ADDRESS,
    start: ({ flags, namespace, client, log, fail }) => {
      const deps = { client, log, clock: systemClock, rng: systemRng(), fail };
      // Made before the controller that has the caches, because it may be the only one.
      const started: { controller?: Controller } = {};
      const webhooks = flags["webhook-mode"] === "disabled"
        ? undefined
        : startWebhooks(flags, { ...deps, namespace, cached: () => started.controller?.configObjects() ?? {} });
      if (flags["webhook-mode"] === "onlywebhook") return Promise.resolve(withWebhooks(NOTHING, webhooks));
      const stopSecret = keepSecret(flags, { ...deps, namespace });
      const lbClasses = classesOf(flags["lb-class"]);
      const options = { namespace, lbClasses, podName: flags["pod-name"], ...electionOf(flags) };
      const controller = new Controller(options, deps);
      started.controller = controller;
      controller.start();
      const observed = observeController(controller);
      const stop = () => {
        stopSecret();
        return observed.stop();
      };
      return Promise.resolve(withWebhooks({ ...observed, stop }, webhooks));
    },
  }, args);
}

const NOTHING: Running = {
  conditions: [],
  metrics: [],
  inspect: () => ({ program: "controller", ready: true }),
  stop: () => Promise.resolve(),
};

function startWebhooks(
  flags: FlagValues<typeof CONTROLLER_FLAGS>,
  { namespace, ...deps }: WebhooksDeps & { readonly namespace: string },
): Webhooks {
  const webhooks = new Webhooks({
    namespace,
    hostname: EVERY_ADDRESS,
    port: flags["webhook-port"],
    serviceName: flags["cert-service-name"],
    secretName: flags["webhook-secret"],
    ...(flags["disable-cert-rotation"] ? { certificateFolder: flags["cert-dir"] } : {}),
  }, deps);
  webhooks.start();
  return webhooks;
}

function keepSecret(
  flags: FlagValues<typeof CONTROLLER_FLAGS>,
  { namespace, ...deps }: Parameters<typeof keepMemberlistSecret>[1] & { readonly namespace: string },
): () => void {
  const name = flags["ml-secret-name"];
  return name === "" ? () => {} : keepMemberlistSecret({ namespace, name, deployment: flags["deployment"] }, deps);
}

function withWebhooks(running: Running, webhooks: Webhooks | undefined): Running {
  if (webhooks === undefined) return running;
  return {
    ...running,
    conditions: [...running.conditions, webhooks.condition],
    inspect: async () => ({ ...await running.inspect() as Record<string, Json>, webhooks: webhooks.inspect() }),
    stop: async () => {
      await Promise.all([running.stop(), webhooks.stop()]);
    },
  };
}

/** Shows a controller as the HTTP ports want to see it. */
export function observeController(controller: Controller): Running {
  return {
    conditions: controller.conditions,
    metrics: [
      ...kubeClientMetrics(() => controller.facts()),
      ...configurationMetrics(() => controller.problemCounts()),
      ...allocatorMetrics(() => controller.poolUsage()),
      leaderMetric(() => controller.leads),
    ],
    inspect: () => controller.inspect(),
    stop: () => controller.stop(),
  };
}

function electionOf(flags: FlagValues<typeof CONTROLLER_FLAGS>): Pick<ControllerOptions, "election"> {
  if (!flags["leader-elect"]) return {};
  const leaseDurationMs = flags["leader-elect-lease-seconds"] * 1000;
  const leaseName = flags["leader-elect-resource-name"];
  return { election: { leaseName, leaseDurationMs, podName: flags["pod-name"] } };
}
