/** The lines the runner prints, as functions of plain data; without colour, so that a pipe reads what a person reads. */
import type { ChildResult } from "./child.ts";
import type { FileResult } from "./junit.ts";

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The last line of every run. */
export function resultLine({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

export function fileLine(result: FileResult): string {
  const mark = result.failed > 0 ? "FAILED" : "ok";
  const counts = [`${result.passed} passed`];
  if (result.failed > 0) counts.push(`${result.failed} failed`);
  if (result.skipped > 0) counts.push(`${result.skipped} skipped`);
  return `  ${mark.padEnd(6)} ${result.path}  ${counts.join(", ")}  ${seconds(result.durationMs)}`;
}

export function seconds(durationMs: number): string {
  return durationMs < 1000 ? `${durationMs} ms` : `${(durationMs / 1000).toFixed(1)} s`;
}

/** What a child said, without the lines of tests that passed. */
export function outputOfFailures(output: string): string {
  return output.split("\n")
    .filter((line) =>
      !/ \.\.\. (ok|ignored)\b.*\)$/.test(line) && !/^(Check |Download |Stack backtrace:|\s+0: <unknown>)/.test(line)
    )
    .filter((line, index, lines) =>
      !(line.startsWith("running ") && (lines[index + 1] ?? "running ").startsWith("running "))
    )
    .join("\n").trim();
}

export interface Reported {
  /** As JUnit says: by the file in which `Deno.test` stands. */
  readonly reported: readonly FileResult[];
  readonly child: Pick<ChildResult, "code" | "timedOut" | "durationMs" | "output">;
  readonly ignoredAreFailures: boolean;
  /** With a filter, a file in which nothing matches is in order. */
  readonly mayBeEmpty?: boolean;
}

/**
 * Joins what a child reported with how it ended: a file that ran nothing has failed, and so has a child that ended badly
 * without a failing test (it crashed, hung, or could not load).
 *
 * A suite that several files share is reported under the suite's own path, so that is a row of its own; a child for one
 * file keeps everything under that file.
 */
export function judge(
  paths: readonly string[],
  { reported, child, ignoredAreFailures, mayBeEmpty = false }: Reported,
): { readonly results: FileResult[]; readonly problems: string[] } {
  const problems: string[] = [];
  const found = paths.length === 1 && reported.length > 0 ? [merge(paths[0]!, reported)] : [...reported];
  const ran = filesThatRan(child.output);
  for (const path of paths) {
    if (found.some((result) => result.path === path && total(result) > 0)) continue;
    // Its tests all stand in a suite that it shares.
    if (reported.length > 0 && ran.has(path)) continue;
    if (mayBeEmpty && child.code === 0) continue;
    problems.push(`${path} ran no tests`);
    found.push({ path, passed: 0, failed: 1, skipped: 0, durationMs: 0 });
  }
  const results = found.filter((result) => total(result) > 0).map((result) => {
    if (!ignoredAreFailures || result.skipped === 0) return result;
    problems.push(`${result.path} skips ${result.skipped} of its tests, and with CI=true nothing may be skipped`);
    return { ...result, failed: result.failed + result.skipped, skipped: 0 };
  });
  if (child.timedOut) problems.push(`ended after its time limit, ${seconds(child.durationMs)}`);
  if ((child.code !== 0 || child.timedOut) && results.every((result) => result.failed === 0)) {
    problems.push(`the process ended with code ${child.code}, though no test failed`);
    const last = results.pop() ?? { path: paths.at(-1) ?? "?", passed: 0, failed: 0, skipped: 0, durationMs: 0 };
    results.push({ ...last, failed: last.failed + 1 });
  }
  return { results, problems };
}

function total(result: FileResult): number {
  return result.passed + result.failed + result.skipped;
}

function merge(path: string, results: readonly FileResult[]): FileResult {
  const sum = (count: (result: FileResult) => number) => results.reduce((all, result) => all + count(result), 0);
  return {
    path,
    passed: sum((result) => result.passed),
    failed: sum((result) => result.failed),
    skipped: sum((result) => result.skipped),
    durationMs: sum((result) => result.durationMs),
  };
}

/** Files of which Deno's own output says that they ran at least one test. */
function filesThatRan(output: string): Set<string> {
  return new Set([...output.matchAll(/^running [1-9]\d* tests? from (?:\.\/)?(\S+)$/gm)].map((match) => match[1]!));
}
