/** Teams, as teamd(8) sets them up: like bonds. */
import { assertEquals } from "@std/assert/equals";
import { inside } from "../app/inside.ts";
import { BOND_PORTS, enslave, expectBurst, laySwitchedCables, SWITCH } from "./links.ts";
import type { Scenario } from "./scenario.ts";

export const TEAM_SCENARIOS: readonly Scenario[] = [
  {
    name:
      "Team, activebackup: the team answers, its ports are silent, a change of the port and a cable that is back are told",
    run: async (stage) => {
      const set = async (option: string, value: string | number, ofPort: readonly string[] = []): Promise<void> => {
        const { code, stderr } = await stage.node.run("teamnl", [...ofPort, "team0", "setoption", option, `${value}`]);
        assertEquals([code, stderr], [0, ""]);
      };
      const enable = (port: string, enabled: boolean) => set("enabled", `${enabled}`, ["-p", port]);
      // As teamd does it.
      const activate = async (port: string): Promise<void> => {
        for (const other of BOND_PORTS) if (other !== port) await enable(other, false);
        await enable(port, true);
        await set("activeport", inside(stage.node.namespacePath, (netlink) => netlink.findLink(port)!.ifindex));
      };
      await laySwitchedCables(stage, BOND_PORTS);
      await stage.ip("node", "link add team0 type team");
      await set("mode", "activebackup");
      // teamd's defaults for this mode.
      await set("notify_peers_count", 1);
      await enslave(stage, "team0", BOND_PORTS);
      await stage.ip("node", "link set team0 up");
      await activate("p1");
      await stage.reports("usable eth0,team0; p1 enslaved; p2 enslaved");
      const mac = stage.macOf("team0");
      await stage.answered(SWITCH, mac);
      await expectBurst(stage, { on: "p2", mac, again: "team0" }, () => activate("p2"));
      await stage.answered(SWITCH, mac);
      for (const port of BOND_PORTS) await stage.ip("client", `link set ${port} down`);
      await stage.reports("usable eth0; p1 enslaved; p2 enslaved; team0 noCarrier");
      await expectBurst(stage, { on: SWITCH, mac, again: "team0" }, () => stage.ip("client", "link set p2 up"));
      await stage.answered(SWITCH, mac);
    },
  },
];
