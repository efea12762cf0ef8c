/** Bonds (Linux Documentation/networking/bonding.rst): the bond answers, its ports do not, and a fail-over is told. */
import { assertEquals } from "@std/assert/equals";
import { until } from "../app/witness.ts";
import { BOND_PORTS, enslave, expectBurst, layBond, SWITCH } from "./links.ts";
import type { Scenario } from "./scenario.ts";

export const BOND_SCENARIOS: readonly Scenario[] = [
  {
    name: "Bond, active-backup: the bond answers, its ports are silent, and a fail-over is told on the other port",
    run: async (stage) => {
      const mac = await layBond(stage);
      await stage.reports("usable bond0,eth0; p1 enslaved; p2 enslaved");
      await stage.answered(SWITCH, mac);
      await expectBurst(stage, { on: "p2", mac, again: "bond0" }, () => stage.ip("client", "link set p1 down"));
      await stage.answered(SWITCH, mac);
      assertEquals(stage.report.usable, ["bond0", "eth0"]);
    },
  },
  {
    name: "Bond: without a cable at any port it has no carrier; with one it is told anew",
    run: async (stage) => {
      const mac = await layBond(stage);
      await stage.answered(SWITCH, mac);
      for (const port of BOND_PORTS) await stage.ip("client", `link set ${port} down`);
      await stage.reports("usable eth0; bond0 noCarrier; p1 enslaved; p2 enslaved");
      await expectBurst(stage, { on: SWITCH, mac, again: "bond0" }, () => stage.ip("client", "link set p2 up"));
      await stage.reports("usable bond0,eth0; p1 enslaved; p2 enslaved");
      await stage.answered(SWITCH, mac);
    },
  },
  {
    name: "Bond: a port that is released answers by itself, one that is added is silent; without ports nothing answers",
    run: async (stage) => {
      const mac = await layBond(stage);
      await stage.ip("node", "link set p1 nomaster");
      await stage.reports("usable bond0,eth0; p1 down; p2 enslaved");
      await stage.answered(SWITCH, mac);
      await stage.ip("node", "link set p1 up");
      await stage.reports("usable bond0,eth0,p1; p2 enslaved");
      await stage.ip("node", "link set p2 nomaster");
      await stage.reports("usable eth0,p1; bond0 noCarrier; p2 down");
      await stage.answered(SWITCH, stage.macOf("p1"));
      await enslave(stage, "bond0", ["p1"]);
      await stage.reports("usable bond0,eth0; p1 enslaved; p2 down");
      await stage.answered(SWITCH, stage.macOf("bond0"));
    },
  },
  {
    name: "Bond, fail_over_mac=active: the other port's MAC is told and answered with",
    run: async (stage) => {
      await stage.answered(SWITCH, await layBond(stage, "active-backup fail_over_mac active"));
      const mac = stage.macOf("p2");
      await expectBurst(stage, { on: SWITCH, mac }, () => stage.ip("client", "link set p1 down"));
      await stage.answered(SWITCH, mac);
    },
  },
  {
    name: "Bond, 802.3ad: answered to a neighbour that speaks LACP, with one cable pulled too",
    run: async (stage) => {
      for (const port of BOND_PORTS) await stage.layCable(port);
      for (const [where, name] of [["client", "bond1"], ["node", "bond0"]] as const) {
        await stage.ip(where, `link add ${name} type bond miimon 50 mode 802.3ad lacp_rate fast`);
        for (const port of BOND_PORTS) {
          await stage.ip(where, `link set ${port} down`);
          await stage.ip(where, `link set ${port} master ${name}`);
        }
        await stage.ip(where, `link set ${name} up`);
      }
      await stage.reports("usable bond0,eth0; p1 enslaved; p2 enslaved");
      await stage.answered("bond1", stage.macOf("bond0"));
      await stage.ip("node", "link set p1 down");
      await stage.reports("usable bond0,eth0; p1 down; p2 enslaved");
      await stage.answered("bond1", stage.macOf("bond0"));
    },
  },
  {
    name: "Bond, balance-alb: the kernel puts a port's MAC into an answer, and with one cable pulled the other's",
    run: async (stage) => {
      const ports = BOND_PORTS;
      await layBond(stage, "balance-alb");
      const { stdout } = await stage.node.run("cat", ["/proc/net/bonding/bond0"]);
      const macs = [...stdout.matchAll(/Permanent HW addr: (\S+)/g)].map((match) => match[1]!);
      assertEquals(macs.length, ports.length);
      const answer = () =>
        until("it is answered once", async () => {
          const seen = await stage.macsOn(SWITCH);
          return seen.length === 1 && seen[0];
        });
      assertEquals(macs.includes(await answer()), true);
      await stage.ip("client", "link set p1 down");
      assertEquals(macs.includes(await answer()), true);
    },
  },
];
