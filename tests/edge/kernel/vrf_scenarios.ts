/** VRFs (Linux Documentation/networking/vrf.rst): neither the VRF nor its members are used, as in MetalLB (reference §6.1). */
import { until } from "../app/witness.ts";
import { expectBurst } from "./links.ts";
import type { Scenario } from "./scenario.ts";

export const VRF_SCENARIOS: readonly Scenario[] = [
  {
    name: "VRF: a member is silent while it is one, with an address too; released it is told and answers",
    run: async (stage) => {
      await stage.layCable("lan1");
      const mac = stage.macOf("lan1");
      await stage.answered("lan1", mac);
      await stage.ip("node", "link add red type vrf table 10");
      await stage.ip("node", "link set red up");
      await stage.reports("usable eth0,lan1; red noArp");
      await stage.ip("node", "link set lan1 master red");
      await stage.reports("usable eth0; lan1 enslaved; red noArp");
      await stage.silent("lan1");
      await stage.ip("node", "address add 10.66.0.1/24 dev lan1");
      await stage.ip("node", "address add 10.67.0.1/32 dev red");
      await stage.silent("lan1");
      await expectBurst(stage, { on: "lan1", mac, again: "lan1" }, () => stage.ip("node", "link set lan1 nomaster"));
      await stage.reports("usable eth0,lan1; red noArp");
      await stage.answered("lan1", mac);
      await until("its network is known", () => stage.networks().includes("lan1 10.66.0.0/24"));
    },
  },
];
