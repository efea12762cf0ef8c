/** A controller that is told to end in the middle of a burst: what it did is told, with the events that kubectl shows. */
import { assertEquals } from "@std/assert/equals";
import { RESOURCES } from "../../../lib/base/kube.ts";
import { withPrograms } from "./program_stage.ts";
import { until } from "./witness.ts";

const SERVICES = 400;
/** They come last; the controller has two seconds for what is left to tell of them, which a slow machine needs. */
const LAST = 16;
const CLIENTS = 8;

Deno.test("SIGTERM after a burst: every address that was given has its event, and the controller ends in time", () =>
  withPrograms({ nodes: 1, addresses: "10.9.0.0/20" }, async (stage) => {
    const controller = await stage.startController();
    const kube = await stage.kube();
    await stage.createService("first");
    await stage.addressOfService("first");
    let next = 0;
    const createUntil = (end: number) =>
      Promise.all(Array.from({ length: CLIENTS }, async () => {
        while (next < end) await stage.createService(`web-${next++}`);
      }));
    await createUntil(SERVICES);
    const given = async () => [...await stage.addresses()].filter(([, addresses]) => addresses.length > 0);
    const told = async () => {
      const listed = await kube.list(RESOURCES.events, {});
      if (!listed.ok) throw new Error(listed.error.message);
      const allocated = listed.value.items.filter((event) => event["reason"] === "IPAllocated");
      return new Set(allocated.map((event) => (event["involvedObject"] as { name: string }).name));
    };
    await until("nearly all is told", async () => (await told()).size > SERVICES - LAST);
    await createUntil(SERVICES + LAST);
    // A write of which nobody knew within a second whether it was one has no event; here all were answered.
    await until("the last have their addresses", async () => (await given()).length === SERVICES + LAST + 1);
    const before = (await told()).size;
    assertEquals(await controller.kill("SIGTERM"), 0, controller.output().slice(-500));
    const after = await told();
    const untold = (await given()).map(([name]) => name).filter((name) => !after.has(name));
    assertEquals(untold, [], `${before} events before the signal`);
    assertEquals(controller.log().filter(({ event }) => event === "eventsLost"), []);
  }));
