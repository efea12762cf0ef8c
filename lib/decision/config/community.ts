/**
 * Values of BGP communities: `65000:100` (RFC 1997) and `large:65000:1:2` (RFC 8092), as reference §2.7 admits them.
 *
 * Well-known names such as `no-export` are not known here: a Community object gives them a value, as with MetalLB.
 */

export interface Community {
  /** Canonical: `65000:100` or `large:65000:1:2`, without leading zeros. */
  readonly text: string;
  /** The first two parts of a standard one make the first of three numbers, so that both kinds have one order. */
  readonly order: readonly [bigint, bigint, bigint];
}

export type CommunityResult =
  | { readonly ok: true; readonly community: Community }
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

/** Numeric; a standard community comes before the large one that has the same numbers. */
export function compareCommunities(a: Community, b: Community): number {
  for (const [index, number] of a.order.entries()) {
    const other = b.order[index]!;
    if (number !== other) return number < other ? -1 : 1;
  }
  return a.text.length - b.text.length;
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
  if (isLarge) return { ok: true, community: { text: `${LARGE}:${a}:${b}:${c}`, order: [a!, b!, c!] } };
  return { ok: true, community: { text: `${a}:${b}`, order: [a! << 16n | b!, 0n, 0n] } };
}
