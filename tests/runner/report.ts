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

/**
 * Joins what a child reported with how it ended: a file that reported nothing has failed, and so has a child that ended
 * badly without a failing test (it crashed, hung, or could not load).
 */
export function judge(
  paths: readonly string[],
  { reported, child, ignoredAreFailures, mayBeEmpty = false }: {
    readonly reported: readonly FileResult[];
    readonly child: Pick<ChildResult, "code" | "timedOut" | "durationMs">;
    readonly ignoredAreFailures: boolean;
    /** With a filter, a file in which nothing matches is in order. */
    readonly mayBeEmpty?: boolean;
  },
): { readonly results: FileResult[]; readonly problems: string[] } {
  const problems: string[] = [];
  const results: FileResult[] = [];
  for (const path of paths) {
    const found = reported.find((result) => result.path === path);
    if (found === undefined || found.passed + found.failed + found.skipped === 0) {
      if (mayBeEmpty && child.code === 0) continue;
      problems.push(`${path} ran no tests`);
      results.push({ path, passed: 0, failed: 1, skipped: 0, durationMs: found?.durationMs ?? 0 });
    } else if (ignoredAreFailures && found.skipped > 0) {
      problems.push(`${path} skips ${found.skipped} of its tests, and with CI=true nothing may be skipped`);
      results.push({ ...found, failed: found.failed + found.skipped, skipped: 0 });
    } else results.push(found);
  }
  if (child.timedOut) problems.push(`ended after its time limit, ${seconds(child.durationMs)}`);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  if ((child.code !== 0 || child.timedOut) && failed === 0) {
    problems.push(`the process ended with code ${child.code}, though no test failed`);
    const last = results.at(-1) ?? { path: paths.at(-1) ?? "?", passed: 0, failed: 0, skipped: 0, durationMs: 0 };
    results.splice(Math.max(0, results.length - 1), 1, { ...last, failed: last.failed + 1 });
  }
  return { results, problems };
}
