/**
 * `herald up -f DIR`: controller and speaker on one machine without Kubernetes, from files, reloading when they change.
 *
 * Whoever listens on a Service's address on this machine serves it: put the address on an interface (`ip address add
 * 192.168.1.240/32 dev lo`) and let a server listen there; Herald makes the network find it.
 */
import type { FlagSpec } from "../flags.ts";
import { type CommandCall, defineCommand } from "./command.ts";

const PORT = { kind: "integer", default: 0, min: 0, max: 65535 } as const;

const FLAGS = {
  "filename": {
    kind: "list",
    short: "f",
    required: true,
    placeholder: "FILE|FOLDER",
    help: "file or folder (with its sub-folders); may be repeated",
  },
  "node-name": { kind: "string", help: "name of this machine in the files (default: its host name)" },
  "port": { ...PORT, help: "port of the Kubernetes API for kubectl on 127.0.0.1; 0: none" },
  "status": {
    ...PORT,
    help: "port of the speaker's /status and /metrics on 127.0.0.1, the next one for the controller's; 0: none",
  },
  "lb-class": { kind: "string", help: "serve only Services of these loadBalancerClasses, separated by commas" },
  "exclude-interfaces-file": {
    kind: "string",
    default: "/etc/metallb/excludel2.yaml",
    help: "file that lists interfaces not to announce on; without it those of containers are left out",
  },
  "metallb-namespace": { kind: "string", default: "metallb-system", help: "namespace of the metallb.io objects" },
  "log": { kind: "boolean", help: "print the log of both programs as JSON instead of sentences" },
} as const satisfies Record<string, FlagSpec>;

export type UpCall = CommandCall<typeof FLAGS>;

export const UP = defineCommand({
  name: "up",
  summary: "controller and speaker on this machine without Kubernetes, from files, reloading on change",
  details:
    "Reads IPAddressPools, L2Advertisements, Services and the other metallb.io kinds from the files and announces " +
    "the Services' addresses from this machine. A Service needs no Pods here: whoever listens on its address serves it. " +
    "A file that cannot be read changes nothing: the last good state stays. Needs root (raw sockets).",
  examples: ["herald up -f services/", "herald up -f services/ --port 6443 --status 9120"],
  flags: FLAGS,
  run: async (call) => (await import("../up/run_up.ts")).runUp(call),
});
