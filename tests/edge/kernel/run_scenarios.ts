/** Runs scenarios one after the other, in the virtual machine, and says of each how it ended. */
import type { Scenario, ScenarioResult } from "./scenario.ts";

/** Names that a run before this one has told. */
const TOLD = "/run/herald-told";

export async function runScenarios<Stage>(
  scenarios: readonly Scenario<Stage>[],
  { stage, tidy }: { readonly stage: Stage; readonly tidy: () => Promise<void> },
): Promise<void> {
  const told = readTold();
  for (const { name, run } of scenarios) {
    if (told.has(name)) continue;
    const startedAt = performance.now();
    let error: unknown;
    try {
      await run(stage);
    } catch (thrown) {
      error = thrown;
    }
    try {
      await tidy();
    } catch (thrown) {
      error ??= thrown;
    }
    const durationMs = Math.round(performance.now() - startedAt);
    const text = error instanceof Error ? error.stack ?? error.message : `${error}`;
    tell({ name, durationMs, ...(error === undefined ? {} : { error: text }) });
  }
}

function tell(result: ScenarioResult): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(result)}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
  Deno.writeTextFileSync(TOLD, `${result.name}\n`, { append: true });
}

function readTold(): ReadonlySet<string> {
  try {
    return new Set(Deno.readTextFileSync(TOLD).split("\n"));
  } catch {
    return new Set();
  }
}
