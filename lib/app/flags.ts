/**
 * Command-line flags in Go's syntax (`-x`, `--x`, `=`), with environment variables as their defaults: what a manifest
 * written for MetalLB passes must be understood unchanged (reference §9.1, §9.2).
 *
 * All problems are found in one pass. A flag that MetalLB has and Herald does not use is accepted and reported, so that
 * the program can say once that it has no effect.
 */
import { parseArgs } from "node:util";
import { nearestName } from "../decision/config/nearest_name.ts";
import { wrapped } from "./cli/output.ts";

export interface FlagSpec {
  /** A `list` may be given several times and keeps every value in order. */
  readonly kind: "string" | "integer" | "boolean" | "list";
  /** One letter: `-f X`, `-fX` and `-f=X` are the same flag. */
  readonly short?: string;
  /** Environment variable that gives the value when the flag is absent; an empty variable counts as absent. */
  readonly env?: string;
  readonly default?: string | number | boolean;
  readonly help: string;
  /** Shows the flag in the usage line, with this in place of its value. */
  readonly placeholder?: string;
  /** Inclusive bounds of an integer. */
  readonly min?: number;
  readonly max?: number;
  /** The only values of a string that are allowed; shown by `--help` and completed by the shell. */
  readonly choices?: readonly string[];
  readonly required?: boolean;
  /** A given but empty text counts as absent: for numbers that are texts in MetalLB, and for names that nothing has. */
  readonly emptyIsAbsent?: boolean;
  /** Accepted because MetalLB has it; it changes nothing here. */
  readonly withoutEffect?: boolean;
}

export type FlagSpecs = Readonly<Record<string, FlagSpec>>;

type FlagValue<Spec extends FlagSpec> = Spec["kind"] extends "integer" ? number
  : Spec["kind"] extends "boolean" ? boolean
  : Spec["kind"] extends "list" ? readonly string[]
  : string;

export type FlagValues<Specs extends FlagSpecs> = { readonly [Name in keyof Specs]: FlagValue<Specs[Name]> };

export type FlagsResult<Specs extends FlagSpecs> =
  | {
    readonly ok: true;
    readonly values: FlagValues<Specs>;
    readonly positionals: readonly string[];
    readonly withoutEffect: readonly string[];
  }
  | { readonly ok: false; readonly problems: readonly string[] };

export interface FlagsInput {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Words that are no flags are taken, not refused. */
  readonly positionals?: boolean;
}

/** Reads `args` and `env` by `specs`. Strings default to "", integers to 0, booleans to false, lists to none. */
export function parseFlags<const Specs extends FlagSpecs>(specs: Specs, input: FlagsInput): FlagsResult<Specs> {
  const problems: string[] = [];
  const { given, lists, positionals } = readArguments(specs, input.args, problems);
  if (input.positionals !== true) {
    for (const word of positionals) problems.push(`"${word}" is not a flag; flags begin with "--"`);
  }
  const values: Record<string, string | number | boolean | readonly string[]> = {};
  const withoutEffect: string[] = [];
  for (const [name, spec] of Object.entries(specs)) {
    const fromEnv = spec.env === undefined ? undefined : input.env[spec.env] || undefined;
    if (spec.emptyIsAbsent && given.get(name) === "") given.delete(name);
    const text = given.get(name) ?? fromEnv;
    const source = given.has(name) || fromEnv === undefined ? `--${name}` : `${spec.env}`;
    if (text !== undefined && spec.withoutEffect) withoutEffect.push(source);
    if (text === undefined && spec.required) {
      const flag = spec.short === undefined ? `--${name}` : `-${spec.short} (--${name})`;
      problems.push(`${flag} is required${spec.env === undefined ? "" : ` (or the variable ${spec.env})`}`);
    }
    if (spec.kind === "list") {
      values[name] = lists.get(name) ?? (fromEnv === undefined ? [] : [fromEnv]);
      continue;
    }
    values[name] = text === undefined ? spec.default ?? EMPTY[spec.kind] : readValue(spec, { source, text }, problems);
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, values: values as FlagValues<Specs>, positionals, withoutEffect };
}

/** Lines of help are for reading: longer ones are hard to, on the widest terminal too. */
export const HELP_COLUMNS = 100;

