// needs: arping ip
/** A neighbour that must answer is asked by a real packet thread and answered by a real kernel. */
import { assertEquals } from "@std/assert/equals";
import { PacketPort } from "../../../lib/app/packet_port.ts";
import { parseMac } from "../../../lib/base/mac.ts";
import { DEFAULT_ADDRESS_POLICY } from "../../../lib/base/wanted.ts";
import { Lab } from "../../../lib/edge/lab/lab.ts";
import type { LabHost } from "../../../lib/edge/lab/lab_host.ts";
import { inside } from "./inside.ts";
import { ADDRESS, CLIENT, CLIENT6, PacketStage } from "./packet_stage.ts";
import { arping, until } from "./witness.ts";

const ROUTER = "10.9.0.1";
const SHARED = "10.9.0.200";
const MACS = ["02:00:00:00:09:01", "02:00:00:00:09:02"] as const;

Deno.test("Link probe: a switch port without a cable at its far end is noticed although our carrier stays, and so is its return", () =>
  PacketStage.run(async (stage) => {
    const linkProbes = [CLIENT, CLIENT6];
    stage.want({ address: ADDRESS, policy: { ...DEFAULT_ADDRESS_POLICY, linkProbes } });
    const targets = async () => {
      const state = await stage.inspect() as { linkProbe: { targets: { on: { verdict: string }[] }[] } };
      return state.linkProbe.targets.flatMap(({ on }) => on.map(({ verdict }) => verdict));
    };
    await until("both kernels' answers are heard", async () => (await targets()).join() === "answers,answers");
    assertEquals(stage.logs("linkProbeFailed", "address"), []);
    await stage.client.cutCable();
    await until("both have failed", () => stage.logs("linkProbeFailed", "address").length === 2);
    assertEquals(stage.logs("linkProbeFailed", "address").toSorted(), linkProbes.toSorted());
    assertEquals(stage.report.usable, ["eth0"]);
    await stage.client.plugCable();
    await until("both are back", () => stage.logs("linkProbeAnswers", "address").length === 2);
    assertEquals(await targets(), ["answers", "answers"]);
  }));

Deno.test("Link probe: a node whose segment leads nowhere hands its address to the next one, and takes it back, while both hear each other", async () => {
  const lab = await Lab.create({
    hosts: ["n1", "n2", "client"].map((name, i) => ({ name, address: `192.168.77.${11 + i}/24` })),
  });
  const client = lab.host("client");
  const speakers: PacketPort[] = [];
  try {
    // The segment of the address is a bridge inside the client, which is its router.
    await ip(client, "link add br1 type bridge");
    await ip(client, "link set br1 up");
    // Linux answers for its addresses on any interface otherwise, on one that leads nowhere too.
    await client.setSysctl("net/ipv4/conf/all/arp_ignore", 1);
    await ip(client, `address add ${ROUTER}/24 dev br1`);
    for (const [index, name] of ["n1", "n2"].entries()) {
      inside(lab.host(name).namespacePath, (netlink) => {
        netlink.createVeth({ name: "eth1", peer: `to-${name}`, peerNamespace: { tid: client.tid } });
        const { ifindex } = netlink.findLink("eth1")!;
        netlink.setMac(ifindex, parseMac(MACS[index]!)!);
        netlink.setUp(ifindex, true);
      });
      await ip(client, `link set to-${name} master br1 up`);
      speakers.push(startSpeaker(lab, { name, peer: name === "n1" ? "n2" : "n1" }));
    }
    const answeredBy = (mac: string) =>
      until(`${SHARED} is answered by ${mac} alone`, async () => {
        const { macs, extra } = await arping(client, SHARED, { device: "br1", count: 2 });
        return macs.length === 2 && extra === 0 && macs.every((one) => one === mac);
      });
    await answeredBy(MACS[0]);
    // The carrier of n1's eth1 stays; what is behind it is gone.
    await ip(client, "link set to-n1 nomaster");
    await answeredBy(MACS[1]);
    await ip(client, "link set to-n1 master br1");
    await answeredBy(MACS[0]);
  } finally {
    for (const speaker of speakers) await speaker.cut();
    await lab.close();
  }
});

/** A packet thread that watches the other one over eth0 and may answer on eth1. */
function startSpeaker(lab: Lab, { name, peer }: { name: string; peer: string }): PacketPort {
  const addressOf = (node: string) => `192.168.77.${node === "n1" ? 11 : 12}`;
  const watch = { address: addressOf(name), port: 7947, secret: undefined };
  const { namespacePath } = lab.host(name);
  const options = { node: name, generation: 1, watch, exclusions: ["^lo$"], namespacePath };
  const speaker = new PacketPort(options, { onEvent: () => {} });
  speaker.send({
    generation: 1,
    upsertAddresses: [{
      address: SHARED,
      candidates: ["n1", "n2"],
      interfaces: ["eth1"],
      services: ["default/web"],
      policy: { ...DEFAULT_ADDRESS_POLICY, linkProbes: [ROUTER] },
    }],
    removeAddresses: [],
    upsertPeers: [{ node: peer, address: addressOf(peer), port: 7947 }],
    removePeers: [],
    complete: true,
  });
  return speaker;
}

async function ip(host: LabHost, line: string): Promise<void> {
  const { code, stderr } = await host.run("ip", line.split(" "));
  if (code !== 0) throw new Error(`ip ${line}: ${stderr}`);
}
