/**
 * Reads the members of one object of the old configuration (reference §10.1), with a problem for each that is unknown,
 * missing or of a wrong type. What cannot be read is left out and said, never guessed.
 */
import { isRecord } from "../../base/json.ts";
import { formatPath } from "./decode.ts";
import { nearestName } from "./nearest_name.ts";

export interface LegacyProblem {
  /** An error: something of the input is not in the output. A warning: it is, but somebody should look. */
  readonly severity: "error" | "warning";
  /** In the old words, e.g. `peers[0].my-asn`. */
  readonly path: string;
  readonly reason: LegacyReason;
  readonly message: string;
}

/** Closed set. */
export type LegacyReason =
  | "notAnObject"
  | "unknownKey"
  | "missingField"
  | "wrongType"
  | "invalidValue"
  | "duplicateName"
  | "renamed"
  | "misspelledKey"
  | "notSupported"
  | "plainPassword"
  | "moreProblems";

type LegacyDetail = Pick<LegacyProblem, "reason" | "message">;

export const LEGACY_PROBLEMS_MAX = 500;

export type Path = readonly (string | number)[];

export class LegacyProblems {
  readonly #problems: LegacyProblem[] = [];
  #dropped = 0;

  error(path: Path, detail: LegacyDetail): void {
    this.#add({ severity: "error", path: formatLegacyPath(path), ...detail });
  }

  warning(path: Path, detail: LegacyDetail): void {
    this.#add({ severity: "warning", path: formatLegacyPath(path), ...detail });
  }

  all(): LegacyProblem[] {
    if (this.#dropped === 0) return [...this.#problems];
    const message = `${this.#dropped} more problems are not listed`;
    return [...this.#problems, { severity: "error", path: "", reason: "moreProblems", message }];
  }

  #add(problem: LegacyProblem): void {
    if (this.#problems.length < LEGACY_PROBLEMS_MAX) this.#problems.push(problem);
    else this.#dropped++;
  }
}

/** Words with dashes are plain words here, other than in paths of today's objects. */
function formatLegacyPath(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "string" && /^[a-z0-9][a-zA-Z0-9-]*$/.test(part)) text += text === "" ? part : `.${part}`;
    else text += formatPath([part]).replace(/^(?!\[)/, text === "" ? "" : ".");
  }
  return text;
}

export class LegacyFields {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #path: Path;
  readonly #problems: LegacyProblems;

  /** `value` may be anything; what is no object has no fields, and that is said. */
  constructor(value: unknown, options: { readonly path: Path; readonly problems: LegacyProblems }) {
    this.#path = options.path;
    this.#problems = options.problems;
    this.#object = isRecord(value) ? value : {};
    if (!isRecord(value) && value !== null && value !== undefined) {
      this.#problems.error(this.#path, {
        reason: "notAnObject",
        message: `it must be an object, but is ${typeName(value)}`,
      });
    }
  }

  get path(): Path {
    return this.#path;
  }

  at(key: string): Path {
    return [...this.#path, key];
  }

  /** `null` is as absent as in the old parser. */
  raw(key: string): unknown {
    return Object.hasOwn(this.#object, key) ? this.#object[key] ?? undefined : undefined;
  }

  has(key: string): boolean {
    return this.raw(key) !== undefined;
  }

  /** The old program refused a configuration with a key it did not know. */
  refuseOthers(known: readonly string[]): void {
    for (const key of Object.keys(this.#object)) {
      if (known.includes(key)) continue;
      const nearest = nearestName(key, known);
      const hint = nearest === undefined ? "" : `; did you mean ${JSON.stringify(nearest)}?`;
      const message = `the key ${JSON.stringify(key.slice(0, 253))} is not known and is not in the result${hint}`;
      this.#problems.error(this.at(key), { reason: "unknownKey", message });
    }
  }

  text(key: string, options: { readonly required?: boolean } = {}): string | undefined {
    return this.#read(key, options, (value) => typeof value === "string", "a text") as string | undefined;
  }

  flag(key: string): boolean | undefined {
    return this.#read(key, {}, (value) => typeof value === "boolean", "true or false") as boolean | undefined;
  }

  whole(
    key: string,
    options: { readonly min: number; readonly max: number; readonly required?: boolean },
  ): number | undefined {
    const { min, max } = options;
    const fits = (value: unknown) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
    return this.#read(key, options, fits, `a whole number from ${min} to ${max}`) as number | undefined;
  }

  list(key: string): readonly unknown[] {
    return this.#read(key, {}, Array.isArray, "a list") as readonly unknown[] | undefined ?? [];
  }

  /** Texts of a list; other items are said and left out. */
  texts(key: string): string[] {
    const texts: string[] = [];
    for (const [index, item] of this.list(key).entries()) {
      if (typeof item === "string") texts.push(item);
      else {
        const message = `it must be a text, but is ${typeName(item)}; write it in quotes`;
        this.#problems.error([...this.at(key), index], { reason: "wrongType", message });
      }
    }
    return texts;
  }

  /** Texts by name; other values are said and left out. */
  textMap(key: string): Record<string, string> {
    const map = this.#read(key, {}, isRecord, "an object") as Readonly<Record<string, unknown>> | undefined ?? {};
    const texts: [string, string][] = [];
    for (const [name, value] of Object.entries(map)) {
      if (typeof value === "string") texts.push([name, value]);
      else {
        const message = `it must be a text, but is ${typeName(value)}; write it in quotes`;
        this.#problems.error([...this.at(key), name], { reason: "wrongType", message });
      }
    }
    return Object.fromEntries(texts);
  }

  #read(
    key: string,
    options: { readonly required?: boolean },
    fits: (value: unknown) => boolean,
    right: string,
  ): unknown {
    const value = this.raw(key);
    if (value === undefined) {
      const message = `it is missing; it must be ${right}`;
      if (options.required) this.#problems.error(this.at(key), { reason: "missingField", message });
      return undefined;
    }
    if (fits(value)) return value;
    const shown = typeof value === "number" ? String(value) : typeName(value);
    this.#problems.error(this.at(key), { reason: "wrongType", message: `it must be ${right}, but is ${shown}` });
    return undefined;
  }
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return typeof value === "string" ? `the text ${JSON.stringify(value.slice(0, 64))}` : `${value}`.slice(0, 64);
}
