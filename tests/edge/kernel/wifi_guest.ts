/** What the emulated machine runs: the scenarios of Wi-Fi. Started by guest_init.sh. */
import { loadKernelModules } from "./kernel_modules.ts";
import { runScenarios } from "./run_scenarios.ts";
import { WIFI_SCENARIOS } from "./wifi_scenarios.ts";
import { WifiStage } from "./wifi_stage.ts";

loadKernelModules(Deno.env.get("HERALD_MODULES")!, ["mac80211_hwsim"]);

await WifiStage.run((stage) => runScenarios(WIFI_SCENARIOS, { stage, tidy: () => stage.tidy() }));
