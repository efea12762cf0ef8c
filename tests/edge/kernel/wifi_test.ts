// needs: qemu-system-x86_64 debian-kernel iw hostapd arping tcpdump ip nsenter unshare
/**
 * Wi-Fi on Debian's own kernel, in an emulated machine (kernel_machine.ts), with hostapd's access point on the other side.
 * What no simulated radio shows is a firmware that keeps requests for our addresses to itself.
 */
import { declareTests } from "./declare_tests.ts";
import { KernelMachine } from "./kernel_machine.ts";
import { WIFI_SCENARIOS } from "./wifi_scenarios.ts";

declareTests(WIFI_SCENARIOS, () => KernelMachine.emulated({ path: "tests/edge/kernel/wifi_guest.ts" }));
