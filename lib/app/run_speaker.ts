/** The speaker as a program of its own: flags and files in, a running `Speaker` out. */
import { parseIp } from "../base/ip.ts";
import { memberMetrics } from "../edge/http/member_metrics.ts";
import {
  announcedMetrics,
  clusterMetrics,
  configurationMetrics,
  conflictMetrics,
  doubleAnswerMetrics,
  kubeClientMetrics,
  layer2Metrics,
} from "../edge/http/metallb_metrics.ts";
import { systemClock } from "../edge/run/clock.ts";
import { systemRng } from "../edge/run/random.ts";
import type { FlagValues } from "./flags.ts";
import { readExclusions } from "./interface_exclusions.ts";
import { classesOf } from "./load_balancer_classes.ts";
import { MEMBERLIST_CONFIG_PATH, readMemberlistSettings } from "./memberlist_settings.ts";
import { SPEAKER_FLAGS } from "./program_flags.ts";
import { runProgram } from "./program.ts";
import type { Running } from "./program.ts";
import { SecretFollower } from "./secret_follower.ts";
import { readSnapshotOptions } from "./snapshot_options.ts";
import { Speaker, type SpeakerWatch } from "./speaker.ts";

type SpeakerFlags = FlagValues<typeof SPEAKER_FLAGS>;

export async function runSpeaker(args: readonly string[]): Promise<void> {
  await runProgram({
    name: "speaker",
    summary: "makes the addresses of Services reachable on this node's networks",
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
        log({ level: "warn", event: "gossipNotEncrypted", reason: "--ml-secret-key-path is empty" });
      }
      const memberlist = readMemberlistSettings(MEMBERLIST_CONFIG_PATH, { wan: flags["ml-wan-config"] });
      if (!memberlist.ok) return fail(memberlist.message) as never;
      if (watch !== undefined) log({ level: "info", event: "memberlistSettings", source: memberlist.source });
      const snapshot = readSnapshotOptions(flags, { namespace, fail });
      const speaker = new Speaker({
        node: flags["node-name"],
        namespace,
        lbClasses: classesOf(flags["lb-class"]),
        ignoreExcludeLb: flags["ignore-exclude-lb"],
        watch,
        membership: { port: flags["ml-bindport"], settings: memberlist.settings },
        safe: flags["safe"],
        gratuitous: {
          bursts: flags["gratuitous-bursts"],
          intervalMs: flags["gratuitous-interval-ms"],
          refreshMs: flags["gratuitous-refresh-seconds"] * 1000,
        },
        podName: flags["pod-name"],
        exclusions: exclusions.ok ? exclusions.patterns : [],
        namespacePath: undefined,
        ...snapshot === undefined ? {} : { snapshot },
      }, { client, log, clock: systemClock, rng: systemRng(), onFailure: fail });
      // The Worker has what it needs; from here on nothing else in this process may open a library.
      Deno.permissions.revokeSync({ name: "ffi" });
      if (snapshot === undefined) Deno.permissions.revokeSync({ name: "write" });
      speaker.start();
      if (watch?.secret !== undefined) {
        const follower = new SecretFollower({ path: secretPath(flags), known: watch.secret }, {
          log,
          read: Deno.readFile,
        });
        follower.start((secret) => speaker.changeSecret(secret));
      }
      return Promise.resolve({
        ...observeSpeaker(speaker, flags["node-name"]),
        nodeSocketFolder: snapshot === undefined ? undefined : flags["snapshot-dir"],
      });
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
      ...doubleAnswerMetrics(() => speaker.conflicts.doubleAnswers()),
      ...clusterMetrics(() => speaker.cluster.counts()),
      ...memberMetrics(() => speaker.memberCounts()),
    ],
    inspect: () => speaker.inspect(),
    stop: () => speaker.stop(),
  };
}

function readWatch(flags: SpeakerFlags, fail: (message: string) => void): SpeakerWatch | undefined {
  const address = flags["ml-bindaddr"];
  const labels = flags["ml-labels"];
  if (address === "" || labels === "") return undefined;
  const ip = parseIp(address);
  if (ip === undefined) fail(`--ml-bindaddr: "${address}" is not an IP address`);
  // It is told to the others, who send to it.
  if (ip?.value === 0n) {
    fail(`--ml-bindaddr: ${address} stands for any address; give the one at which the other speakers reach this node`);
  }
  const secret = flags["ml-secret-key-path"] === "" ? undefined : readSecret(secretPath(flags), fail);
  return { address, labels, port: flags["ml-bindport"] + 1, secret, intervalMs: flags["watch-interval-ms"] };
}

function secretPath(flags: SpeakerFlags): string {
  return `${flags["ml-secret-key-path"]}/secretkey`;
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
