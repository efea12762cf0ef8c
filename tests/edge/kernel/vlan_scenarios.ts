/** VLAN interfaces: served by their own names, with their own tag, and not by the interface below them. */
import { assertEquals } from "@std/assert/equals";
import type { PacketStage } from "../app/packet_stage.ts";
import { Capture, type Frame } from "../app/witness.ts";
import { expectBurst, layBond, layVlan, SWITCH } from "./links.ts";
import type { Scenario } from "./scenario.ts";

/** ARP that is not for everybody, with a tag or without. */
const ANSWERS = "ether[0] != 0xff and (arp or (vlan and arp))";

const ONLY_BELOW = "192.168.77.201";
const ONLY_VLAN = "192.168.77.202";

/** VLAN 100 on a cable, at both ends; its MAC, which is that of the interface below. */
async function vlan(stage: PacketStage): Promise<string> {
  await stage.layCable("lan1");
  await layVlan(stage, { node: "lan1", client: "lan1" });
  await stage.reports("usable eth0,lan1,v100");
  return stage.macOf("v100");
}

/** Frames of the node, which the client captured, as `tag of the VLAN or none`. */
function tagsOf(frames: readonly Frame[], mac: string): string[] {
  const fromNode = frames.filter(({ hex }) => hex.slice(12, 24) === mac.replaceAll(":", ""));
  const tags = fromNode.map(({ hex }) =>
    hex.slice(24, 28) === "8100" ? `vlan ${Number(`0x${hex.slice(29, 32)}`)}` : "none"
  );
  return [...new Set(tags)].sort();
}

export const VLAN_SCENARIOS: readonly Scenario[] = [
  {
    name: "VLAN: what is asked in it is answered in it, with its MAC and its tag, and not on the interface below",
    run: async (stage) => {
      await vlan(stage);
      await stage.ip("node", "link set v100 address 02:00:00:00:01:00");
      await stage.answered("v100", "02:00:00:00:01:00");
      await stage.answered("lan1", stage.macOf("lan1"));
      const capture = await Capture.start(stage.client, ANSWERS, "lan1");
      assertEquals((await stage.macsOn("v100", { count: 3 })).length, 3);
      const frames = await capture.stop();
      assertEquals(tagsOf(frames, "02:00:00:00:01:00"), ["vlan 100"]);
      assertEquals(tagsOf(frames, stage.macOf("lan1")), []);
    },
  },
  {
    name: "VLAN: an address for the interface below is not answered for in the VLAN, and the other way round",
    run: async (stage) => {
      const mac = await vlan(stage);
      stage.want({ address: ONLY_BELOW, interfaces: ["lan1"] }, { address: ONLY_VLAN, interfaces: ["v100"] });
      await stage.answered("lan1", mac, ONLY_BELOW);
      await stage.answered("v100", mac, ONLY_VLAN);
      const capture = await Capture.start(stage.client, ANSWERS, "lan1");
      await stage.silent("v100", ONLY_BELOW);
      await stage.silent("lan1", ONLY_VLAN);
      assertEquals(tagsOf(await capture.stop(), mac), []);
    },
  },
  {
    name: "VLAN: goes down and comes back with the interface below, and is told anew",
    run: async (stage) => {
      const mac = await vlan(stage);
      await stage.answered("v100", mac);
      await stage.ip("client", "link set lan1 down");
      await stage.reports("usable eth0; lan1 noCarrier; v100 noCarrier");
      await stage.ip("client", "link set lan1 up");
      await stage.ip("client", "link set v100 up");
      await stage.reports("usable eth0,lan1,v100");
      await stage.ip("node", "link set lan1 down");
      await stage.reports("usable eth0; lan1 down; v100 down");
      await expectBurst(stage, { on: "v100", mac, again: "v100" }, () => stage.ip("node", "link set lan1 up"));
      await stage.reports("usable eth0,lan1,v100");
      await stage.answered("v100", mac);
    },
  },
  {
    name: "VLAN: another MAC is told in the VLAN; the interface below keeps its own",
    run: async (stage) => {
      const below = await vlan(stage);
      const mac = "02:00:00:00:01:01";
      await stage.answered("v100", below);
      await expectBurst(stage, { on: "v100", mac }, () => stage.ip("node", `link set v100 address ${mac}`));
      await stage.answered("v100", mac);
      await stage.answered("lan1", below);
    },
  },
  {
    name: "VLAN on a bond: a fail-over of the bond is told in the VLAN",
    run: async (stage) => {
      const mac = await layBond(stage);
      await layVlan(stage, { node: "bond0", client: SWITCH });
      await stage.reports("usable bond0,eth0,v100; p1 enslaved; p2 enslaved");
      await stage.answered("v100", mac);
      await expectBurst(stage, { on: "v100", mac, again: "v100" }, () => stage.ip("client", "link set p1 down"));
      await stage.answered("v100", mac);
      assertEquals(stage.report.usable, ["bond0", "eth0", "v100"]);
    },
  },
];
