/**
 * `--safe`: when a speaker is so much alone that it should rather answer nothing.
 *
 * A node that sees neither the API nor a majority of the speakers (itself counted) may be the one that was cut off; the
 * others then have its addresses. A speaker without any peer has nobody who could.
 */
export function isCutOff(
  facts: { readonly apiReachable: boolean; readonly known: number; readonly living: number },
): boolean {
  const { apiReachable, known, living } = facts;
  return !apiReachable && (living + 1) * 2 <= known + 1;
}
