/**
 * The existing name that a mistyped one most likely meant: by edit distance, at most a third of its length away.
 */
import { compareText } from "./config.ts";

/** Longer names are not compared: the cost grows with the square, and Kubernetes allows no longer label. */
const NAME_LENGTH_MAX = 253;
/** Candidates that are looked at, so that a hostile list costs a bounded time. */
const CANDIDATES_MAX = 1000;

/** `undefined` when nothing is near. Of equally near names the one that sorts first. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  if (name.length > NAME_LENGTH_MAX) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of [...candidates].sort(compareText).slice(0, CANDIDATES_MAX)) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's: insertions, deletions and replacements. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replace, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}
