/** A controller that is told to end in the middle of a burst: what it did is told, with the events that kubectl shows. */
import { assertEquals } from "@std/assert/equals";
import { RESOURCES } from "../../../lib/base/kube.ts";
import { withPrograms } from "./program_stage.ts";
import { until } from "./witness.ts";

const SERVICES = 400;
const CLIENTS = 8;

Deno.test("SIGTERM after a burst: every address that was given has its event, and the controller ends in time", () =>
  withPrograms({ nodes: 1, addresses: "10.9.0.0/20" }, async (stage) => {
    const controller = await stage.startController();
    const kube = await stage.kube();
    await stage.createService("first");
    await stage.addressOfService("first");
    let next = 0;
    await Promise.all(Array.from({ length: CLIENTS }, async () => {
      while (next < SERVICES) await stage.createService(`web-${next++}`);
    }));
    const given = async () => [...await stage.addresses()].filter(([, addresses]) => addresses.length > 0);
    await until("most have an address", async () => (await given()).length > SERVICES * 0.9);
    const told = async () => {
      const listed = await kube.list(RESOURCES.events, {});
      if (!listed.ok) throw new Error(listed.error.message);
      const allocated = listed.value.items.filter((event) => event["reason"] === "IPAllocated");
      return new Set(allocated.map((event) => (event["involvedObject"] as { name: string }).name));
    };
    const before = (await told()).size;
    assertEquals(await controller.kill("SIGTERM"), 0, controller.output().slice(-500));
    const after = await told();
    const untold = (await given()).map(([name]) => name).filter((name) => !after.has(name));
    assertEquals(untold, [], `${before} events before the signal`);
    assertEquals(controller.log().filter(({ event }) => event === "eventsLost"), []);
  }));
