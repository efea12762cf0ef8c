/** VLAN interfaces: served by their own names, with their own tag, and not by the interface below them. */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { ADDRESS, type PacketStage } from "../app/packet_stage.ts";
import { Capture, type Frame, until } from "../app/witness.ts";
import { enslave, laySwitchedCables, SWITCH } from "./links.ts";
import type { Scenario } from "./scenario.ts";

/** ARP that is not for everybody, with a tag or without. */
const ANSWERS = "ether[0] != 0xff and (arp or (vlan and arp))";

const ONLY_BELOW = "192.168.77.201";
const ONLY_VLAN = "192.168.77.202";

/** VLAN 100 on a cable, at both ends. */
async function vlan(stage: PacketStage): Promise<string> {
  await stage.layCable("lan1");
  for (const where of ["node", "client"] as const) {
    await stage.ip(where, "link add link lan1 name lan1.100 type vlan id 100");
    await stage.ip(where, "link set lan1.100 up");
  }
  await stage.reports("usable eth0,lan1,lan1.100");
  return stage.macOf("lan1.100");
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
      await stage.ip("node", "link set lan1.100 address 02:00:00:00:01:00");
      await stage.answered("lan1.100", "02:00:00:00:01:00");
      await stage.answered("lan1", stage.macOf("lan1"));
      const capture = await Capture.start(stage.client, ANSWERS, "lan1");
      assertEquals((await stage.macsOn("lan1.100", { count: 3 })).length, 3);
      const frames = await capture.stop();
      assertEquals(tagsOf(frames, "02:00:00:00:01:00"), ["vlan 100"]);
      assertEquals(tagsOf(frames, stage.macOf("lan1")), []);
    },
  },
  {
    name: "VLAN: an address for the interface below is not answered for in the VLAN, and the other way round",
    run: async (stage) => {
      const mac = await vlan(stage);
      stage.want({ address: ONLY_BELOW, interfaces: ["lan1"] }, { address: ONLY_VLAN, interfaces: ["lan1.100"] });
      await stage.answered("lan1", mac, ONLY_BELOW);
      await stage.answered("lan1.100", mac, ONLY_VLAN);
      const capture = await Capture.start(stage.client, ANSWERS, "lan1");
      await stage.silent("lan1.100", ONLY_BELOW);
      await stage.silent("lan1", ONLY_VLAN);
      assertEquals(tagsOf(await capture.stop(), mac), []);
    },
  },
  {
    name: "VLAN: goes down and comes back with the interface below, and is told anew with its tag",
    run: async (stage) => {
      const mac = await vlan(stage);
      await stage.answered("lan1.100", mac);
      await stage.ip("client", "link set lan1 down");
      await stage.reports("usable eth0; lan1 noCarrier; lan1.100 noCarrier");
      await stage.ip("client", "link set lan1 up");
      await stage.ip("client", "link set lan1.100 up");
      await stage.reports("usable eth0,lan1,lan1.100");
      await stage.ip("node", "link set lan1 down");
      await stage.reports("usable eth0; lan1 down; lan1.100 down");
      const capture = await Capture.start(stage.client, "arp", "lan1.100");
      await stage.ip("node", "link set lan1 up");
      await stage.reports("usable eth0,lan1,lan1.100");
      await until("a burst in the VLAN", async () => (await capture.sentFor(ADDRESS, mac)).length >= 2);
      await capture.stop();
      await stage.answered("lan1.100", mac);
    },
  },
  {
    name: "VLAN: another MAC is told in the VLAN; the interface below keeps its own",
    run: async (stage) => {
      const mac = await vlan(stage);
      await stage.answered("lan1.100", mac);
      const capture = await Capture.start(stage.client, "arp", "lan1.100");
      await stage.ip("node", "link set lan1.100 address 02:00:00:00:01:01");
      await until("a burst", async () => (await capture.sentFor(ADDRESS, "02:00:00:00:01:01")).length >= 2);
      await capture.stop();
      await stage.answered("lan1.100", "02:00:00:00:01:01");
      await stage.answered("lan1", mac);
    },
  },
  {
    name: "VLAN on a bond: a fail-over of the bond is told in the VLAN",
    run: async (stage) => {
      await laySwitchedCables(stage, ["p1", "p2"]);
      await stage.ip("node", "link add bond0 type bond miimon 50 mode active-backup");
      await enslave(stage, "bond0", ["p1", "p2"]);
      await stage.ip("node", "link set bond0 up");
      for (const [where, below] of [["node", "bond0"], ["client", SWITCH]] as const) {
        await stage.ip(where, `link add link ${below} name v100 type vlan id 100`);
        await stage.ip(where, "link set v100 up");
      }
      await stage.reports("usable bond0,eth0,v100; p1 enslaved; p2 enslaved");
      const mac = stage.macOf("v100");
      await stage.answered("v100", mac);
      const capture = await Capture.start(stage.client, "arp", "v100");
      await stage.ip("client", "link set p1 down");
      await until("a burst in the VLAN", async () => (await capture.sentFor(ADDRESS, mac)).length >= 2);
      const frames = await capture.stop();
      assert(frames.every(({ hex }) => !hex.startsWith("8100", 24)));
      await stage.answered("v100", mac);
      assertEquals(stage.report.usable, ["bond0", "eth0", "v100"]);
    },
  },
];
