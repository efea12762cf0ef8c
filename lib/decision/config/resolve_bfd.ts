/** BFDProfiles with the defaults that MetalLB's users know from FRR (reference §1.6). */
import type { BfdProfile } from "./config.ts";
import { decodeList, type Draft, refuseDuplicateName } from "./decoded_list.ts";
import type { Problem } from "./problem.ts";
import { type BfdProfileObject, bfdProfileSchema } from "./schema/bfd_profile.ts";

export interface ResolvedBfdProfiles {
  /** By name. */
  readonly profiles: readonly BfdProfile[];
  /** Names of profiles that exist but have errors. */
  readonly disabled: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

const KIND = "BFDProfile";

export function resolveBfdProfiles(objects: readonly unknown[]): ResolvedBfdProfiles {
  const list = decodeList(objects, { schema: bfdProfileSchema, kind: KIND });
  const problems = [...list.problems];
  const profiles = new Map<string, BfdProfile>();
  for (const draft of list.drafts) {
    if (profiles.has(draft.name)) refuseDuplicateName(draft.problems, { kind: KIND, name: draft.name });
    else if (draft.problems.errors === 0) profiles.set(draft.name, profileOf(draft));
    problems.push(...draft.problems.all());
  }
  const disabled = new Set(list.broken.map(({ name }) => name).filter((name) => !profiles.has(name)));
  return { profiles: [...profiles.values()], disabled, problems };
}

function profileOf({ object, name, namespace }: Draft<BfdProfileObject>): BfdProfile {
  const { spec } = object;
  return {
    name,
    namespace,
    receiveIntervalMs: spec?.receiveInterval ?? 300,
    transmitIntervalMs: spec?.transmitInterval ?? 300,
    detectMultiplier: spec?.detectMultiplier ?? 3,
    echoIntervalMs: spec?.echoInterval ?? 50,
    echoMode: spec?.echoMode ?? false,
    passiveMode: spec?.passiveMode ?? false,
    minimumTtl: spec?.minimumTtl ?? 254,
  };
}
