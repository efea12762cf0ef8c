// needs: arping tcpdump curl
/**
 * Kill -9 in the middle of work, and a process that is stopped for a while: addresses stay, nothing is given twice, and
 * in the end one node answers.
 */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { RESOURCES } from "../../../lib/base/kube.ts";
import { macOf, type ProgramStage, withPrograms } from "./program_stage.ts";
import { ownerOf, settledOwner, startSpeakers } from "./speakers.ts";
import { answeredBy, arping, canCapture, Capture, pause, until } from "./witness.ts";

const SERVICES = 60;
const RANGE = "192.168.77.130-192.168.77.199";

/** Creates the Services one after the other, whatever happens meanwhile; the API may be away for a while. */
async function createServices(stage: ProgramStage): Promise<void> {
  for (let index = 0; index < SERVICES; index++) {
    await until(`s${index} is created`, async () => {
      try {
        await stage.createService(`s${index}`);
        return true;
      } catch (error) {
        // An answer that was lost with the server may have been a yes.
        return /already exists/.test(String(error));
      }
    });
  }
}

/** What was seen of who has which address: it must never change, and no address may be seen with two. */
class AddressRecord {
  readonly byService = new Map<string, string>();

  async look(stage: ProgramStage): Promise<number> {
    const holders = new Map<string, string>();
    for (const [name, addresses] of await stage.addresses()) {
      assert(addresses.length <= 1, `${name} has ${addresses}`);
      const [address] = addresses;
      if (address === undefined) {
        assert(!this.byService.has(name), `${name} lost ${this.byService.get(name)}`);
        continue;
      }
      assertEquals(this.byService.get(name) ?? address, address, `${name} has another address`);
      assertEquals(holders.get(address), undefined, `${address} belongs to ${name} too`);
      holders.set(address, name);
      this.byService.set(name, address);
    }
    return this.byService.size;
  }
}

for (const [victim, moments] of [["controller", [5, 25, 45]], ["API server", [10, 40]]] as const) {
  Deno.test(`Kill -9 of the ${victim} while Services are created: addresses stay, none is given twice, all get one`, () =>
    withPrograms({ nodes: 1, addresses: RANGE }, async (stage, api) => {
      let controller = await stage.startController();
      await stage.startSpeaker("n1");
      const record = new AddressRecord();
      const creating = createServices(stage);
      for (const moment of moments) {
        await until(`${moment} addresses are given`, async () => await record.look(stage) >= moment);
        if (victim === "controller") {
          await controller.kill("SIGKILL");
          controller = await stage.startController();
        } else {
          await api.kill("SIGKILL");
          api = await stage.startApi();
        }
      }
      await creating;
      await until("all Services have an address", async () => await record.look(stage) === SERVICES);
      await until("the speaker announces what came last", async () => {
        const [address] = [...record.byService.values()].slice(-1);
        return (await arping(stage.client, address!)).macs[0] === macOf("n1");
      });
      for (const address of [...record.byService.values()].slice(0, 10)) {
        await answeredBy(stage.client, address, macOf("n1"));
      }
      // The last address stays free: nothing was leaked by a half-done write.
      assertEquals(new Set(record.byService.values()).size, SERVICES);
    }));
}

Deno.test("Kill -9 of the controller while Services come and go: what is free is given again, what is held is not", () =>
  withPrograms({ nodes: 1, addresses: "192.168.77.200-192.168.77.204" }, async (stage) => {
    let controller = await stage.startController();
    for (let index = 0; index < 5; index++) await stage.createService(`s${index}`);
    const held = new Map<string, string>();
    for (let index = 0; index < 5; index++) held.set(`s${index}`, await stage.addressOfService(`s${index}`));
    await controller.kill("SIGKILL");
    const kube = await stage.kube();
    await kube.remove(RESOURCES.services, { namespace: "default", name: "s2" });
    await stage.createService("new");
    await stage.createService("too-many");
    controller = await stage.startController();
    assertEquals(await stage.addressOfService("new"), held.get("s2"));
    for (const name of ["s0", "s1", "s3", "s4"]) assertEquals(await stage.addressOfService(name), held.get(name));
    assertEquals((await stage.addresses()).get("too-many"), []);
    await kube.remove(RESOURCES.services, { namespace: "default", name: "s4" });
    assertEquals(await stage.addressOfService("too-many"), held.get("s4"));
    assertEquals(await controller.kill("SIGTERM"), 0);
  }));

