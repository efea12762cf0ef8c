// needs: arping tcpdump ip
/**
 * What happens to a node's interfaces, done with iproute2 and seen by arping and tcpdump from the other end of the cable
 * (reference §6.1).
 */
import { assertEquals } from "@std/assert/equals";
import { ADDRESS, NODE_MAC, PacketStage } from "./packet_stage.ts";
import { canCapture, Capture, until } from "./witness.ts";

Deno.test("Interfaces: one that is renamed goes on being served, and lists of names follow", () =>
  PacketStage.run(async (stage) => {
    await stage.layCable("lan1");
    const mac = stage.macOf("lan1");
    const limited = "192.168.77.201";
    stage.want({ address: limited, interfaces: ["wan1"] });
    await stage.answered("lan1", mac);
    await stage.silent("lan1", limited);
    await stage.ip("node", "link set lan1 down");
    await stage.reports("usable eth0; lan1 down");
    await stage.ip("node", "link set lan1 name wan1");
    await stage.ip("node", "link set wan1 up");
    await stage.answered("lan1", mac, limited);
    await stage.answered("lan1", mac);
    await stage.reports("usable eth0,wan1");
    assertEquals(await stage.macsOn("eth0", { count: 3 }), [NODE_MAC, NODE_MAC, NODE_MAC]);
  }));

Deno.test(
  "Interfaces: a pulled cable is no carrier, an interface set down is down, and both are told to the neighbours anew",
  {
    ignore: !canCapture,
  },
  () =>
    PacketStage.run(async (stage) => {
      await stage.layCable("lan1");
      const mac = stage.macOf("lan1");
      await stage.answered("lan1", mac);
      await stage.ip("client", "link set lan1 down");
      await stage.reports("usable eth0; lan1 noCarrier");
      await stage.ip("client", "link set lan1 up");
      const capture = await Capture.start(stage.client, "arp", "lan1");
      const seen = async () =>
        (await capture.sentFor(ADDRESS, mac)).filter(({ hex }) => hex.startsWith("ffffffffffff"));
      await stage.ip("node", "link set lan1 down");
      await stage.reports("usable eth0; lan1 down");
      const before = (await seen()).length;
      await stage.ip("node", "link set lan1 up");
      await stage.reports("usable eth0,lan1");
      await until("a burst on the interface that is back", async () => (await seen()).length >= before + 2);
      await capture.stop();
      await stage.answered("lan1", mac);
    }),
);

Deno.test(
  "Interfaces: another MAC is answered with and announced at once, on the same socket",
  { ignore: !canCapture },
  () =>
    PacketStage.run(async (stage) => {
      await stage.layCable("lan1");
      await stage.answered("lan1", stage.macOf("lan1"));
      const opened = stage.logs("createARPResponder").length;
      const capture = await Capture.start(stage.client, "arp", "lan1");
      await stage.ip("node", "link set lan1 address 02:00:00:00:77:77");
      await stage.answered("lan1", "02:00:00:00:77:77");
      await until(
        "a burst with the new MAC",
        async () => (await capture.sentFor(ADDRESS, "02:00:00:00:77:77")).some(({ hex }) => hex.startsWith("ffff")),
      );
      await capture.stop();
      assertEquals(stage.logs("createARPResponder").length, opened);
    }),
);

Deno.test("Interfaces: a port is silent and its bridge answers; released it answers by itself", () =>
  PacketStage.run(async (stage) => {
    await stage.layCable("lan1");
    const mac = stage.macOf("lan1");
    await stage.answered("lan1", mac);
    await stage.ip("node", "link add br0 address 02:00:00:00:00:b0 type bridge");
    await stage.ip("node", "link set br0 up");
    await stage.ip("node", "link set lan1 master br0");
    await stage.answered("lan1", "02:00:00:00:00:b0");
    await stage.reports("usable br0,eth0; lan1 enslaved");
    assertEquals(await stage.macsOn("lan1", { count: 3 }), Array.from({ length: 3 }, () => "02:00:00:00:00:b0"));
    await stage.ip("node", "link set lan1 nomaster");
    await stage.answered("lan1", mac);
    await stage.reports("usable eth0,lan1; br0 noCarrier");
    await stage.ip("node", "link del br0");
    await stage.reports("usable eth0,lan1");
  }));

