// needs: arping ip
/** Interfaces that come and go by the hundred, while a node answers on another one. */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { PacketStage } from "./packet_stage.ts";
import { until } from "./witness.ts";

Deno.test("Interfaces: five hundred pods' cables and a hundred others come and go: answers go on, and nothing is left over", () =>
  PacketStage.run(async (stage) => {
    const pods = Array.from({ length: 500 }, (_, i) => [`veth${i}`, `vethp${i}`]);
    const others = Array.from({ length: 100 }, (_, i) => [`pod${i}`, `podp${i}`]);
    // The most go all at once, which is more notices than the kernel keeps.
    const lines = [
      ...[...pods, ...others].flatMap(([a, b], i) => [
        `link add ${a} group ${i % 5 === 0 ? 6 : 7} up type veth peer name ${b}`,
        `link set ${b} up`,
      ]),
      ...[...pods, ...others].filter((_, i) => i % 5 === 0).map(([a]) => `link del ${a}`),
      "link del group 7",
    ];
    const batch = await Deno.makeTempFile({ prefix: "herald-links-" });
    await Deno.writeTextFile(batch, lines.map((line) => `${line}\n`).join(""));
    const storm = stage.ip("node", `-batch ${batch}`);
    let done = false;
    storm.catch(() => {}).finally(() => done = true);
    let [asked, answered] = [0, 0];
    while (!done) {
      answered += (await stage.macsOn("eth0", { count: 5 })).length;
      asked += 5;
    }
    await storm;
    await Deno.remove(batch);
    // A machine that is busy with other things may starve the thread, and what queued meanwhile is thrown away: three
    // requests each time.
    assert(asked > 0 && answered >= 0.85 * asked, `${answered} answers to ${asked} requests, ${stage.gaps} gaps`);
    await stage.reports("usable eth0");
    await until("it knows that the pods' cables are gone, too", async () => (await stage.inspect())["excluded"] === 1);
    assertEquals((await stage.inspect())["interfaces"], [{ ifindex: 2, name: "eth0" }]);
    const [opened, closed] = [stage.logs("createARPResponder"), stage.logs("deleteARPResponder")];
    assert(closed.length > 0);
    assertEquals(opened.toSorted(), [...closed, "eth0"].toSorted());
  }));
