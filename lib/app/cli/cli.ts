/**
 * The `herald` command: finds the sub-command, reads its flags and hands over.
 *
 * Exit codes (DESIGN §7): 0 done, 1 it did not work or something is invalid, 2 it was called wrongly or cannot read
 * what it was given. What went wrong is on standard error, what was asked for on standard output.
 */
import { nearestName } from "../../decision/config/nearest_name.ts";
import { describeFlags, type FlagSpecs, flagsWidth, HELP_COLUMNS, parseFlags } from "../flags.ts";
import { VERSION } from "../version.ts";
import { type CliWorld, type Command, EXIT } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { processFiles } from "./input.ts";
import { columnsOf, type Output, processOutput, wrapped } from "./output.ts";

/** Runs the command line of this process. */
export async function runCli(args: readonly string[]): Promise<number> {
  const stdout = processOutput(Deno.stdout, env);
  const stderr = processOutput(Deno.stderr, env);
  return await runCommandLine(args, { world: { stdout, stderr, files: processFiles(), env } });
}

/** Without the permission to read a variable it is as if it were not set: help needs no permission. */
function env(name: string): string | undefined {
  try {
    return Deno.env.get(name) || undefined;
  } catch {
    return undefined;
  }
}

/** The same in a given world; `commands` is injected by tests. */
export async function runCommandLine(
  args: readonly string[],
  options: { readonly world: CliWorld; readonly commands?: readonly Command[] | undefined },
): Promise<number> {
  const { world, commands = COMMANDS } = options;
  const [name, ...rest] = args;
  if (name === undefined) {
    world.stderr.write(helpOf(commands));
    return EXIT.usage;
  }
  if (name === "--version") {
    world.stdout.write(`herald ${VERSION}\n`);
    return EXIT.done;
  }
  if (name === "--help" || name === "-h" || name === "help") {
    const wanted = name === "help" ? commands.find((command) => command.name === rest[0]) : undefined;
    if (name === "help" && rest[0] !== undefined && wanted === undefined) return unknown(rest[0], { world, commands });
    world.stdout.write(wanted === undefined ? helpOf(commands) : helpOfCommand(wanted, world.stdout));
    return EXIT.done;
  }
  const command = commands.find((each) => each.name === name);
  if (command === undefined) return unknown(name, { world, commands });
  if (asksForHelp(rest)) {
    world.stdout.write(helpOfCommand(command, world.stdout));
    return EXIT.done;
  }
  return await runCommand(command, { args: rest, world });
}

async function runCommand(
  command: Command,
  { args, world }: { args: readonly string[]; world: CliWorld },
): Promise<number> {
  const env = environmentOf(command.flags, world);
  const parsed = parseFlags<FlagSpecs>(command.flags, { args, env, positionals: true });
  const problems = parsed.ok ? wordProblems(command, parsed.positionals) : parsed.problems;
  if (!parsed.ok || problems.length > 0) {
    const lines = problems.map((problem) => `herald ${command.name}: ${problem}\n`);
    world.stderr.write(`${lines.join("")}usage: ${usageOf(command)}\n`);
    return EXIT.usage;
  }
  try {
    return await command.run({ ...world, flags: parsed.values, words: parsed.positionals });
  } catch (error) {
    // A bug, or a permission that was not given: said in one line, the stack only to those who ask.
    const text = error instanceof Error ? error.message : String(error);
    world.stderr.write(`herald ${command.name}: ${text}\n`);
    if (world.env("HERALD_DEBUG") !== undefined && error instanceof Error) world.stderr.write(`${error.stack}\n`);
    return EXIT.failed;
  }
}

function environmentOf(flags: FlagSpecs, world: CliWorld): Record<string, string | undefined> {
  const names = Object.values(flags).flatMap(({ env }) => env === undefined ? [] : [env]);
  return Object.fromEntries(names.map((name) => [name, world.env(name)]));
}

function wordProblems({ words: spec }: Command, words: readonly string[]): string[] {
  const { min, max, name, choices } = spec ?? { min: 0, max: 0, name: "", choices: undefined };
  if (words.length > max) {
    return words.slice(max).map((word) => `"${word}" is one word too many${max === 0 ? "; flags begin with -" : ""}`);
  }
  if (words.length < min) return [`${name} is missing${choices === undefined ? "" : `: ${choices.join(", ")}`}`];
  return words.filter((word) => choices !== undefined && !choices.includes(word))
    .map((word) => `"${word}" is not one of ${choices!.join(", ")}`);
}

function unknown(name: string, { world, commands }: { world: CliWorld; commands: readonly Command[] }): number {
  const nearest = nearestName(name, commands.map((command) => command.name));
  const hint = nearest === undefined ? "herald --help lists them" : `did you mean "${nearest}"?`;
  world.stderr.write(`herald: "${name}" is not a command; ${hint}\n`);
  return EXIT.usage;
}

/** Not behind `--`, where words may be anything. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  const before = end < 0 ? args : args.slice(0, end);
  return before.includes("--help") || before.includes("-h");
}

function helpOf(commands: readonly Command[]): string {
  const rows = columnsOf(commands.map(({ name, summary }) => [`  ${name}`, summary]));
  return `herald ${VERSION}: external addresses for Services of type LoadBalancer, on bare metal

usage: herald COMMAND [FLAG…]

${rows.join("\n")}

herald COMMAND --help shows the flags of a command.
`;
}

function helpOfCommand(command: Command, output: Output): string {
  const { summary, details, flags, words, examples } = command;
  const columns = Math.min(output.columns ?? HELP_COLUMNS, HELP_COLUMNS);
  const parts = [`herald ${command.name}: ${summary}`, `usage: ${usageOf(command)}`];
  if (details !== undefined) parts.push(wrapped(details, { columns, indent: "" }));
  if (words !== undefined) parts.push(`  ${words.name.padEnd(flagsWidth(flags))}  ${words.help}`);
  if (Object.keys(flags).length > 0) parts.push(describeFlags(flags, { columns }));
  if (examples !== undefined) parts.push(`examples:\n${examples.map((line) => `  ${line}`).join("\n")}`);
  return `${parts.join("\n\n")}\n`;
}

function usageOf({ name, words, flags }: Command): string {
  const parts = [`herald ${name}`];
  if (words !== undefined) {
    const word = `${words.name}${words.max > 1 ? "…" : ""}`;
    parts.push(words.min > 0 ? word : `[${word}]`);
  }
  for (const [flag, { kind, short, placeholder, required }] of Object.entries(flags)) {
    if (placeholder === undefined) continue;
    const text = `${short === undefined ? `--${flag}` : `-${short}`} ${placeholder}${kind === "list" ? "…" : ""}`;
    parts.push(required ? text : `[${text}]`);
  }
  if (Object.keys(flags).length > 0) parts.push("[FLAG…]");
  return parts.join(" ");
}
