/** What `deno task test` is told: tiers, files or folders, and a few options. */
import { type TestFile, TIERS } from "./tiers.ts";

export interface RunnerArguments {
  readonly tiers: readonly string[];
  readonly paths: readonly string[];
  readonly list: boolean;
  readonly help: boolean;
  /** Passed on to `deno test`: `--filter`, `--no-lock`. */
  readonly pass: readonly string[];
}

export const USAGE = `usage: deno task test [TIER…] [FILE|FOLDER…] [--list] [--filter TEXT] [--no-lock]

tiers:
${TIERS.map((tier) => `  ${tier.name.padEnd(11)} ${tier.what}`).join("\n")}
`;

export type ParsedArguments = { readonly ok: true; readonly value: RunnerArguments } | {
  readonly ok: false;
  readonly message: string;
};

export function parseArguments(args: readonly string[]): ParsedArguments {
  const tiers: string[] = [];
  const paths: string[] = [];
  const pass: string[] = [];
  let list = false;
  let help = false;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--list") list = true;
    else if (arg === "--help" || arg === "-h") help = true;
    else if (arg === "--no-lock") pass.push(arg);
    else if (arg.startsWith("--filter=")) pass.push(arg);
    else if (arg === "--filter") {
      const text = args[++i];
      if (text === undefined) return { ok: false, message: "--filter wants a text or a /regular expression/" };
      pass.push(`--filter=${text}`);
    } else if (arg.startsWith("-")) return { ok: false, message: `unknown option ${arg}` };
    else if (TIERS.some((tier) => tier.name === arg)) tiers.push(arg);
    else if (arg.includes("/") || arg.endsWith(".ts")) paths.push(arg.replace(/^\.\//, "").replace(/\/+$/, ""));
    else return { ok: false, message: `"${arg}" is no tier and no path` };
  }
  return { ok: true, value: { tiers, paths, list, help, pass } };
}

/** The files that the arguments mean, in the order of the tiers. */
export function selectFiles(
  files: readonly TestFile[],
  { tiers, paths }: Pick<RunnerArguments, "tiers" | "paths">,
): TestFile[] {
  const wanted = files.filter(({ path, tier }) =>
    (tiers.length === 0 || tiers.includes(tier.name)) &&
    (paths.length === 0 || paths.some((prefix) => path === prefix || path.startsWith(`${prefix}/`)))
  );
  return TIERS.flatMap((tier) => wanted.filter((file) => file.tier === tier));
}
