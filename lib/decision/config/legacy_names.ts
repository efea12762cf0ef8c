/**
 * Names of the old configuration as names of Kubernetes objects (reference §10.3): those that fit stay, the others are
 * cut, lower-cased and cleaned, and two that become the same are told apart. Every change is said.
 */
import { type LegacyProblems, type Path } from "./legacy_fields.ts";

const FITS = /^[a-z][-a-z0-9]{0,61}[a-z0-9]$/;
const LENGTH_MAX = 63;

/** `undefined` when the name has no letter. */
export function fixedName(name: string): string | undefined {
  if (FITS.test(name)) return name;
  // What MetalLB's converter does, ...
  const lower = name.slice(0, LENGTH_MAX).toLowerCase().replaceAll("_", "-").replace(/^[^a-z]+/, "");
  // ... and what it leaves undone: other characters that no object's name may have.
  const clean = lower.replace(/[^a-z0-9.-]/g, "-").replace(/\.(?=[.-])|-(?=\.)/g, "").replace(/[^a-z0-9]+$/, "");
  return clean === "" ? undefined : clean;
}

/** Names of one kind: each original name has one new one. */
export class LegacyNames {
  readonly #kind: string;
  readonly #problems: LegacyProblems;
  readonly #byOriginal = new Map<string, string>();
  readonly #taken = new Set<string>();

  constructor(options: { readonly kind: string; readonly reserved: readonly string[] }, deps: {
    readonly problems: LegacyProblems;
  }) {
    this.#kind = options.kind;
    this.#problems = deps.problems;
    // A name that fits is nobody else's, wherever it stands in the file.
    for (const name of options.reserved) if (FITS.test(name)) this.#reserved.add(name);
  }

  readonly #reserved = new Set<string>();

  /** `hint` is said with a new name: what else names the object. */
  take(original: string, options: { readonly path: Path; readonly hint: string }): string | undefined {
    const { path, hint } = options;
    const quoted = JSON.stringify(original.slice(0, 253));
    const fixed = fixedName(original);
    if (fixed === undefined) {
      const message = `${quoted} has no letter that an object's name could begin with; give it another name`;
      this.#problems.error(path, { reason: "invalidValue", message });
      return undefined;
    }
    if (this.#byOriginal.has(original)) {
      const message = `another ${this.#kind} is named ${quoted}; this one is not in the result`;
      this.#problems.error(path, { reason: "duplicateName", message });
      return undefined;
    }
    const name = this.#free(fixed, original);
    this.#byOriginal.set(original, name);
    this.#taken.add(name);
    if (name !== original) {
      this.#problems.warning(path, { reason: "renamed", message: `${quoted} becomes ${JSON.stringify(name)}${hint}` });
    }
    return name;
  }

  /** The new name of an object that was taken before. */
  of(original: string): string | undefined {
    return this.#byOriginal.get(original);
  }

  #free(fixed: string, original: string): string {
    const isFree = (name: string) => !this.#taken.has(name) && (name === original || !this.#reserved.has(name));
    if (isFree(fixed)) return fixed;
    for (let number = 2;; number++) {
      const suffix = `-${number}`;
      const name = fixed.slice(0, LENGTH_MAX - suffix.length) + suffix;
      if (isFree(name)) return name;
    }
  }
}
