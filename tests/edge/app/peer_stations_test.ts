// needs: ip
/** That the node of another speaker is no stranger, where nothing but neighbour discovery can tell: with Linux as that node. */
import { assertEquals } from "@std/assert/equals";
import { CLIENT6, PacketStage } from "./packet_stage.ts";
import { pause, until } from "./witness.ts";

/** After so long nobody is expected any more whom we know nothing of. */
const EXPECTED_MS = 5000;

Deno.test("Peers: one with an IPv6 address is known by the answer of its kernel, and what it claims is no conflict", () =>
  PacketStage.run(async (stage) => {
    const [before, after] = ["2001:db8:77::200", "2001:db8:77::201"];
    stage.want({ address: before }, { address: after });
    // A host that wants an address looks for another one that has it (RFC 4862 §5.4), which is a claim.
    const claim = async (address: string) => {
      await stage.ip("client", `-6 address add ${address}/64 dev eth0`);
      await until(`${address} is refused to the client`, async () => {
        const { stdout } = await stage.client.run("ip", ["-6", "address", "show", "dadfailed"]);
        return stdout.includes(`${address}/`);
      });
    };
    await until("it speaks IPv6", () => stage.report.ipv4Only.length === 0);
    await claim(before);
    await until("a stranger is told", () => stage.contested().join() === before);
    stage.know("client", CLIENT6);
    await pause(EXPECTED_MS + 500);
    await claim(after);
    await pause(300);
    assertEquals(stage.contested(), [before]);
  }));
