/** Lists of texts: compared, and shortened for a sentence. */

/** In the same order. */
export function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((text, i) => text === b[i]));
}

/** `a, b and 3 more`: a sentence that names all of a thousand is read by nobody. */
export function shortList(
  texts: readonly string[],
  options: { max: number; separator?: string; show?: (text: string) => string },
): string {
  const { max, separator = ", ", show = String } = options;
  const shown = texts.slice(0, max).map(show).join(separator);
  return texts.length > max ? `${shown} and ${texts.length - max} more` : shown;
}
