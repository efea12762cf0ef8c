// needs: arping curl ip
/** Two nodes with one hardware address, as copies of a virtual machine, on a real switch. */
import { assertEquals } from "@std/assert/equals";
import { CLIENT, NODE_MAC, PacketStage } from "./packet_stage.ts";
import { until } from "./witness.ts";

Deno.test("Shared MAC: a peer with the same address as our interface is told as soon as its kernel looks for anybody", () =>
  PacketStage.run(async (stage) => {
    stage.addPeer("n2", CLIENT);
    await stage.ip("client", "link set eth0 down");
    await stage.ip("client", `link set eth0 address ${NODE_MAC}`);
    await stage.ip("client", "link set eth0 up");
    await until("it is told", async () => {
      // Nobody has this address; the question alone tells who asks.
      await stage.client.run("curl", ["-s", "-m", "0.2", "http://192.168.77.99/"]);
      return stage.sharedMacs().length > 0;
    });
    assertEquals(stage.sharedMacs(), [`n2 has ${NODE_MAC} of eth0: found`]);
  }));
