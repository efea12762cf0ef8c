/** The work of `herald explain`: reads a world from files or from a cluster, explains it, and prints what was asked for. */
import type { KubeObject } from "../../base/kube.ts";
import { nearestName } from "../../decision/config/nearest_name.ts";
import { explainWorld, type WorldObjects } from "../../decision/control/explain_world.ts";
import { connectCluster } from "../cli/cluster.ts";
import { EXIT } from "../cli/command.ts";
import type { ExplainCall } from "../cli/explain.ts";
import { readInput } from "../cli/input.ts";
import { printable, writeJson } from "../cli/output.ts";
import { classesOf } from "../load_balancer_classes.ts";
import { explainJson } from "./explain_json.ts";
import { writeExplanation } from "./explain_text.ts";
import { type LiveCluster, liveClusterOf } from "./live_cluster.ts";
import { type LiveWorld, readLiveWorld } from "./live_world.ts";
import { METALLB_NAMESPACE, sortWorld } from "./world_input.ts";

/** A world to explain, with what is to be told about where it comes from. */
interface Source {
  readonly objects: WorldObjects;
  readonly lbClass: string;
  readonly ignoreExcludeLb: boolean;
  readonly isLive: boolean;
  readonly cluster: LiveCluster;
  /** Of Services that are named without one. */
  readonly namespace: string;
  readonly notes: readonly string[];
}

/** Returns the exit code. */
export async function runExplain(call: ExplainCall): Promise<number> {
  const misspelt = call.words.filter((word) => !/^([^/]+\/)?[^/]+$/.test(word));
  for (const word of misspelt) {
    call.stderr.write(`herald explain: "${printable(word)}" is not NAMESPACE/SERVICE, such as shop/web\n`);
  }
  if (misspelt.length > 0) return EXIT.usage;
  const source = call.flags.filename.length > 0 ? await readFiles(call) : await readCluster(call);
  if (typeof source === "number") return source;
  const { flags, stdout, stderr, words } = call;
  const { cluster } = source;
  const speakers = speakersOf(flags.speakers) ?? cluster.speakers;
  const objects = withNodesOf(speakersOf(flags.speakers), source.objects);
  const lbClasses = classesOf(flags["lb-class"] || source.lbClass);
  const ignoreExcludeLb = flags["ignore-exclude-lb"] || source.ignoreExcludeLb;
  const world = explainWorld(objects, { ...cluster, lbClasses, ignoreExcludeLb, speakers });

  const wanted = words.map((word) => word.includes("/") ? word : `${source.namespace}/${word}`);
  const missing = wanted.filter((key) => !world.services.some((service) => service.key === key));
  const known = world.services.map(({ key }) => key);
  for (const key of missing) {
    const meant = known.find((other) => other.endsWith(key.slice(key.indexOf("/")))) ?? nearestName(key, known);
    const hint = meant === undefined ? "" : `; did you mean ${printable(meant)}?`;
    stderr.write(`herald explain: there is no Service ${printable(key)}${hint}\n`);
  }
  const named = new Set(wanted);
  const services = world.services.filter(({ key }) => named.size === 0 || named.has(key));
  if (flags.output === "json") writeJson(stdout, explainJson({ ...world, services }));
  // Of names alone that are not there everything is said.
  else if (named.size === 0 || services.length > 0) {
    writeExplanation(stdout, world, {
      // Of all Services of a cluster most are none of our business.
      services: services.filter(({ allocation }) => named.size > 0 || allocation.reason !== "notLoadBalancer"),
      context: {
        ...source,
        networks: cluster.networks,
        hasNodes: objects.nodes.length > 0,
        hasPeers: (objects.bgpPeers ?? []).length > 0,
        hasBgpAdvertisements: (objects.bgpAdvertisements ?? []).length > 0,
        notes: [...source.notes, ...unknownSpeakers(speakersOf(flags.speakers), objects)],
      },
    });
  }
  return missing.length > 0 ? EXIT.failed : EXIT.done;
}

async function readFiles({ flags, files, stderr }: ExplainCall): Promise<Source | number> {
  const { objects, problems, unreadable } = await readInput(flags.filename, files);
  for (const message of unreadable) stderr.write(`herald explain: ${message}\n`);
  for (const { source, line, message, path } of problems) {
    stderr.write(`herald explain: ${source}:${line}: ${path === "" ? "" : `${path}: `}${printable(message)}\n`);
  }
  // Text that is no object may have been the very Service that is asked for.
  if (unreadable.length > 0 || problems.length > 0) return EXIT.usage;
  const namespace = flags.namespace || "default";
  const sorted = sortWorld(objects.map(({ object }) => object), {
    services: namespace,
    metallb: flags["metallb-namespace"] || undefined,
  });
  const notes = sorted.foreign.map(({ kind, metadata }) =>
    `${kind} ${metadata.namespace}/${metadata.name} is in another namespace than Herald's own and does not count`
  );
  if (sorted.objects.endpointSlices.length === 0 && sorted.objects.services.length > 0) {
    notes.push("the input has no EndpointSlices: without one that can serve, no Service is announced");
  }
  if (sorted.assumed.size > 0) {
    const services = sorted.assumed.size === 1 ? "one Service has" : `${sorted.assumed.size} Services have`;
    notes.push(`${services} no cluster IP in the input; one of each family that it asks for is assumed`);
  }
  return {
    objects: sorted.objects,
    lbClass: "",
    ignoreExcludeLb: false,
    isLive: false,
    cluster: liveClusterOf({ configurationStates: [], l2Statuses: [] }, { speakers: undefined }),
    namespace,
    notes,
  };
}

async function readCluster({ flags, env, files, stderr }: ExplainCall): Promise<Source | number> {
  const connected = await connectCluster(flags, { env, files });
  if (!connected.ok) {
    stderr.write(`herald explain: ${connected.message}\n`);
    return EXIT.failed;
  }
  const { client, transport } = connected.cluster;
  try {
    const read = await readLiveWorld(client, { namespace: flags["metallb-namespace"] || METALLB_NAMESPACE });
    if (read.ok) return liveSource(read.world, { namespace: flags.namespace || transport.namespace || "default" });
    stderr.write(`herald explain: ${read.message}\n`);
    return EXIT.failed;
  } finally {
    transport.close();
  }
}

function liveSource(world: LiveWorld, { namespace }: { namespace: string }): Source {
  return {
    ...world,
    lbClass: world.lbClass ?? "",
    isLive: true,
    cluster: liveClusterOf(world, world),
    namespace,
  };
}

/** `undefined` when the flag is not given. */
function speakersOf(text: string): ReadonlySet<string> | undefined {
  const names = text.split(",").map((name) => name.trim()).filter((name) => name !== "");
  return names.length === 0 ? undefined : new Set(names);
}

/** Speakers without any Node in the input: each stands for a node without labels. */
function withNodesOf(speakers: ReadonlySet<string> | undefined, objects: WorldObjects): WorldObjects {
  if (speakers === undefined || objects.nodes.length > 0) return objects;
  const nodes = [...speakers].map((name): KubeObject => ({ apiVersion: "v1", kind: "Node", metadata: { name } }));
  return { ...objects, nodes };
}

function unknownSpeakers(speakers: ReadonlySet<string> | undefined, { nodes }: WorldObjects): string[] {
  const names = new Set(nodes.map(({ metadata }) => metadata.name));
  const unknown = [...speakers ?? []].filter((name) => !names.has(name));
  return unknown.length === 0 ? [] : [`--speakers names ${unknown.join(", ")}, and there is no such Node`];
}
