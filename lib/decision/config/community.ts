/**
 * Values of BGP communities: `65000:100` (RFC 1997) and `large:65000:1:2` (RFC 8092), as reference §2.7 admits them.
 *
 * Well-known names such as `no-export` are not known here: a Community object gives them a value, as with MetalLB.
 */
import { compareText } from "./config.ts";

export type CommunityResult =
  /** Canonical: `65000:100` or `large:65000:1:2`, without leading zeros. */
  | { readonly ok: true; readonly community: string }
  | { readonly ok: false; readonly reason: "format" | "value"; readonly message: string; readonly metallbText: string };

/** Longer texts are no community and must not fill a message. */
const TEXT_MAX = 100;
const LARGE = "large";

export function parseCommunity(text: string): CommunityResult {
  const shown = text.slice(0, TEXT_MAX);
  const quoted = JSON.stringify(shown);
  const sections = shown.split(":");
  if (sections.length === 4 && sections[0] === LARGE) return parseSections(shown, sections.slice(1));
  if (sections.length === 4) {
    return {
      ok: false,
      reason: "value",
      message: `${quoted} has three colons: a large community starts with "large:", such as "large:65000:1:2"`,
      metallbText: `invalid community value: invalid marker for large community ${quoted}, ` +
        `expected community to be of format ${LARGE}:<uint32>:<uint32>:<uint32>`,
    };
  }
  if (sections.length === 2) return parseSections(shown, sections);
  return {
    ok: false,
    reason: "format",
    message: `${quoted} is not a community such as "65000:100" or "large:65000:1:2"`,
    metallbText: `invalid community format: ${shown}`,
  };
}

/**
 * The order in which they are shown and sent: by number, a standard community `a:b` counting as (a * 65536 + b, 0, 0)
 * beside the triplets of large ones (reference §2.7). Both texts are canonical.
 */
export function compareCommunities(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  for (const i of [0, 1, 2] as const) if (left[i] !== right[i]) return left[i] - right[i];
  return compareText(a, b);
}

function numbersOf(community: string): readonly [number, number, number] {
  const parts = community.split(":");
  if (parts[0] === LARGE) return [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  return [Number(parts[0]) * 65536 + Number(parts[1]), 0, 0];
}

/** Two sections of 16 bits, or three of 32. */
function parseSections(text: string, sections: readonly string[]): CommunityResult {
  const isLarge = sections.length === 3;
  const max = isLarge ? 4294967295 : 65535;
  const numbers: bigint[] = [];
  for (const section of sections) {
    if (!/^[0-9]+$/.test(section) || BigInt(section) > BigInt(max)) {
      return {
        ok: false,
        reason: "value",
        message: `${JSON.stringify(section)} in ${JSON.stringify(text)} is not a number between 0 and ${max}` +
          (isLarge ? "" : '; larger numbers need a large community, such as "large:65000:1:2"'),
        metallbText: `invalid community value: invalid section ${JSON.stringify(section)} of community ` +
          JSON.stringify(text),
      };
    }
    numbers.push(BigInt(section));
  }
  const [a, b, c] = numbers;
  if (isLarge) return { ok: true, community: `${LARGE}:${a}:${b}:${c}` };
  return { ok: true, community: `${a}:${b}` };
}
