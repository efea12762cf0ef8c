// needs: namespaces ip
import { assertEquals } from "@std/assert/equals";
import { ARP_FILTER } from "../../../lib/edge/net/bpf.ts";
import { PacketSocket } from "../../../lib/edge/net/packet_socket.ts";
import { isWireless } from "../../../lib/edge/net/wireless.ts";
import { inOwnNetwork, layCable } from "./own_network.ts";

Deno.test("isWireless: an interface with the mark of a Wi-Fi driver, and no other", async () => {
  const folder = await Deno.makeTempDir({ prefix: "herald-class-net-" });
  try {
    await Deno.mkdir(`${folder}/wlan0/phy80211`, { recursive: true });
    await Deno.mkdir(`${folder}/ath0/wireless`, { recursive: true });
    await Deno.mkdir(`${folder}/eth0/queues`, { recursive: true });
    assertEquals(["wlan0", "ath0", "eth0", "none"].map((name) => isWireless(name, folder)), [true, true, false, false]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  assertEquals(isWireless("lo"), false);
});

Deno.test("PacketSocket: an interface is promiscuous for as long as a socket wants it", () =>
  inOwnNetwork(async (netlink) => {
    const { a } = layCable(netlink);
    const socket = PacketSocket.open({ ifindex: a, filter: ARP_FILTER });
    assertEquals(await promiscuity(), 0);
    assertEquals(socket.setPromiscuous(a), 0);
    assertEquals(await promiscuity(), 1);
    assertEquals(socket.setPromiscuous(4711), -19);
    socket.close();
    assertEquals(await promiscuity(), 0);
  }));

async function promiscuity(): Promise<number> {
  const { stdout } = await new Deno.Command("ip", { args: ["-d", "-j", "link", "show", "dev", "a"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout))[0].promiscuity;
}
