/**
 * `deno task test`: runs the tiers of DESIGN §8, each with its own permissions, and sums them up.
 *
 * One line per file; the full output of what failed; the last line is `N passed, N failed` (and `, N skipped`), without
 * colour. What the machine lacks is skipped with the line to type; nothing is installed. With CI=true a skip is a
 * failure. A file with a process of its own that fails while the machine itself stood still is run once more, and that
 * is said. Exit code: 0 all passed, 1 something failed, 2 the arguments make no sense.
 */
import { parseArguments, type RunnerArguments, selectFiles, USAGE } from "./runner/arguments.ts";
import { ChildRunner } from "./runner/child.ts";
import { type FileResult, parseJunit } from "./runner/junit.ts";
import { howToGet, type MachineFacts, missingNeeds, probeNamespaces } from "./runner/needs.ts";
import { PauseWatch } from "./runner/pause_watch.ts";
import { fileLine, judge, outputOfFailures, resultLine, seconds, type Totals } from "./runner/report.ts";
import { describeTestFile, groupFiles, type TestFile, TIERS } from "./runner/tiers.ts";
import { findTool } from "./support/kube_tools.ts";
import { filesBelow, readText } from "./repository/repository_files.ts";

const say = (line: string): void => {
  const bytes = new TextEncoder().encode(`${line}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};

interface RunOptions {
  readonly ci: boolean;
  readonly pass: readonly string[];
  /** For what the children report. */
  readonly folder: string;
}

interface RunDeps {
  readonly children: ChildRunner;
  readonly machine: MachineFacts;
  readonly pauses: Pick<PauseWatch, "count">;
}

interface Outcome {
  readonly results: readonly FileResult[];
  readonly problems: readonly string[];
  readonly output: string;
}

class Run {
  readonly #options: RunOptions;
  readonly #deps: RunDeps;
  readonly #totals = { passed: 0, failed: 0, skipped: 0 };
  readonly #missing = new Set<string>();

  constructor(options: RunOptions, deps: RunDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  async files(files: readonly TestFile[]): Promise<Totals> {
    for (const tier of TIERS) {
      const ofTier = files.filter((file) => file.tier === tier);
      if (ofTier.length === 0) continue;
      say(`${tier.name}: ${tier.what}`);
      const groups = groupFiles(ofTier).values();
      await Promise.all(Array.from({ length: tier.parallel ?? 1 }, async () => {
        for (const group of groups) await this.#group(group);
      }));
    }
    if (this.#missing.size > 0) {
      say("\nTo run what was skipped:");
      for (const line of howToGet([...this.#missing])) say(`  ${line}`);
    }
    return this.#totals;
  }

  async #group(group: readonly TestFile[]): Promise<void> {
    const { needs, tier } = group[0]!;
    const missing = missingNeeds(needs, this.#deps.machine);
    if (missing.length > 0) return this.#skip(group, missing);
    const pausesBefore = this.#deps.pauses.count;
    let outcome = await this.#run(group);
    this.#tell(outcome, group);
    if (hasFailed(outcome) && tier.perFile && this.#deps.pauses.count > pausesBefore) {
      say(`  The machine stood still meanwhile, so it is run once more, and that counts.\n`);
      outcome = await this.#run(group);
      this.#tell(outcome, group);
    }
    for (const result of outcome.results) {
      this.#totals.passed += result.passed;
      this.#totals.failed += result.failed;
      this.#totals.skipped += result.skipped;
    }
  }

  async #run(group: readonly TestFile[]): Promise<Outcome> {
    const { tier } = group[0]!;
    const paths = group.map((file) => file.path);
    const junit = `${this.#options.folder}/${paths[0]!.replaceAll("/", "_")}.xml`;
    await Deno.remove(junit).catch(() => {});
    const { command, args } = this.#command(group, junit);
    const child = await this.#deps.children.run(command, { args, env: childEnvironment(), limitMs: tier.limitMs });
    const reported = parseJunit(await Deno.readTextFile(junit).catch(() => ""));
    const { results, problems } = judge(paths, {
      reported,
      child,
      ignoredAreFailures: this.#options.ci,
      mayBeEmpty: this.#options.pass.some((option) => option.startsWith("--filter")),
    });
    // A process for one file is measured as a whole: start and clean-up are a part of what such a file costs.
    const timed = tier.perFile ? results.map((result) => ({ ...result, durationMs: child.durationMs })) : results;
    return { results: timed, problems, output: child.output };
  }

  #tell(outcome: Outcome, group: readonly TestFile[]): void {
    for (const result of outcome.results) say(fileLine(result));
    if (!hasFailed(outcome)) return;
    say(`\n${outputOfFailures(outcome.output)}\n`);
    for (const problem of outcome.problems) say(`  FAILED ${problem}`);
    say(`  again: deno task test ${group.length === 1 ? group[0]!.path : group[0]!.tier.name}\n`);
  }

  #skip(group: readonly TestFile[], missing: readonly string[]): void {
    for (const need of missing) this.#missing.add(need);
    this.#totals[this.#options.ci ? "failed" : "skipped"] += group.length;
    for (const { path } of group) {
      say(`  ${this.#options.ci ? "FAILED" : "skip  "} ${path}  needs ${missing.join(", ")}`);
    }
  }

  #command(group: readonly TestFile[], junit: string): { readonly command: string; readonly args: readonly string[] } {
    const { flags, needs } = group[0]!;
    // Types are checked once for all by `deno task check`, not by every run.
    const test = ["test", "--no-check", "--no-prompt", `--junit-path=${junit}`, ...this.#options.pass, ...flags];
    const args = [...test, ...group.map((file) => file.path)];
    const wrap = needs.includes("namespaces") && this.#deps.machine.namespaces === "unshare";
    if (!wrap) return { command: Deno.execPath(), args };
    return { command: "unshare", args: ["--user", "--map-root-user", Deno.execPath(), ...args] };
  }
}

