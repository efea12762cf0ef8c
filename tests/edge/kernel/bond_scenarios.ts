/** Bonds (Linux Documentation/networking/bonding.rst): the bond answers, its ports do not, and a fail-over is told. */
import { assertEquals } from "@std/assert/equals";
import { ADDRESS, type PacketStage } from "../app/packet_stage.ts";
import { Capture, until } from "../app/witness.ts";
import { enslave, laySwitchedCables, SWITCH } from "./links.ts";
import type { Scenario } from "./scenario.ts";

const PORTS = ["p1", "p2"];

/** A bond of two cables to the client's switch, in service. */
async function bond(stage: PacketStage, options: string): Promise<string> {
  await laySwitchedCables(stage, PORTS);
  await stage.ip("node", `link add bond0 type bond miimon 50 ${options}`);
  await enslave(stage, "bond0", PORTS);
  await stage.ip("node", "link set bond0 up");
  await stage.reports("usable bond0,eth0; p1 enslaved; p2 enslaved");
  return stage.macOf("bond0");
}

/** Broadcasts in a capture that tell where the address is. */
async function gratuitous(capture: Capture, mac: string): Promise<number> {
  return (await capture.sentFor(ADDRESS, mac)).filter(({ hex }) => hex.startsWith("ffffffffffff")).length;
}

export const BOND_SCENARIOS: readonly Scenario[] = [
  {
    name:
      "Bond, active-backup: the bond answers with its MAC, its ports are silent, and a fail-over is told on the other port",
    run: async (stage) => {
      const mac = await bond(stage, "mode active-backup");
      await stage.answered(SWITCH, mac);
      const capture = await Capture.start(stage.client, "arp", "p2");
      await stage.ip("client", "link set p1 down");
      await until("a burst through the other port", async () => await gratuitous(capture, mac) >= 2);
      await capture.stop();
      await stage.answered(SWITCH, mac);
      assertEquals(stage.report.usable, ["bond0", "eth0"]);
    },
  },
  {
    name: "Bond: without a cable at any port it has no carrier; with one it is told anew",
    run: async (stage) => {
      const mac = await bond(stage, "mode active-backup");
      await stage.answered(SWITCH, mac);
      for (const port of PORTS) await stage.ip("client", `link set ${port} down`);
      await stage.reports("usable eth0; bond0 noCarrier; p1 enslaved; p2 enslaved");
      const capture = await Capture.start(stage.client, "arp", SWITCH);
      await stage.ip("client", "link set p2 up");
      await stage.reports("usable bond0,eth0; p1 enslaved; p2 enslaved");
      await until("a burst", async () => await gratuitous(capture, mac) >= 2);
      await capture.stop();
      await stage.answered(SWITCH, mac);
    },
  },
  {
    name:
      "Bond: a port that is released answers by itself, one that is added is silent, and without ports nothing answers",
    run: async (stage) => {
      const mac = await bond(stage, "mode active-backup");
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
      const before = await bond(stage, "mode active-backup fail_over_mac active");
      await stage.answered(SWITCH, before);
      const after = stage.macOf("p2");
      const capture = await Capture.start(stage.client, "arp", SWITCH);
      await stage.ip("client", "link set p1 down");
      await until("a burst with the new MAC", async () => await gratuitous(capture, after) >= 2);
      await capture.stop();
      await stage.answered(SWITCH, after);
    },
  },
  {
    name: "Bond, 802.3ad: answered to a neighbour that speaks LACP, with one cable pulled too",
    run: async (stage) => {
      for (const port of PORTS) await stage.layCable(port);
      for (const [where, name] of [["client", "bond1"], ["node", "bond0"]] as const) {
        await stage.ip(where, `link add ${name} type bond miimon 50 mode 802.3ad lacp_rate fast`);
        for (const port of PORTS) {
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
];
