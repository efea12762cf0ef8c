/** The work of `herald status`: reads the cluster once and prints what was asked for. */
import { type KubeObject, type Resource, RESOURCES } from "../../base/kube.ts";
import { explainWorld } from "../../decision/control/explain_world.ts";
import type { KubeClient } from "../../edge/kube/client.ts";
import { systemClock } from "../../edge/run/clock.ts";
import { connectCluster } from "../cli/cluster.ts";
import { EXIT } from "../cli/command.ts";
import { readText, sourceName } from "../cli/input.ts";
import { writeJson } from "../cli/output.ts";
import type { StatusCall } from "../cli/status.ts";
import { liveClusterOf } from "../explain/live_cluster.ts";
import { CONTROLLER_SELECTORS, podsOf, readLiveWorld, SPEAKER_SELECTORS } from "../explain/live_world.ts";
import { METALLB_NAMESPACE } from "../explain/world_input.ts";
import { classesOf } from "../load_balancer_classes.ts";
import { readSpeakerPage } from "./speaker_page.ts";
import { writeSpeakerPage } from "./speaker_text.ts";
import { type StatusReport, statusReport } from "./status_report.ts";
import { statusJson, writeStatus } from "./status_text.ts";

/** As the controllers take it, and as its Role names it. */
const LEASE_NAME = "herald-controller";

const WITHOUT_API = "without an API server, herald status -f shows what one speaker says of itself (--help tells how)";

/** Returns the exit code. */
export async function runStatus(call: StatusCall): Promise<number> {
  const { flags, env, files, stdout, stderr } = call;
  const complain = (message: string) => {
    stderr.write(`herald status: ${message}\n`);
    return EXIT.failed;
  };
  if (flags.filename !== "") return await showPage(call);
  const connected = await connectCluster(flags, { env, files });
  if (!connected.ok) return complain(connected.message);
  const { client, transport } = connected.cluster;
  try {
    const read = await readStatus(client, {
      namespace: flags["metallb-namespace"] || METALLB_NAMESPACE,
      lbClass: flags["lb-class"],
    });
    if (typeof read === "string") return complain(read);
    const services = read.services.filter(({ namespace }) => flags.namespace === "" || flags.namespace === namespace);
    const report = { ...read, services };
    if (flags.output === "json") writeJson(stdout, statusJson(report));
    else writeStatus(stdout, report, { nowMs: systemClock.wallMs(), namespace: flags.namespace });
    return EXIT.done;
  } finally {
    transport.close();
  }
}

/** Of one speaker that was asked by other means, while no API server answers. */
async function showPage({ flags, files, stdout, stderr }: StatusCall): Promise<number> {
  const complain = (message: string) => {
    stderr.write(`herald status: ${message}\n`);
    return EXIT.usage;
  };
  const read = await readText(flags.filename, files);
  if (!read.ok) return complain(read.message);
  const page = readSpeakerPage(read.text);
  if (typeof page === "string") return complain(`${sourceName(flags.filename)}: ${page}`);
  if (flags.output === "json") stdout.write(read.text);
  else writeSpeakerPage(stdout, page, { nowMs: systemClock.wallMs() });
  return EXIT.done;
}

/** A text says why there is nothing to show. */
async function readStatus(
  client: KubeClient,
  { namespace, lbClass }: { namespace: string; lbClass: string },
): Promise<StatusReport | string> {
  const live = await readLiveWorld(client, { namespace });
  if (!live.ok) return live.isAway ? `${live.message}; ${WITHOUT_API}` : live.message;
  const { world } = live;
  const notes = [...world.notes];
  const optional = async (resource: Resource, where: { namespace?: string; fieldSelector?: string } = {}) => {
    const result = await client.list(resource, where);
    if (result.ok) return result.value.items;
    notes.push(`the ${resource.plural} cannot be read: ${result.error.message}`);
    return undefined;
  };
  const [l2Statuses, bgpStatuses, events, speakers, controllers, lease] = await Promise.all([
    optional(RESOURCES.serviceL2Statuses),
    optional(RESOURCES.serviceBgpStatuses),
    optional(RESOURCES.events, { fieldSelector: "reason=nodeAssigned" }),
    podsOf(client, { namespace, selectors: SPEAKER_SELECTORS }),
    podsOf(client, { namespace, selectors: CONTROLLER_SELECTORS }),
    leaseOf(client, namespace),
  ]);
  const lbClasses = classesOf(lbClass || (world.lbClass ?? ""));
  const cluster = liveClusterOf(world, world);
  return statusReport({
    services: world.objects.services,
    world: explainWorld(world.objects, { ...cluster, ignoreExcludeLb: world.ignoreExcludeLb, lbClasses }),
    lbClasses,
    l2Statuses,
    bgpStatuses,
    events,
    speakers,
    controllers,
    lease,
    configurationStates: world.configurationStates,
    members: cluster.members,
    interfaces: cluster.interfaces,
    notes,
  });
}

/** A single controller needs none, so that there is none is no news. */
async function leaseOf(client: KubeClient, namespace: string): Promise<KubeObject | undefined> {
  const lease = await client.get(RESOURCES.leases, { namespace, name: LEASE_NAME });
  return lease.ok ? lease.value : undefined;
}
