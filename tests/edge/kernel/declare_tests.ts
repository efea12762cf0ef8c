/** Declares a test on the host for each scenario, all of which one virtual machine runs. */
import type { KernelMachine } from "./kernel_machine.ts";

export function declareTests(scenarios: readonly { readonly name: string }[], start: () => KernelMachine): void {
  let started: KernelMachine | undefined;
  for (const { name } of scenarios) {
    // The machine is one for all of them: it runs on between two tests.
    Deno.test(name, { sanitizeOps: false, sanitizeResources: false }, async () => {
      started ??= start();
      await started.expectPassed(name);
      if (name === scenarios.at(-1)?.name) await started.ended();
    });
  }
}
