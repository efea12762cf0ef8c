/**
 * What a sub-command of `herald` is: a name, its flags, and a function from a call to an exit code.
 *
 * A command sees the world through its call only (files, output, environment), so that tests run it in process with
 * injected ones. Heavy modules are imported inside `run`, so that help and completion stay quick.
 */
import type { FlagSpec, FlagSpecs, FlagValues } from "../flags.ts";
import type { InputFiles } from "./input.ts";
import { DEFAULT_NAMESPACE } from "./namespaces.ts";
import type { Output } from "./output.ts";

/** DESIGN §7: done (warnings allowed), it did not work or is invalid, called wrongly or not readable. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The world of a command. */
export interface CliWorld {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly files: InputFiles;
  /** `undefined` for a variable that is not set or empty. */
  readonly env: (name: string) => string | undefined;
}

export interface CommandCall<Specs extends FlagSpecs> extends CliWorld {
  readonly flags: FlagValues<Specs>;
  readonly words: readonly string[];
}

/** Words behind the command that are no flags. */
export interface WordsSpec {
  /** As the usage line shows it, e.g. `NAMESPACE/SERVICE`. */
  readonly name: string;
  readonly help: string;
  readonly min: number;
  readonly max: number;
  /** The only words that are allowed. */
  readonly choices?: readonly string[];
}

export interface CommandSpec<Specs extends FlagSpecs> {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** Paragraphs for the command's own help. */
  readonly details?: string;
  /** Lines that can be typed, without the leading blanks. */
  readonly examples?: readonly string[];
  readonly flags: Specs;
  readonly words?: WordsSpec;
  readonly run: (call: CommandCall<Specs>) => Promise<number> | number;
}

/** A command whose flags are no longer known by type: what the table of commands holds. */
export interface Command extends Omit<CommandSpec<FlagSpecs>, "run"> {
  readonly run: (call: CommandCall<FlagSpecs>) => Promise<number> | number;
}

/** Checks the flags' types where the command is written, and forgets them for the table. */
export function defineCommand<const Specs extends FlagSpecs>(spec: CommandSpec<Specs>): Command {
  return { ...spec, run: (call) => spec.run(call as CommandCall<Specs>) };
}

/** `-f`, the same for every command that reads objects. */
export const FILENAME_FLAG = {
  kind: "list",
  short: "f",
  placeholder: "FILE|FOLDER|-",
  help: "file, folder (with its sub-folders) or - for standard input; may be repeated",
} as const satisfies FlagSpec;

export const NAMESPACE_FLAG = {
  kind: "string",
  short: "n",
  default: DEFAULT_NAMESPACE,
  help: "namespace of the metallb.io objects",
} as const satisfies FlagSpec;

/** `-o`: what the command prints for people, or JSON for programs. */
export const OUTPUT_FLAG = {
  kind: "string",
  short: "o",
  default: "text",
  choices: ["text", "json"],
  help: "output: text or json",
} as const satisfies FlagSpec;
