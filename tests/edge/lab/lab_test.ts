// needs: namespaces
import { assertEquals } from "@std/assert/equals";
import { assert } from "@std/assert/assert";
import { Lab } from "../../../lib/edge/lab/lab.ts";

Deno.test("Lab: two hosts resolve and fetch each other", async () => {
  const lab = await Lab.create({
    hosts: [{ name: "n1", address: "192.168.77.11/24" }, { name: "client", address: "192.168.77.50/24" }],
  });
  try {
    const server = await lab.host("n1").serveHttp({ address: "192.168.77.11", port: 8080, respond: "from n1" });
    const answer = await lab.host("client").httpGet("http://192.168.77.11:8080/");
    assertEquals(answer.status, 200);
    assertEquals(answer.body, "from n1");
    const known = (await lab.host("client").neighbours()).find(({ ip }) => ip === "192.168.77.11");
    assert(known?.mac !== undefined);
    await server.stop();
  } finally {
    await lab.close();
  }
});
