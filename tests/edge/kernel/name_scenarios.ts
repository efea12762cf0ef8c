/** Names and hardware addresses that change while an interface is announced on. */
import { assertEquals } from "@std/assert/equals";
import { expectBurst, layBond, layVlan, solicited, SWITCH } from "./links.ts";
import type { Scenario } from "./scenario.ts";

const LIMITED = "192.168.77.205";
const SIX = "2001:db8:77::205";

export const NAME_SCENARIOS: readonly Scenario[] = [
  {
    name: "Names: another name of an interface (altname) is no name for L2Advertisements, and disturbs nothing",
    run: async (stage) => {
      await stage.layCable("lan1");
      const mac = stage.macOf("lan1");
      stage.want({ address: LIMITED, interfaces: ["enp9s0"] });
      await stage.answered("lan1", mac);
      const opened = stage.logs("createARPResponder").length;
      await stage.ip("node", "link property add dev lan1 altname enp9s0");
      await stage.silent("lan1", LIMITED);
      await stage.ip("node", "link property del dev lan1 altname enp9s0");
      await stage.answered("lan1", mac);
      assertEquals(stage.logs("createARPResponder").length, opened);
      await stage.reports("usable eth0,lan1");
    },
  },
  {
    name: "Names: a bond and its VLAN that are renamed are served by the new ones",
    run: async (stage) => {
      const mac = await layBond(stage);
      await layVlan(stage, { node: "bond0", client: SWITCH });
      stage.want({ address: LIMITED, interfaces: ["storage"] });
      await stage.answered("v100", mac);
      await stage.silent("v100", LIMITED);
      for (const [before, after] of [["v100", "storage"], ["bond0", "uplink"]]) {
        await stage.ip("node", `link set ${before} down`);
        await stage.ip("node", `link set ${before} name ${after}`);
        await stage.ip("node", `link set ${after} up`);
      }
      await stage.ip("node", "link set storage up");
      await stage.reports("usable eth0,storage,uplink; p1 enslaved; p2 enslaved");
      await stage.answered("v100", mac, LIMITED);
      await stage.silent(SWITCH, LIMITED);
      await stage.answered(SWITCH, mac);
    },
  },
  {
    name: "MAC: a bond's new one is told at once, to IPv4 and IPv6 neighbours; its VLAN keeps to its own",
    run: async (stage) => {
      const before = await layBond(stage);
      await layVlan(stage, { node: "bond0", client: SWITCH });
      stage.want({ address: SIX });
      await solicited(stage, "v100", { address: SIX, mac: before });
      const mac = "02:00:00:00:0b:0b";
      await expectBurst(stage, { on: SWITCH, mac }, () => stage.ip("node", `link set bond0 address ${mac}`));
      await stage.answered(SWITCH, mac);
      await solicited(stage, SWITCH, { address: SIX, mac });
      await stage.answered("v100", stage.macOf("v100"));
      await solicited(stage, "v100", { address: SIX, mac: stage.macOf("v100") });
    },
  },
];
