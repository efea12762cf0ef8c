// needs: linux.uml arping tcpdump ip
/**
 * VLANs, VRFs and what else stands on other interfaces, on Debian's own kernel, in a virtual machine (kernel_machine.ts):
 * what the packet thread does, seen by arping and tcpdump from the other end of the cable (reference §6.1).
 */
import { declareTests } from "./declare_tests.ts";
import { KernelMachine } from "./kernel_machine.ts";
import { SCENARIOS } from "./scenarios.ts";

const PROGRAM = { path: "tests/edge/kernel/guest.ts", list: "vlans" };

declareTests(SCENARIOS.vlans, () => KernelMachine.userModeLinux(PROGRAM));
