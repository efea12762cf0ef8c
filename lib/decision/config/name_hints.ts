/**
 * "did you mean" for the names of one look at the configuration: sorted candidates are kept, and only so many names are
 * compared, so that a list of a hundred thousand wrong names costs no more than a few.
 */
import { compareText } from "./config.ts";
import { nearestName } from "./nearest_name.ts";

const LOOKUPS_MAX = 20;

export class NameHints {
  readonly #candidates: readonly string[];
  #lookups = 0;

  constructor(candidates: Iterable<string>) {
    this.#candidates = [...candidates].sort(compareText);
  }

  /** `; did you mean "x"?`, or nothing. */
  hint(name: string): string {
    if (++this.#lookups > LOOKUPS_MAX) return "";
    const nearest = nearestName(name, this.#candidates);
    return nearest === undefined ? "" : `; did you mean ${JSON.stringify(nearest)}?`;
  }
}
