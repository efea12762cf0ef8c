// needs: linux.uml arping tcpdump ndisc6 teamnl ip
/**
 * Bonds, teams, names and hardware addresses on Debian's own kernel, in a virtual machine (kernel_machine.ts): what the
 * packet thread does, seen by arping, ndisc6 and tcpdump from the other end of the cable (reference §6.1).
 */
import { declareTests } from "./declare_tests.ts";
import { KernelMachine } from "./kernel_machine.ts";
import { SCENARIOS } from "./scenarios.ts";

const PROGRAM = { path: "tests/edge/kernel/guest.ts", list: "bonds" };

declareTests(SCENARIOS.bonds, () => KernelMachine.userModeLinux(PROGRAM));