Deno.test("Interfaces: one on top of another is served by itself and loses its carrier with the lower one", () =>
  PacketStage.run(async (stage) => {
    await stage.layCable("lan1");
    await stage.answered("lan1", stage.macOf("lan1"));
    await stage.ip("node", "link add link lan1 name lan1.top address 02:00:00:00:00:70 type macvlan mode bridge");
    await stage.reports("usable eth0,lan1; lan1.top down");
    await stage.ip("node", "link set lan1.top up");
    await stage.reports("usable eth0,lan1,lan1.top");
    await until(
      "both answer",
      async () =>
        (await stage.macsOn("lan1")).toSorted().join() === [stage.macOf("lan1"), "02:00:00:00:00:70"].toSorted().join(),
    );
    await stage.ip("client", "link set lan1 down");
    await stage.reports("usable eth0; lan1 noCarrier; lan1.top noCarrier");
    await stage.ip("node", "link del lan1");
    await stage.reports("usable eth0");
  }));

Deno.test("Interfaces: an excluded name is never served, until it has another one", () =>
  PacketStage.run(async (stage) => {
    await stage.layCable("veth1");
    await stage.ip("node", "address add 10.99.0.1/24 dev veth1");
    await stage.layCable("lan2");
    await stage.answered("lan2", stage.macOf("lan2"));
    assertEquals(await stage.macsOn("veth1"), []);
    await stage.reports("usable eth0,lan2");
    const state = await stage.inspect();
    assertEquals((state?.["notUsed"] as Record<string, string>)["veth1"], "excluded");
    await stage.ip("node", "link set veth1 down");
    await stage.ip("node", "link set veth1 name lan1");
    await stage.ip("node", "link set lan1 up");
    await stage.answered("veth1", stage.macOf("lan1"));
    await until("its network is known", () => stage.networks().includes("lan1 10.99.0.0/24"));
  }));

Deno.test("Interfaces: networks follow the addresses", () =>
  PacketStage.run(async (stage) => {
    await until("the first network", () => stage.networks().join() === "eth0 192.168.77.0/24");
    await stage.ip("node", "address add 10.5.6.7/16 dev eth0");
    await until("the second network", () => stage.networks().join() === "eth0 10.5.0.0/16,eth0 192.168.77.0/24");
    await stage.ip("node", "address del 10.5.6.7/16 dev eth0");
    await until("it is gone", () => stage.networks().join() === "eth0 192.168.77.0/24");
  }));

Deno.test("Interfaces: one without an IPv6 link-local address is for IPv4 only, also while a duplicate of it is looked for", () =>
  PacketStage.run(async (stage) => {
    const ipv4Only = (names: string) => until(`IPv4 only: ${names}`, () => stage.report.ipv4Only.join() === names);
    await ipv4Only("");
    await stage.layCable("lan1");
    await ipv4Only("");
    await stage.ip("node", "link set lan1 addrgenmode none");
    await stage.ip("node", "-6 address flush dev lan1");
    await ipv4Only("lan1");
    await stage.ip("node", "-6 address add 2001:db8:77::11/64 dev lan1 nodad");
    await stage.answered("lan1", stage.macOf("lan1"));
    assertEquals(stage.report.ipv4Only, ["lan1"]);
    await stage.ip("node", "-6 address add fe80::11/64 dev lan1");
    const isTentative = async () => (await stage.node.run("ip", ["-6", "address", "show", "tentative"])).stdout !== "";
    await until("no duplicate is found", async () => {
      const { ipv4Only } = stage.report;
      if (!await isTentative()) return true;
      assertEquals(ipv4Only, ["lan1"]);
      return false;
    });
    await ipv4Only("");
    await stage.node.setSysctl("net/ipv6/conf/eth0/disable_ipv6", 1);
    await ipv4Only("eth0");
    assertEquals(stage.report.usable, ["eth0", "lan1"]);
  }));
