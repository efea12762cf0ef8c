/**
 * Command-line flags in Go's syntax (`-x`, `--x`, `=`), with environment variables as their defaults: what a manifest
 * written for MetalLB passes must be understood unchanged (reference §9.1, §9.2).
 *
 * All problems are found in one pass. A flag that MetalLB has and Herald does not use is accepted and reported, so that
 * the program can say once that it has no effect.
 */
import { parseArgs } from "node:util";

export interface FlagSpec {
  readonly kind: "string" | "integer" | "boolean";
  /** Environment variable that gives the value when the flag is absent; an empty variable counts as absent. */
  readonly env?: string;
  readonly default?: string | number | boolean;
  readonly help: string;
  /** Inclusive bounds of an integer. */
  readonly min?: number;
  readonly max?: number;
  /** The only values of a string that are allowed. */
  readonly choices?: readonly string[];
  readonly required?: boolean;
  /** A given but empty text counts as absent, for numbers that are texts in MetalLB. */
  readonly emptyIsAbsent?: boolean;
  /** Accepted because MetalLB has it; it changes nothing here. */
  readonly withoutEffect?: boolean;
}

type FlagSpecs = Readonly<Record<string, FlagSpec>>;

type FlagValue<Spec extends FlagSpec> = Spec["kind"] extends "integer" ? number
  : Spec["kind"] extends "boolean" ? boolean
  : string;

export type FlagValues<Specs extends FlagSpecs> = { readonly [Name in keyof Specs]: FlagValue<Specs[Name]> };

export type FlagsResult<Specs extends FlagSpecs> =
  | { readonly ok: true; readonly values: FlagValues<Specs>; readonly withoutEffect: readonly string[] }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads `args` and `env` by `specs`. Strings default to "", integers to 0, booleans to false. */
export function parseFlags<const Specs extends FlagSpecs>(
  specs: Specs,
  input: { readonly args: readonly string[]; readonly env: Readonly<Record<string, string | undefined>> },
): FlagsResult<Specs> {
  const problems: string[] = [];
  const given = readArguments(specs, input.args, problems);
  const values: Record<string, string | number | boolean> = {};
  const withoutEffect: string[] = [];
  for (const [name, spec] of Object.entries(specs)) {
    const fromEnv = spec.env === undefined ? undefined : input.env[spec.env] || undefined;
    if (spec.emptyIsAbsent && given.get(name) === "") given.delete(name);
    const text = given.get(name) ?? fromEnv;
    const source = given.has(name) || fromEnv === undefined ? `--${name}` : `${spec.env}`;
    if (text !== undefined && spec.withoutEffect) withoutEffect.push(source);
    if (text === undefined && spec.required) {
      problems.push(`--${name} is required${spec.env === undefined ? "" : ` (or the variable ${spec.env})`}`);
    }
    values[name] = text === undefined ? spec.default ?? EMPTY[spec.kind] : readValue(spec, { source, text }, problems);
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, values: values as FlagValues<Specs>, withoutEffect };
}

/** One line per flag, for `--help`. */
export function describeFlags(specs: FlagSpecs): string {
  return Object.entries(specs).map(([name, spec]) => {
    const preset = spec.default === undefined || spec.default === "" ? "" : ` (default ${spec.default})`;
    const env = spec.env === undefined ? "" : ` [${spec.env}]`;
    const effect = spec.withoutEffect ? "; accepted for compatibility, without effect" : "";
    return `  --${name.padEnd(24)} ${spec.help}${preset}${env}${effect}`;
  }).join("\n");
}

const EMPTY = { string: "", integer: 0, boolean: false } as const;

function readArguments(specs: FlagSpecs, args: readonly string[], problems: string[]): Map<string, string> {
  const options = Object.fromEntries(Object.keys(specs).map((name) => [name, { type: "string" as const }]));
  const normalised = args.map((arg) => {
    const match = /^--?([a-z][a-z0-9-]*)(=.*)?$/s.exec(arg);
    if (match === null) return arg;
    const [, name, value] = match;
    return `--${name}${value ?? (specs[name!]?.kind === "boolean" ? "=true" : "")}`;
  });
  const { tokens } = parseArgs({ args: normalised, options, strict: false, tokens: true, allowPositionals: true });
  const given = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === "positional") problems.push(`"${token.value}" is not a flag; flags begin with "--"`);
    if (token.kind !== "option") continue;
    if (!Object.hasOwn(specs, token.name)) {
      problems.push(`${token.rawName} is not a flag of this program; --help lists them`);
    } else if (token.value === undefined || (!token.inlineValue && token.value.startsWith("--"))) {
      problems.push(`${token.rawName} needs a value`);
    } else {
      given.set(token.name, token.value);
    }
  }
  return given;
}

function readValue(
  spec: FlagSpec,
  given: { readonly source: string; readonly text: string },
  problems: string[],
): string | number | boolean {
  const { source, text } = given;
  const refuse = (right: string) => {
    problems.push(`${source}: "${text}" is not ${right}`);
    return EMPTY[spec.kind];
  };
  switch (spec.kind) {
    case "boolean":
      // The spellings of Go's strconv.ParseBool.
      if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
      if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
      return refuse('"true" or "false"');
    case "integer": {
      const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = spec;
      const value = /^-?[0-9]{1,16}$/.test(text) ? Number(text) : NaN;
      return value >= min && value <= max ? value : refuse(`a whole number from ${min} to ${max}`);
    }
    case "string":
      if (spec.choices !== undefined && !spec.choices.includes(text)) {
        return refuse(`one of ${spec.choices.join(", ")}`);
      }
      return text;
  }
}
