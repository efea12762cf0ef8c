/**
 * `herald explain`: which address a Service gets or keeps and why, who announces it, and why not the others. On files
 * with `-f`, else on the cluster as it is now. It changes nothing anywhere.
 *
 * Exit codes: 0 explained, 1 the cluster cannot be read or a Service that was named is not there, 2 wrong call or
 * unreadable input.
 */
import type { FlagSpec } from "../flags.ts";
import { CLUSTER_FLAGS } from "./cluster.ts";
import { type CommandCall, defineCommand, FILENAME_FLAG, OUTPUT_FLAG } from "./command.ts";

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

export type ExplainCall = CommandCall<typeof FLAGS>;

export const EXPLAIN = defineCommand({
  name: "explain",
  summary: "which address a Service gets and why, who announces it, and why not the others",
  details:
    "Runs the very functions of the controller and the speakers, on the files given with -f or on the cluster as " +
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
  run: async (call) => (await import("../explain/run_explain.ts")).runExplain(call),
});