function hasFailed({ results, problems }: Outcome): boolean {
  return problems.length > 0 || results.some((result) => result.failed > 0);
}

function childEnvironment(): Record<string, string> {
  // Debian's users have no sbin on their PATH, and tcpdump and arping live there.
  const path = `${Deno.env.get("PATH") ?? "/usr/bin:/bin"}:/usr/sbin:/sbin`;
  return { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", PATH: path };
}

async function run(args: RunnerArguments): Promise<number> {
  const all = filesBelow("tests").map((path) => describeTestFile(path, /_test\.ts$/.test(path) ? readText(path) : ""))
    .filter((file) => file !== undefined);
  const files = selectFiles(all, args);
  if (files.length === 0) {
    say(`no test file matches\n\n${USAGE}`);
    return 2;
  }
  if (args.list) {
    for (const { path, tier, needs } of files) {
      say(`${tier.name.padEnd(11)} ${path}${needs.length > 0 ? `  (${needs.join(", ")})` : ""}`);
    }
    return 0;
  }
  const needsNamespaces = files.some((file) => file.needs.includes("namespaces"));
  const machine: MachineFacts = {
    hasCommand: (name) => findTool(name) !== undefined,
    namespaces: needsNamespaces ? await probeNamespaces() : "none",
  };
  const children = new ChildRunner();
  const pauses = new PauseWatch();
  // Not where TMPDIR points: `deno task test` may write to /tmp only.
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "herald-test-" });
  const interrupted = (): void => {
    children.killAll();
    Deno.removeSync(folder, { recursive: true });
    Deno.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) Deno.addSignalListener(signal, interrupted);
  const startedAt = performance.now();
  try {
    const runner = new Run({ ci: Deno.env.get("CI") === "true", pass: args.pass, folder }, {
      children,
      machine,
      pauses,
    });
    const totals = await runner.files(files);
    const stoodStill = pauses.count > 0
      ? `; the machine stood still ${pauses.count}x, for ${seconds(pauses.longestMs)} at most`
      : "";
    say(`\n${files.length} files in ${seconds(Math.round(performance.now() - startedAt))}${stoodStill}`);
    say(resultLine(totals));
    return totals.failed > 0 ? 1 : 0;
  } finally {
    pauses.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const parsed = parseArguments(Deno.args);
  if (!parsed.ok) say(`${parsed.message}\n\n${USAGE}`);
  else if (parsed.value.help) say(USAGE);
  Deno.exit(!parsed.ok ? 2 : parsed.value.help ? 0 : await run(parsed.value));
}