Deno.test("Kill -9 of the speaker that announces: another answers; after its restart there is one owner", () =>
  withPrograms({ nodes: 3 }, async (stage) => {
    await stage.startController();
    const speakers = await startSpeakers(stage, ["n1", "n2", "n3"]);
    await stage.createService("web");
    const address = await stage.addressOfService("web");
    const owner = await settledOwner(stage, address);
    await speakers.get(owner)!.kill("SIGKILL");
    const successor = await until("another node answers", async () => {
      const now = await ownerOf(stage, address);
      return now !== owner && now;
    });
    assert(successor !== undefined);
    speakers.set(owner, await stage.startSpeaker(owner));
    // It comes first in the order of candidates, so it takes the address back.
    await answeredBy(stage.client, address, macOf(owner));
    assertEquals((await arping(stage.client, address, { count: 5 })).macs, Array(5).fill(macOf(owner)));
    assertEquals(await stage.addressOfService("web"), address);
  }));

Deno.test(
  "A speaker that is stopped for a second: its successor takes over, and nothing that queued is answered late",
  { ignore: !canCapture },
  () =>
    withPrograms({ nodes: 3 }, async (stage) => {
      await stage.startController();
      const speakers = await startSpeakers(stage, ["n1", "n2", "n3"]);
      await stage.createService("web");
      const address = await stage.addressOfService("web");
      const owner = await settledOwner(stage, address);
      const capture = await Capture.start(stage.client);
      await speakers.get(owner)!.signal("SIGSTOP");
      const successor = await until("another node answers", async () => {
        const now = await ownerOf(stage, address);
        return now !== owner && now;
      });
      // These requests reach the stopped process's socket as well.
      assertEquals(new Set((await arping(stage.client, address, { count: 5 })).macs), new Set([macOf(successor)]));
      await pause(500);
      const before = (await capture.sentFor(address, macOf(owner))).length;
      await speakers.get(owner)!.signal("SIGCONT");
      await until("the first candidate tells that it is back", async () => {
        return (await capture.sentFor(address, macOf(owner))).length > before;
      });
      await pause(500);
      // Nobody asked since, so every answer (unicast) would be one to a request from before.
      const late = (await capture.sentFor(address, macOf(owner))).slice(before).filter(({ hex }) =>
        !hex.startsWith("ff")
      );
      assertEquals(late.map(({ hex }) => hex), []);
      await answeredBy(stage.client, address, macOf(owner));
      assertEquals((await arping(stage.client, address, { count: 5 })).macs, Array(5).fill(macOf(owner)));
      await capture.stop();
      // It was no restart: the same process goes on.
      assertEquals(speakers.get(owner)!.log().filter(({ level }) => level === "error"), []);
    }),
);

Deno.test("Kill -9 of the API server: speakers go on answering and handing over without it", () =>
  withPrograms({ nodes: 2 }, async (stage, api) => {
    await stage.startController();
    const speakers = await startSpeakers(stage, ["n1", "n2"]);
    await stage.createService("web");
    const address = await stage.addressOfService("web");
    const owner = await settledOwner(stage, address);
    await api.kill("SIGKILL");
    assertEquals((await arping(stage.client, address, { count: 5 })).received, 5);
    assertEquals(await speakers.get(owner)!.kill("SIGTERM"), 0);
    const other = owner === "n1" ? "n2" : "n1";
    await answeredBy(stage.client, address, macOf(other));
    await stage.startApi();
    await stage.createService("second");
    await answeredBy(stage.client, await stage.addressOfService("second"), macOf(other));
    await answeredBy(stage.client, address, macOf(other));
  }));
