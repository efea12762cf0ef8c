/** What the virtual machine runs for a list of scenarios, on one node and one client. Started by guest_init.sh. */
import { PacketStage } from "../app/packet_stage.ts";
import { loadKernelModules } from "./kernel_modules.ts";
import { tidy } from "./links.ts";
import { runScenarios } from "./run_scenarios.ts";
import { SCENARIOS } from "./scenarios.ts";

const MODULES = [
  ...["bonding", "8021q", "vrf", "team_mode_activebackup", "dummy", "veth", "bridge", "macvlan", "ipvlan"],
];

/** What the install manifests exclude. */
const EXCLUSIONS = [...Deno.readTextFileSync("manifests/install/20-config.yaml").matchAll(/^ +- (\^\S+)$/gm)]
  .map((match) => match[1]!);

loadKernelModules(Deno.env.get("HERALD_MODULES")!, MODULES);

const list = Deno.env.get("HERALD_SCENARIOS") as keyof typeof SCENARIOS;

await PacketStage.run((stage) =>
  runScenarios(SCENARIOS[list], {
    stage,
    tidy: async () => {
      await tidy(stage);
      stage.expectAlive();
    },
  }), { exclusions: EXCLUSIONS });
