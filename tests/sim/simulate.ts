/**
 * `deno task sim`: plays seeds of the simulation and prints what happened.
 *
 *     deno task sim --seed 42            one seed, with its story
 *     deno task sim --seed 42 --nodes 5  the same story-teller with another number of nodes
 *     deno task sim --seed 42 -v         with what the speakers report
 *     deno task sim --seeds 1-100        many, one line for each that fails
 */
import { runSeed, SEEDS } from "./run_seed.ts";

const USAGE = `usage: deno task sim [--seed N | --seeds FIRST-LAST] [--nodes N] [-v]

Plays seeds of the simulated cluster (all ${SEEDS} of them without --seed) and prints the story of one, or what fails.
`;

const say = (text: string): void => {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};

interface Arguments {
  first: number;
  last: number;
  nodes: number | undefined;
  verbose: boolean;
}

function parse(args: readonly string[]): Arguments | undefined {
  const parsed: Arguments = { first: 1, last: SEEDS, nodes: undefined, verbose: false };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "-v") {
      parsed.verbose = true;
      continue;
    }
    const [, first, last] = /^([1-9]\d{0,8})(?:-([1-9]\d{0,8}))?$/.exec(args[++i] ?? "") ?? [];
    if (first === undefined) return undefined;
    if (arg === "--seed" && last === undefined) parsed.first = parsed.last = Number(first);
    else if (arg === "--seeds" && last !== undefined) [parsed.first, parsed.last] = [Number(first), Number(last)];
    else if (arg === "--nodes" && last === undefined && Number(first) <= 100) parsed.nodes = Number(first);
    else return undefined;
  }
  return parsed;
}

async function main(args: readonly string[]): Promise<number> {
  const parsed = parse(args);
  if (parsed === undefined) {
    say(USAGE);
    return 2;
  }
  const { first, last, nodes, verbose } = parsed;
  const startedAt = performance.now();
  let failed = 0;
  for (let seed = first; seed <= last; seed++) {
    try {
      const story = await runSeed(seed, { nodes, verbose });
      if (first === last) say(story.join("\n"));
    } catch (error) {
      failed++;
      say(error instanceof Error ? first === last ? error.stack ?? error.message : error.message : String(error));
    }
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  say(`\n${last - first + 1} seeds in ${seconds} s: ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
