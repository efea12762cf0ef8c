// needs: memberlist-peer namespaces
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import type { Lab } from "../../../lib/edge/lab/lab.ts";
import { deriveMemberlistKey } from "../../../lib/wire/memberlist/keyring.ts";
import { findTool, MEMBERLIST_PEER } from "../../support/kube_tools.ts";
import { addressOf, GossipingSpeaker, PORT, until, withLab } from "./gossip_stage.ts";

/** As the controller makes it: 22 characters. */
const SECRET = new TextEncoder().encode("abcdefghijklmnopqrstuv");

/** A MetalLB speaker as far as the gossip goes. */
async function startPeer(lab: Lab, index: number, more: { address?: string; key?: Uint8Array } = {}) {
  const host = lab.host(`h${index}`);
  const { address = addressOf(index), key } = more;
  const child = await host.spawn(findTool(MEMBERLIST_PEER)!, [
    ...["-name", `m${index}`, "-address", address],
    ...key === undefined ? [] : ["-key", key.toHex()],
  ]);
  const get = async (path: string) => (await host.httpGet(`http://127.0.0.1:7373${path}`)).body;
  await until(`the peer of h${index} answers`, async () => await get("/members").catch(() => undefined));
  return {
    child,
    get,
    /** Names with the length of the Meta. */
    members: async () =>
      new Map(
        (await get("/members")).trim().split("\n").map((line) => line.split(" "))
          .map(([name, , , metaBytes]) => [name!, Number(metaBytes)]),
      ),
  };
}

async function migrates(key: { secret: Uint8Array; key: Uint8Array } | undefined): Promise<void> {
  await withLab(4, async (lab) => {
    const secret = key?.secret;
    const peerKey = key === undefined ? {} : { key: key.key };
    const heralds = [1, 2].map((i) =>
      new GossipingSpeaker(lab.host(`h${i}`), { node: `n${i}`, address: addressOf(i), secret })
    );
    const m3 = await startPeer(lab, 3, peerKey);
    const m4 = await startPeer(lab, 4, peerKey);
    // As MetalLB does it: it calls every speaker's Pod.
    await m4.get(`/join?to=${addressOf(3)}`);
    await m4.get(`/join?to=${addressOf(1)}`);
    heralds[1]!.name([1, 3, 4].map((i) => ({ node: `x${i}`, address: addressOf(i) })));
    const all = ["m3", "m4", "n1", "n2"];
    for (const peer of [m3, m4]) {
      const members = await until("MetalLB's sees all", async () => {
        const seen = await peer.members();
        return seen.size === 4 && seen;
      });
      assertEquals([...members.keys()].toSorted(), all);
      assertEquals([members.get("m3"), members.get("m4")], [0, 0]);
      assert(members.get("n1")! > 20, "Herald says what it is");
    }
    for (const herald of heralds) {
      const members = await until("Herald sees all alive", async () => {
        const seen = await herald.members();
        return seen.size === 4 && [...seen.values()].every(({ state }) => state === "alive") && seen;
      });
      assertEquals([members.get("m3")!.facts, members.get("n1")!.facts?.watchPort], [null, PORT + 1]);
    }
    // MetalLB's is replaced by Herald's on one node after the other: a farewell, or a crash.
    await m3.get("/leave");
    await m3.child.kill();
    await m4.child.kill("SIGKILL");
    for (const herald of heralds) {
      await until("Herald sees m3 leave", async () => await herald.stateOf("m3") === "left");
      await until("Herald sees m4 die", async () => await herald.stateOf("m4") === "dead");
    }
    const suspected = () => heralds[1]!.logged("memberSuspected").filter(({ member }) => member === "n1").length;
    const before = suspected();
    // One node of MetalLB goes back to where it was, and sees Herald leave at once.
    const back = await startPeer(lab, 4, peerKey);
    await back.get(`/join?to=${addressOf(2)}`);
    await until("MetalLB's sees both", async () => (await back.members()).size >= 3);
    await heralds[0]!.stop();
    await until("MetalLB's sees Herald leave", async () => !(await back.members()).has("n1"));
    await until("Herald sees Herald leave", async () => await heralds[1]!.stateOf("n1") === "left");
    // Both took its word for it.
    assertEquals(suspected(), before);
    await back.child.kill("SIGKILL");
    assertEquals((await back.child.result()).stderr.split("\n").filter((line) => line.includes("Suspect n1")), []);
    await heralds[1]!.cut();
  });
}

/** Herald's speakers have an address of the second family, and all gossip is there. */
async function speaksIpv6(): Promise<void> {
  await withLab(2, async (lab) => {
    for (const i of [1, 2]) await lab.host(`h${i}`).addAddress("eth0", `fd00:77::${i}/64`);
    const peer = await until(
      "the address is usable",
      () => startPeer(lab, 2, { address: "fd00:77::2" }).catch(() => undefined),
    );
    const herald = new GossipingSpeaker(lab.host("h1"), { node: "n1", address: "fd00:77::1" });
    herald.name([{ node: "m2", address: "fd00:77::2" }]);
    await until("Herald sees the peer", async () => await herald.stateOf("m2") === "alive");
    await until("the peer sees Herald", async () => (await peer.members()).has("n1"));
    await new Promise((resolve) => setTimeout(resolve, 5000));
    assertEquals(herald.logged("memberSuspected"), []);
    await herald.cut();
  });
}

const KEY = { secret: SECRET, key: deriveMemberlistKey(SECRET) };
const STEPS: readonly [name: string, step: () => Promise<void>][] = [
  ["two of MetalLB's nodes and two of Herald's, in plain text, while they are replaced", () => migrates(undefined)],
  ["the same with the key that MetalLB makes of its Secret", () => migrates(KEY)],
  ["over IPv6", speaksIpv6],
];

/** They wait for seconds to pass, so they do it together; each has its own network. */
Deno.test("memberlist 0.5.1, as MetalLB has it", async (t) => {
  const alone = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };
  const passed = await Promise.all(STEPS.map(([name, fn]) => t.step({ name, fn, ...alone })));
  assert(passed.every(Boolean), "see the steps");
});
