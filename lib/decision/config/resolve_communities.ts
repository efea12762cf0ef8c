/**
 * Community objects: one table of names for all of them (reference §1.7, §2.7).
 *
 * A wrong entry is left out alone: the other names of its object go on being understood. Of two definitions of one name
 * the first counts, by the name of the object, then by position.
 */
import { parseCommunity } from "./community.ts";
import { decodeList, type Draft } from "./decoded_list.ts";
import { quoteName } from "./distinct_texts.ts";
import type { Problem } from "./problem.ts";
import { type CommunityObject, communitySchema } from "./schema/community.ts";

export interface ResolvedCommunities {
  /** Name to value. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Names that are defined, but not as a community. */
  readonly broken: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

const KIND = "Community";

export function resolveCommunities(objects: readonly unknown[]): ResolvedCommunities {
  const list = decodeList(objects, { schema: communitySchema, kind: KIND });
  const problems = [...list.problems];
  const aliases = new Map<string, string>();
  const broken = new Set<string>();
  const owners = new Map<string, string>();
  for (const draft of list.drafts) {
    addAliases(draft, { aliases, broken, owners });
    problems.push(...draft.problems.all());
  }
  for (const name of aliases.keys()) broken.delete(name);
  return { aliases, broken, problems };
}

function addAliases(
  draft: Draft<CommunityObject>,
  table: { aliases: Map<string, string>; broken: Set<string>; owners: Map<string, string> },
): void {
  const { problems } = draft;
  for (const [index, { name = "", value = "" }] of (draft.object.spec?.communities ?? []).entries()) {
    const path = `spec.communities[${index}]`;
    if (name === "") {
      const message = "without a name no BGPAdvertisement can use it";
      problems.warning({ path: `${path}.name`, reason: "missingField", message });
    }
    const owner = table.owners.get(name);
    if (owner !== undefined && name !== "") {
      const message = `community ${quoteName(name)} is already defined in ${owner}, which counts; remove this one`;
      const metallbText = `duplicate definition of community ${quoteName(name)}`;
      problems.error({ path: `${path}.name`, reason: "duplicateEntry", message, metallbText });
      continue;
    }
    const parsed = parseCommunity(value);
    if (!parsed.ok) {
      const { message, metallbText } = parsed;
      problems.error({ path: `${path}.value`, reason: "invalidCommunity", message, metallbText });
      table.broken.add(name);
      continue;
    }
    table.owners.set(name, `Community ${quoteName(draft.name)}`);
    if (name !== "") table.aliases.set(name, parsed.community);
  }
}
