/** Lists of names in which no name may stand twice (reference §2.4-§2.6). */
import { formatPath } from "./decode.ts";
import type { ProblemList } from "./problem.ts";

/** Each text once with the index where it stands first, in the order given; what stands twice goes to `problems`. */
export function distinctTexts(
  texts: readonly string[],
  options: { path: readonly PropertyKey[]; problems: ProblemList; severity: "error" | "warning" },
): Map<string, number> {
  const seen = new Map<string, number>();
  for (const [index, text] of texts.entries()) {
    if (seen.has(text)) {
      const path = formatPath([...options.path, index]);
      const message = `${quoteName(text)} is listed twice; remove one of the two`;
      options.problems[options.severity]({ path, reason: "duplicateEntry", message });
    } else seen.set(text, index);
  }
  return seen;
}

/** Quoted and cut at what the API server would ever admit as a name. */
export function quoteName(name: string): string {
  return JSON.stringify(name.slice(0, 253));
}
