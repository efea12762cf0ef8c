/**
 * What the virtual machine runs: the scenarios of one list, one after the other, on one node and one client, and says of each how it
 * ended. Started by guest_init.sh.
 */
import { PacketStage } from "../app/packet_stage.ts";
import { loadKernelModules } from "./kernel_modules.ts";
import { tidy } from "./links.ts";
import type { ScenarioResult } from "./scenario.ts";
import { type ScenarioList, SCENARIOS } from "./scenarios.ts";

const MODULES = [
  ...["bonding", "8021q", "vrf", "team_mode_activebackup", "dummy", "veth", "bridge", "macvlan", "ipvlan"],
];

/** What the install manifests exclude. */
const EXCLUSIONS = [...Deno.readTextFileSync("manifests/install/20-config.yaml").matchAll(/^ +- (\^\S+)$/gm)]
  .map((match) => match[1]!);

/** Names that a run before this one has told. */
const TOLD = "/run/herald-told";

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

const told = readTold();
loadKernelModules(Deno.env.get("HERALD_MODULES")!, MODULES);

await PacketStage.run(async (stage) => {
  for (const { name, run } of SCENARIOS[Deno.env.get("HERALD_SCENARIOS") as ScenarioList]) {
    if (told.has(name)) continue;
    const startedAt = performance.now();
    let error: unknown;
    try {
      await run(stage);
    } catch (thrown) {
      error = thrown;
    }
    try {
      await tidy(stage);
      stage.expectAlive();
    } catch (thrown) {
      error ??= thrown;
    }
    const durationMs = Math.round(performance.now() - startedAt);
    const text = error instanceof Error ? error.stack ?? error.message : `${error}`;
    tell({ name, durationMs, ...(error === undefined ? {} : { error: text }) });
  }
}, { exclusions: EXCLUSIONS });
