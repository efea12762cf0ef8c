/**
 * `herald status`: what runs and what it does, as the API shows it.
 *
 * JSON (members are added, never renamed; `null` is "not known"):
 *
 *     {"services": [{"namespace", "name", "addresses": [], "pool", "pending": {"reason", "message"} | null,
 *        "announcedBy": [{"node", "protocol": "layer2" | "bgp", "peers": [], "since", "source": "status" | "event"}],
 *        "notAnnounced": {"reason", "message"} | null, "warnings": [{"reason", "message"}]}],
 *      "pools": [{"name", "assignedIPv4", "assignedIPv6", "availableIPv4", "availableIPv6", "restingIPv4", "restingIPv6",
 *        "skippedIPv4"}],
 *      "programs": [{"pod", "component", "node", "ready", "leads": bool | null}],
 *      "leader": {"holder", "since"} | null,
 *      "configuration": [{"name", "result", "problems": [{"severity", "reason", "message"}]}],
 *      "members": [{"node", "herald": bool | null, "version", "aliveTo": [], "deadTo": []}] | null,
 *      "interfaces": [{"node", "usable": [], "ipv4Only": [], "refused": [{"name", "reason"}], "failedLinkProbes": []}] | null,
 *      "sessions": null, "notes": []}
 *
 * `members` and `interfaces` is what the living speakers say in annotations of their ConfigurationStates; `sessions` is
 * kept for BGP. The speakers' own `/status` is not asked: the API server's proxy takes the caller's credentials off, and
 * a connection of our own would hand them to a server whose certificate nobody vouches for. What somebody else got there
 * is shown with `-f` (and with `-o json` given back as it came).
 *
 * Exit codes: 0 shown, 1 the cluster cannot be read, 2 wrong call, or with `-f` no page of a speaker.
 */
import type { FlagSpec } from "../flags.ts";
import { CLUSTER_FLAGS } from "./cluster.ts";
import { type CommandCall, defineCommand, OUTPUT_FLAG } from "./command.ts";

const FLAGS = {
  "output": OUTPUT_FLAG,
  "filename": {
    kind: "string",
    short: "f",
    placeholder: "FILE|-",
    help: "show what one speaker's /status answered, instead of the cluster; - for standard input",
  },
  "namespace": { kind: "string", short: "n", help: "only Services of this namespace; else of all" },
  "lb-class": { kind: "string", help: "as the programs are started with; else read from their pods" },
  ...CLUSTER_FLAGS,
} as const satisfies Record<string, FlagSpec>;

export type StatusCall = CommandCall<typeof FLAGS>;

export const STATUS = defineCommand({
  name: "status",
  summary: "who announces what since when, pools, programs and problems of a running cluster",
  details:
    "With -f it needs no API server: it shows what one speaker says of itself on its page /status, which root on the " +
    "node reads without a token where the speaker has --snapshot-dir.",
  examples: [
    "herald status",
    "herald status -n shop",
    "herald status -o json",
    "curl -s --unix-socket /var/lib/herald/run/speaker.sock http://speaker/status | herald status -f -",
  ],
  flags: FLAGS,
  run: async (call) => (await import("../status/run_status.ts")).runStatus(call),
});
