// needs: linux.uml arping tcpdump ndisc6 ip
/**
 * Interfaces of every kind on Debian's own kernel, in a virtual machine (kernel_machine.ts): what the packet thread does
 * with them, seen by arping, ndisc6 and tcpdump from the other end of the cable (reference §6.1).
 */
import { KernelMachine } from "./kernel_machine.ts";
import { SCENARIOS } from "./scenarios.ts";

let started: KernelMachine | undefined;
const machine = (): KernelMachine => started ??= new KernelMachine();

for (const [index, { name }] of SCENARIOS.entries()) {
  const isLast = index === SCENARIOS.length - 1;
  // The machine is one for all of them: it runs on between two tests.
  Deno.test(name, { sanitizeOps: false, sanitizeResources: false }, async () => {
    await machine().expectPassed(name);
    if (isLast) await machine().ended();
  });
}
