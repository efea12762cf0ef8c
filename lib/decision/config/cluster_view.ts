/**
 * The reports of all living speakers put together: who lives and who is not Herald, as those see it who are there.
 */
import { countsAsLiving, type MemberState } from "../../base/member.ts";
import { compareText } from "./config.ts";
import type { ListedMember, SpeakerReport } from "./speaker_report.ts";

export interface MemberView {
  readonly node: string;
  /** `undefined`: nobody says. */
  readonly isHerald: boolean | undefined;
  readonly version: string | undefined;
  /** Speakers that see it living, itself included. */
  readonly aliveTo: readonly string[];
  /** Speakers that see it dead or gone. */
  readonly deadTo: readonly string[];
}

/** By node name; empty where no speaker of `speakers` reports members. `undefined`: it is not known who lives. */
export function membersOf(
  reports: ReadonlyMap<string, SpeakerReport>,
  speakers: ReadonlySet<string> | undefined,
): MemberView[] {
  const witnesses = [...reports.values()].filter(({ node, members }) =>
    members !== undefined && (speakers === undefined || speakers.has(node))
  );
  const nodes = new Set(witnesses.flatMap(({ node, members }) => [node, ...members!.listed.map((one) => one.node)]));
  return [...nodes].sort(compareText).map((node) => {
    const own = reports.get(node)?.members;
    const isWitness = witnesses.some((witness) => witness.node === node);
    const seen = witnesses.map(({ node: by, members }) => ({ by, listed: listedBy(members!.listed, node) }));
    const told = seen.flatMap(({ listed }) => listed ?? []);
    const isAlive = ({ by, listed }: typeof seen[number]) => by === node || countsAsLiving(listed?.state ?? UNLISTED);
    const version = isWitness ? own?.version : told.find((one) => one.version !== undefined)?.version;
    return {
      node,
      isHerald: isWitness || version !== undefined ? true : told.length > 0 ? false : undefined,
      version,
      aliveTo: seen.filter(isAlive).map(({ by }) => by).sort(compareText),
      deadTo: seen.filter((one) => !isAlive(one)).map(({ by }) => by).sort(compareText),
    };
  });
}

/** Of whom nothing is said there is nothing to say: he is as most are. */
const UNLISTED: MemberState = "alive";

function listedBy(listed: readonly ListedMember[], node: string): ListedMember | undefined {
  return listed.find((one) => one.node === node);
}

/** True when every other speaker sees it dead. */
export function isDeadToAll({ node, aliveTo, deadTo }: MemberView): boolean {
  return deadTo.length > 0 && aliveTo.every((by) => by === node);
}

/** Nodes whose speaker lives and is not Herald. */
export function foreignMembersOf(members: readonly MemberView[]): string[] {
  return members.filter((one) => one.isHerald === false && !isDeadToAll(one)).map(({ node }) => node);
}
