/**
 * The order in which communities are shown and sent: by number, a standard community `a:b` counting as
 * (a * 65536 + b, 0, 0) beside the triplets `large:a:b:c` (reference §2.7).
 */
import { compareText } from "../config/config.ts";

export function compareCommunities(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  for (const i of [0, 1, 2] as const) if (left[i] !== right[i]) return left[i] - right[i];
  return compareText(a, b);
}

function numbersOf(community: string): readonly [number, number, number] {
  const parts = community.split(":");
  if (parts[0] === "large") return [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  return [Number(parts[0]) * 65536 + Number(parts[1]), 0, 0];
}
