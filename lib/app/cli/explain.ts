/**
 * `herald explain`: which address a Service gets or keeps and why, who announces it, and why not the others. On files
 * with `-f`, else on the cluster as it is now. It changes nothing anywhere.
 *
 * Exit codes: 0 explained, 1 the cluster cannot be read or a Service that was named is not there, 2 wrong call or
 * unreadable input.
 */
import type { KubeObject } from "../../base/kube.ts";
import { explainWorld, type WorldObjects } from "../../decision/control/explain_world.ts";
import { explainJson } from "../explain/explain_json.ts";
import { writeExplanation } from "../explain/explain_text.ts";
import { type LiveWorld, readLiveWorld } from "../explain/live_world.ts";
import { type ReportedNetworks, reportedNetworks } from "../explain/networks.ts";
import { METALLB_NAMESPACE, sortWorld } from "../explain/world_input.ts";
import type { FlagSpec } from "../flags.ts";
import { classesOf } from "../load_balancer_classes.ts";
import { CLUSTER_FLAGS, connectCluster } from "./cluster.ts";
import { type CommandCall, defineCommand, EXIT, FILENAME_FLAG, OUTPUT_FLAG } from "./command.ts";
import { readInput } from "./input.ts";
import { printable, writeJson } from "./output.ts";

const FLAGS = {
  "filename": FILENAME_FLAG,
  "output": OUTPUT_FLAG,
  "speakers": {
    kind: "string",
    help: "nodes with a living speaker, separated by commas; else with -f every Node, on a cluster the ready pods",
  },
  "namespace": { kind: "string", short: "n", help: "namespace of Services that are named or given without one" },
  "lb-class": { kind: "string", help: "as the programs are started with; on a cluster read from their pods" },
  "ignore-exclude-lb": { kind: "boolean", help: "as the speakers are started with; on a cluster read from their pods" },
  ...CLUSTER_FLAGS,
} as const satisfies Record<string, FlagSpec>;

type Call = CommandCall<typeof FLAGS>;

/** A world to explain, with what is to be told about where it comes from. */
interface Source {
  readonly objects: WorldObjects;
  readonly speakers: ReadonlySet<string> | undefined;
  readonly lbClass: string;
  readonly ignoreExcludeLb: boolean;
  readonly isLive: boolean;
  readonly assumed: ReadonlySet<string>;
  readonly networks: ReportedNetworks | undefined;
  /** Of Services that are named without one. */
  readonly namespace: string;
  readonly notes: readonly string[];
}

export const EXPLAIN = defineCommand({
  name: "explain",
  summary: "which address a Service gets and why, who announces it, and why not the others",
  details: "Runs the very functions of the controller and the speakers, on the files given with -f or on the cluster as " +
    "it is now, and changes nothing. With -f, Services may carry a status (then an address stays where it may); Nodes " +
    "and EndpointSlices count as given.",
  examples: [
    "herald explain",
    "herald explain shop/web",
    "herald explain -f manifests/ -f service.yaml --speakers node-a,node-b",
    "kubectl get services,nodes,endpointslices,ipaddresspools,l2advertisements -A -o yaml | herald explain -f - -o json",
  ],
  flags: FLAGS,
  words: { name: "NAMESPACE/SERVICE", help: "only these Services; else all", min: 0, max: 1000 },
  run: explain,
});

async function explain(call: Call): Promise<number> {
  const source = call.flags.filename.length > 0 ? await readFiles(call) : await readCluster(call);
  if (typeof source === "number") return source;
  const { flags, stdout, stderr, words } = call;
  const speakers = speakersOf(flags.speakers) ?? source.speakers;
  const objects = withNodesOf(speakersOf(flags.speakers), source.objects);
  const lbClasses = classesOf(flags["lb-class"] || source.lbClass);
  const ignoreExcludeLb = flags["ignore-exclude-lb"] || source.ignoreExcludeLb;
  const world = explainWorld(objects, { lbClasses, ignoreExcludeLb, speakers });

  const wanted = words.map((word) => word.includes("/") ? word : `${source.namespace}/${word}`);
  const missing = wanted.filter((key) => !world.services.some((service) => service.key === key));
  for (const key of missing) stderr.write(`herald explain: there is no Service ${printable(key)}\n`);
  const named = new Set(wanted);
  const services = world.services.filter(({ key }) => named.size === 0 || named.has(key));
  if (flags.output === "json") writeJson(stdout, explainJson({ ...world, services }));
  else {
    writeExplanation(stdout, world, {
      // Of all Services of a cluster most are none of our business.
      services: services.filter(({ allocation }) => named.size > 0 || allocation.reason !== "notLoadBalancer"),
      context: {
        ...source,
        hasNodes: objects.nodes.length > 0,
        hasPeers: (objects.bgpPeers ?? []).length > 0,
        hasBgpAdvertisements: (objects.bgpAdvertisements ?? []).length > 0,
        notes: [...source.notes, ...unknownSpeakers(speakersOf(flags.speakers), objects)],
      },
    });
  }
  return missing.length > 0 ? EXIT.failed : EXIT.done;
}

async function readFiles({ flags, files, stderr }: Call): Promise<Source | number> {
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
  return {
    objects: sorted.objects,
    speakers: undefined,
    lbClass: "",
    ignoreExcludeLb: false,
    isLive: false,
    assumed: sorted.assumed,
    networks: undefined,
    namespace,
    notes,
  };
}

async function readCluster({ flags, env, files, stderr }: Call): Promise<Source | number> {
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
    assumed: new Set(),
    networks: reportedNetworks(world.configurationStates),
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
