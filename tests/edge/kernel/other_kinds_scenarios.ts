/** Teams, dummies, interfaces on top of others, and bridges of bonds and VLANs. */
import { assertEquals } from "@std/assert/equals";
import { ADDRESS } from "../app/packet_stage.ts";
import { Capture, until } from "../app/witness.ts";
import { enslave, laySwitchedCables, SWITCH } from "./links.ts";
import type { Scenario } from "./scenario.ts";

export const OTHER_KINDS_SCENARIOS: readonly Scenario[] = [
  {
    name: "Dummy: excluded by its name; under another name it has no neighbours",
    run: async (stage) => {
      await stage.ip("node", "link add dummy0 type dummy");
      await stage.ip("node", "link set dummy0 up");
      await stage.ip("node", "link add kube type dummy");
      await stage.ip("node", "link set kube up");
      await stage.reports("usable eth0; kube noArp");
      await stage.ip("node", "link set dummy0 down");
      await stage.ip("node", "link set dummy0 name lan9");
      await stage.reports("usable eth0; kube noArp; lan9 down");
    },
  },
  {
    name: "ipvlan: of layer 2 it answers with the MAC below it; of layer 3 it has no neighbours",
    run: async (stage) => {
      await stage.layCable("lan1");
      const mac = stage.macOf("lan1");
      await stage.ip("node", "link add link lan1 name ipv0 type ipvlan mode l2");
      await stage.ip("node", "link set ipv0 up");
      await stage.reports("usable eth0,ipv0,lan1");
      await until("both answer with it", async () => (await stage.macsOn("lan1")).join() === [mac, mac].join());
      stage.want({ address: "192.168.77.203", interfaces: ["ipv0"] });
      await stage.answered("lan1", mac, "192.168.77.203");
      await stage.ip("node", "link del ipv0");
      await stage.ip("node", "link add link lan1 name ipv3 type ipvlan mode l3");
      await stage.ip("node", "link set ipv3 up");
      await stage.reports("usable eth0,lan1; ipv3 noArp");
    },
  },
  {
    name: "Bridge on a bond, and a VLAN on the bridge: both answer, and a fail-over of the bond is told by both",
    run: async (stage) => {
      await laySwitchedCables(stage, ["p1", "p2"]);
      await stage.ip("node", "link add bond0 type bond miimon 50 mode active-backup");
      await enslave(stage, "bond0", ["p1", "p2"]);
      await stage.ip("node", "link add br0 type bridge");
      await stage.ip("node", "link set bond0 up master br0");
      await stage.ip("node", "link set br0 up");
      for (const [where, below] of [["node", "br0"], ["client", SWITCH]] as const) {
        await stage.ip(where, `link add link ${below} name v100 type vlan id 100`);
        await stage.ip(where, "link set v100 up");
      }
      await stage.reports("usable br0,eth0,v100; bond0 enslaved; p1 enslaved; p2 enslaved");
      const mac = stage.macOf("br0");
      await stage.answered(SWITCH, mac);
      await stage.answered("v100", mac);
      const [plain, tagged] = [
        await Capture.start(stage.client, "arp", "p2"),
        await Capture.start(stage.client, "arp", "v100"),
      ];
      await stage.ip("client", "link set p1 down");
      await until("a burst", async () => (await plain.sentFor(ADDRESS, mac)).length >= 2);
      await until("a burst in the VLAN", async () => (await tagged.sentFor(ADDRESS, mac)).length >= 2);
      await plain.stop();
      await tagged.stop();
      await stage.answered(SWITCH, mac);
      await stage.answered("v100", mac);
    },
  },
  {
    name: "Bridge that filters VLANs: a VLAN on it answers with its tag only",
    run: async (stage) => {
      await stage.layCable("lan1");
      await stage.ip("node", "link add br0 type bridge vlan_filtering 1");
      await stage.ip("node", "link set lan1 master br0");
      await stage.ip("node", "link set br0 up");
      const { code } = await stage.node.run("bridge", ["vlan", "add", "vid", "100", "dev", "lan1"]);
      assertEquals(code, 0);
      assertEquals((await stage.node.run("bridge", ["vlan", "add", "vid", "100", "dev", "br0", "self"])).code, 0);
      for (const [where, below] of [["node", "br0"], ["client", "lan1"]] as const) {
        await stage.ip(where, `link add link ${below} name v100 type vlan id 100`);
        await stage.ip(where, "link set v100 up");
      }
      await stage.ip("node", "link set v100 address 02:00:00:00:01:64");
      await stage.reports("usable br0,eth0,v100; lan1 enslaved");
      await stage.answered("v100", "02:00:00:00:01:64");
      await stage.answered("lan1", stage.macOf("br0"));
    },
  },
];
