/** Declares a test on the host for each scenario of a list, which one virtual machine runs. */
import { KernelMachine } from "./kernel_machine.ts";
import { type ScenarioList, SCENARIOS } from "./scenarios.ts";

export function declareTests(list: ScenarioList): void {
  let started: KernelMachine | undefined;
  for (const { name } of SCENARIOS[list]) {
    // The machine is one for all of them: it runs on between two tests.
    Deno.test(name, { sanitizeOps: false, sanitizeResources: false }, async () => {
      started ??= new KernelMachine(list);
      await started.expectPassed(name);
      if (name === SCENARIOS[list].at(-1)?.name) await started.ended();
    });
  }
}
