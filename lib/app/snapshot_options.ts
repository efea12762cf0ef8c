/** `--snapshot-dir` and `--snapshot-max-age-hours`: where a speaker's last wanted state is kept, and for whom it speaks. */
import { StateFileOnDisk } from "../edge/run/state_file.ts";
import { NODE_FLAG } from "./snapshot.ts";
import type { SpeakerOptions } from "./speaker.ts";

export interface SnapshotFlags {
  readonly "snapshot-dir": string;
  readonly "snapshot-max-age-hours": number;
  readonly "node-name": string;
  readonly "lb-class": string;
  readonly "ignore-exclude-lb": boolean;
  readonly "ml-labels": string;
  readonly "ml-bindport": number;
}

/** 5,000 addresses with 1,000 candidates each need 25 MB. */
const SNAPSHOT_BYTES_MAX = 32 << 20;

/** The file may be missing or of no use, but a folder that cannot be written to is a mistake to be told at once. */
export function readSnapshotOptions(
  flags: SnapshotFlags,
  { namespace, fail }: { readonly namespace: string; readonly fail: (message: string) => void },
): SpeakerOptions["snapshot"] {
  const folder = flags["snapshot-dir"];
  if (folder === "") return undefined;
  for (const name of ["write", "read"] as const) {
    if (Deno.permissions.querySync({ name, path: folder }).state === "granted") continue;
    fail(`--snapshot-dir: Deno may not ${name} ${folder}; take /var/lib/herald, or add it to --allow-${name}`);
  }
  try {
    if (!Deno.statSync(folder).isDirectory) fail(`--snapshot-dir: ${folder} is not a folder`);
  } catch (error) {
    fail(`--snapshot-dir: ${folder} cannot be used: ${error instanceof Error ? error.message : error}`);
  }
  const maxAgeHours = flags["snapshot-max-age-hours"];
  return {
    file: new StateFileOnDisk({ folder, name: "speaker.snapshot", bytesMax: SNAPSHOT_BYTES_MAX }),
    maxAgeMs: maxAgeHours === 0 ? undefined : maxAgeHours * 3_600_000,
    scope: {
      [NODE_FLAG]: flags["node-name"],
      namespace,
      "lb-class": flags["lb-class"],
      "ignore-exclude-lb": String(flags["ignore-exclude-lb"]),
      "ml-labels": flags["ml-labels"],
      "ml-bindport": String(flags["ml-bindport"]),
    },
  };
}
