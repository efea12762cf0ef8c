/**
 * The one rule that turns an order of candidates into an owner: the first that lives.
 *
 * The packet thread asks it with what it hears on the wire, `explain` with liveness as an input; so both always agree.
 */

/** The first of `candidates` for which `isLiving` holds, or `undefined` when none lives. */
export function firstLiving(
  candidates: readonly string[],
  isLiving: (candidate: string) => boolean,
): string | undefined {
  for (const candidate of candidates) if (isLiving(candidate)) return candidate;
  return undefined;
}
