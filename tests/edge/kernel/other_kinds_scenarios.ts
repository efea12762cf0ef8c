/** Dummies, interfaces on top of others, and bridges of bonds and VLANs. */
import { assertEquals } from "@std/assert/equals";
import { until } from "../app/witness.ts";
import { expectBurst, layBond, layVlan, SWITCH } from "./links.ts";
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
    name: "macvlan on a bond: it answers beside the bond, and a fail-over is told by both",
    run: async (stage) => {
      const [below, above] = [await layBond(stage), "02:00:00:00:0c:01"];
      await stage.ip("node", `link add link bond0 name mac0 address ${above} type macvlan mode bridge`);
      await stage.ip("node", "link set mac0 up");
      await stage.reports("usable bond0,eth0,mac0; p1 enslaved; p2 enslaved");
      await until(
        "both answer",
        async () => (await stage.macsOn(SWITCH)).toSorted().join() === [above, below].sort().join(),
      );
      await expectBurst(
        stage,
        { on: "p2", mac: below, again: "bond0" },
        () => expectBurst(stage, { on: "p2", mac: above, again: "mac0" }, () => stage.ip("client", "link set p1 down")),
      );
    },
  },
  {
    name: "Bridge on a bond, and a VLAN on the bridge: both answer, and a fail-over of the bond is told by both",
    run: async (stage) => {
      const mac = await layBond(stage);
      await stage.ip("node", "link add br0 type bridge");
      await stage.ip("node", "link set bond0 master br0");
      await stage.ip("node", "link set br0 up");
      await layVlan(stage, { node: "br0", client: SWITCH });
      await stage.reports("usable br0,eth0,v100; bond0 enslaved; p1 enslaved; p2 enslaved");
      await stage.answered(SWITCH, mac);
      await stage.answered("v100", mac);
      await expectBurst(
        stage,
        { on: "p2", mac, again: "br0" },
        () => expectBurst(stage, { on: "v100", mac, again: "v100" }, () => stage.ip("client", "link set p1 down")),
      );
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
      await layVlan(stage, { node: "br0", client: "lan1" });
      await stage.ip("node", "link set v100 address 02:00:00:00:01:64");
      await stage.reports("usable br0,eth0,v100; lan1 enslaved");
      await stage.answered("v100", "02:00:00:00:01:64");
      await stage.answered("lan1", stage.macOf("br0"));
    },
  },
];
