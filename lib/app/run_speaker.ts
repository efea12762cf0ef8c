/** The speaker as a program of its own: flags and files in, a running `Speaker` out. */
import { canonicalIp } from "../base/ip.ts";
import {
  announcedMetrics,
  configurationMetrics,
  conflictMetrics,
  kubeClientMetrics,
  layer2Metrics,
} from "../edge/http/metallb_metrics.ts";
import { systemClock } from "../edge/run/clock.ts";
import { systemRng } from "../edge/run/random.ts";
import type { FlagValues } from "./flags.ts";
import { readExclusions } from "./interface_exclusions.ts";
import { classesOf } from "./load_balancer_classes.ts";
import { SPEAKER_FLAGS } from "./program_flags.ts";
import { runProgram } from "./program.ts";
import type { Running } from "./program.ts";
import { Speaker, type SpeakerWatch } from "./speaker.ts";

type SpeakerFlags = FlagValues<typeof SPEAKER_FLAGS>;

export async function runSpeaker(args: readonly string[]): Promise<void> {
  await runProgram({
    name: "speaker",
    flags: SPEAKER_FLAGS,
    healthHostname: "127.0.0.1",
    start: ({ flags, namespace, client, log, fail }) => {
      const exclusions = readExclusions(flags["exclude-interfaces-file"]);
      if (!exclusions.ok) fail(exclusions.message);
      else if (exclusions.unknownKeys.length > 0) {
        log({ level: "warn", event: "exclusionFileKeysUnknown", keys: [...exclusions.unknownKeys] });
      }
      const watch = readWatch(flags, fail);
      if (watch === undefined) {
        log({ level: "warn", event: "speakersDoNotWatch", reason: "--ml-bindaddr or --ml-labels is empty" });
      } else if (watch.secret === undefined) {
        log({ level: "warn", event: "watchNotAuthenticated", reason: "--ml-secret-key-path is empty" });
      }
      const speaker = new Speaker({
        node: flags["node-name"],
        namespace,
        lbClasses: classesOf(flags["lb-class"]),
        ignoreExcludeLb: flags["ignore-exclude-lb"],
        watch,
        podName: flags["pod-name"],
        exclusions: exclusions.ok ? exclusions.patterns : [],
        namespacePath: undefined,
      }, { client, log, clock: systemClock, rng: systemRng(), onFailure: fail });
      // The Worker has what it needs; from here on nothing else in this process may open a library.
      Deno.permissions.revokeSync({ name: "ffi" });
      speaker.start();
      return Promise.resolve(observeSpeaker(speaker, flags["node-name"]));
    },
  }, args);
}

/** Shows a speaker as the HTTP ports want to see it. */
export function observeSpeaker(speaker: Speaker, node: string): Running {
  return {
    conditions: speaker.conditions,
    metrics: [
      ...kubeClientMetrics(() => speaker.facts()),
      ...announcedMetrics(() =>
        speaker.announced().flatMap(({ address: ip, services }) =>
          services.map((service) => ({ service, protocol: "layer2" as const, node, ip }))
        )
      ),
      ...configurationMetrics(() => speaker.problemCounts()),
      ...layer2Metrics(() => speaker.layer2Counters()),
      ...conflictMetrics(() => speaker.conflicts.counts()),
    ],
    inspect: () => speaker.inspect(),
    stop: () => speaker.stop(),
  };
}

function readWatch(flags: SpeakerFlags, fail: (message: string) => void): SpeakerWatch | undefined {
  const address = flags["ml-bindaddr"];
  const labels = flags["ml-labels"];
  if (address === "" || labels === "") return undefined;
  if (canonicalIp(address) === undefined) fail(`--ml-bindaddr: "${address}" is not an IP address`);
  const directory = flags["ml-secret-key-path"];
  const secret = directory === "" ? undefined : readSecret(`${directory}/secretkey`, fail);
  return { address, labels, port: flags["ml-bindport"] + 1, secret };
}

function readSecret(path: string, fail: (message: string) => void): Uint8Array | undefined {
  try {
    const secret = Deno.readFileSync(path);
    if (secret.length === 0) {
      fail(`--ml-secret-key-path: ${path} is empty; it must hold the key that all speakers share`);
    }
    return secret;
  } catch (error) {
    fail(`--ml-secret-key-path: ${path} cannot be read: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}