/** For `--help`: one line per flag, or several where `columns` are too few; those without effect stand together at the end. */
export function describeFlags(specs: FlagSpecs, options: { columns?: number } = {}): string {
  const { columns } = options;
  const width = flagsWidth(specs);
  const indent = " ".repeat(width + 4);
  const useful = Object.entries(specs).filter(([, { withoutEffect }]) => !withoutEffect);
  const lines = useful.map(([name, spec]) => {
    const preset = spec.default === undefined || spec.default === "" ? "" : ` (default ${spec.default})`;
    const help = `${spec.help}${preset}${variableOf(spec)}`;
    return `  ${spelling(name, spec).padEnd(width)}  ${wrapped(help, { columns, indent })}`;
  });
  const idle = Object.entries(specs).filter(([, { withoutEffect }]) => withoutEffect)
    .map(([name, spec]) => `${spelling(name, spec)}${variableOf(spec)}`);
  if (idle.length === 0) return lines.join("\n");
  const list = wrapped(idle.join(", "), { columns, indent: "  " });
  return `${lines.join("\n")}\n\nAccepted for compatibility, without effect:\n  ${list}`;
}

function variableOf({ env }: FlagSpec): string {
  return env === undefined ? "" : ` [${env}]`;
}

/** Characters of the longest flag that does something. */
export function flagsWidth(specs: FlagSpecs): number {
  const useful = Object.entries(specs).filter(([, { withoutEffect }]) => !withoutEffect);
  return Math.max(26, ...useful.map(([name, spec]) => spelling(name, spec).length));
}

function spelling(name: string, { short }: FlagSpec): string {
  return short === undefined ? `--${name}` : `-${short}, --${name}`;
}

const EMPTY = { string: "", integer: 0, boolean: false } as const;

interface Given {
  /** The last value of each flag. */
  readonly given: Map<string, string>;
  /** Every value of each flag, in order. */
  readonly lists: Map<string, string[]>;
  readonly positionals: readonly string[];
}

function readArguments(specs: FlagSpecs, args: readonly string[], problems: string[]): Given {
  const options = Object.fromEntries(Object.keys(specs).map((name) => [name, { type: "string" as const }]));
  const normalised = normaliseArguments(specs, args);
  const { tokens } = parseArgs({ args: normalised, options, strict: false, tokens: true, allowPositionals: true });
  const given = new Map<string, string>();
  const lists = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    if (!Object.hasOwn(specs, token.name)) {
      const nearest = token.rawName.startsWith("--") ? nearestName(token.name, Object.keys(specs)) : undefined;
      const hint = nearest === undefined ? "--help lists them" : `did you mean --${nearest}?`;
      problems.push(`${token.rawName} is not a flag of this program; ${hint}`);
    } else if (token.value === undefined || (!token.inlineValue && token.value.startsWith("--"))) {
      problems.push(`${token.rawName} needs a value`);
    } else {
      given.set(token.name, token.value);
      const list = lists.get(token.name);
      if (list === undefined) lists.set(token.name, [token.value]);
      else list.push(token.value);
    }
  }
  return { given, lists, positionals };
}

/** Writes every flag in the one form `--name=value` or `--name value`; what stands behind `--` is left alone. */
function normaliseArguments(specs: FlagSpecs, args: readonly string[]): string[] {
  const names = new Map<string, string>();
  for (const [name, { short }] of Object.entries(specs)) if (short !== undefined) names.set(short, name);
  const end = args.indexOf("--");
  return args.map((arg, index) => {
    if (end >= 0 && index >= end) return arg;
    const match = /^--?([a-z][a-z0-9-]*)(=.*)?$/s.exec(arg);
    const known = match !== null && Object.hasOwn(specs, match[1]!);
    // `-f X`, `-f=X` and, unless a flag has that whole name, `-fX`.
    const letter = /^-([a-zA-Z])(=?)(.*)$/s.exec(arg);
    const long = letter === null || known ? undefined : names.get(letter[1]!);
    if (long !== undefined) {
      const [, , equals, rest] = letter!;
      if (equals === "" && rest === "") return specs[long]!.kind === "boolean" ? `--${long}=true` : `--${long}`;
      return `--${long}=${rest}`;
    }
    if (match === null) return arg;
    const [, name, value] = match;
    return `--${name}${value ?? (specs[name!]?.kind === "boolean" ? "=true" : "")}`;
  });
}

function readValue(
  spec: FlagSpec,
  given: { readonly source: string; readonly text: string },
  problems: string[],
): string | number | boolean {
  const { source, text } = given;
  const refuse = (right: string) => {
    problems.push(`${source}: "${text}" is not ${right}`);
    return "";
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
    default:
      if (spec.choices !== undefined && !spec.choices.includes(text)) {
        return refuse(`one of ${spec.choices.join(", ")}`);
      }
      return text;
  }
}
