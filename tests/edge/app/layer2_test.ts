// needs: arping tcpdump curl
/** Speakers on a segment, seen by Debian's arping, tcpdump and curl (wire-facts §5.1, §5.2; reference §6.2, §6.5). */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { RESOURCES } from "../../../lib/base/kube.ts";
import { NAMESPACE, NODES } from "../../../lib/app/demo/demo_cluster.ts";
import { ADDRESS, advertisement, MAC_OF, pod, pool, service, withCluster } from "./cluster_stage.ts";
import { inside } from "./inside.ts";
import { answeredBy, arping, canCapture, Capture, curl, pause, unanswered, until } from "./witness.ts";

const WEB = { namespace: "default", name: "web" };
const ADDRESS_HEX = "c0a801f0";

Deno.test("Layer 2: arping gets exactly one answer to each request, from the announcing node's MAC", {
  ignore: !canCapture,
}, () =>
  withCluster(async ({ client, announcer }) => {
    const mac = MAC_OF[await announcer()]!;
    assertEquals(await arping(client, ADDRESS, { count: 5 }), {
      sent: 5,
      received: 5,
      extra: 0,
      macs: [mac, mac, mac, mac, mac],
    });
    // Sent to the node's own MAC, as a kernel does that confirms an entry.
    assertEquals((await arping(client, ADDRESS, { args: ["-t", mac] })).macs, [mac]);
    // A station without an address, as in duplicate address detection: the answer tells it that the address is taken.
    const capture = await Capture.start(client);
    const probe = await arping(client, ADDRESS, { count: 2, args: ["-0"] });
    assertEquals([probe.received, probe.extra, [...new Set(probe.macs)]], [2, 0, [mac]]);
    const answers = (await capture.stop()).map(({ hex }) => hex).filter((hex) => hex.slice(40, 44) === "0002");
    const [from, to] = [mac.replaceAll(":", ""), "020000000064"];
    const answer = `${to}${from}08060001080006040002${from}${ADDRESS_HEX}${to}00000000`;
    assertEquals(answers.filter((hex) => hex.startsWith(answer)).length, 2, `answers: ${answers.join(", ")}`);
    // Nobody answers for a neighbour of the address.
    assertEquals((await arping(client, "192.168.1.241", { count: 2 })).macs, []);
  }));

Deno.test("Layer 2: five bursts of both gratuitous forms with the right bytes, from the chosen node only", {
  ignore: !canCapture,
}, () =>
  withCluster(async ({ cluster, client }) => {
    const capture = await Capture.start(client);
    const second = "192.168.1.99";
    await cluster.apply([pool([`${second}/32`], "second"), service("late")]);
    await until("ten frames came", async () => (await capture.sentFor(second)).length >= 10);
    // Two intervals more, in which a sixth burst would come.
    await pause(2_300);
    const owner = cluster.announcerOf(second)!;
    const frames = (await capture.stop()).filter(({ hex }) => hex.slice(56, 64) === "c0a80163");
    const mac = MAC_OF[owner]!.replaceAll(":", "");
    const arp = (operation: string, target: string) =>
      `ffffffffffff${mac}0806000108000604${operation}${mac}c0a80163${target}c0a80163`.padEnd(120, "0");
    // The reply form counts as gratuitous for Linux only with our own MAC as the target.
    const burst = [arp("0001", "ffffffffffff"), arp("0002", mac)];
    assertEquals(frames.map(({ hex }) => hex), Array.from({ length: 5 }, () => burst).flat());
    const burstAt = frames.filter((_, index) => index % 2 === 0).map(({ at }) => at);
    // 1.1 s between two; one that is late may be nearer to the next.
    const lastsS = burstAt.at(-1)! - burstAt[0]!;
    assert(lastsS > 4, `five bursts within ${lastsS} s`);
  }));

Deno.test("Layer 2: curl reaches the Service, and only while Herald answers: the nodes' kernels hold the address and are silent", () =>
  withCluster(async ({ cluster, client, announcer }) => {
    assertEquals(
      await curl(client, `http://${ADDRESS}/`),
      `${await announcer()} for pod web-${indexOf(await announcer())}\n`,
    );
    const holders = NODES.filter(({ name }) =>
      inside(cluster.lab.host(name).namespacePath, (netlink) => {
        const loopback = netlink.findLink("lo")!.ifindex;
        return netlink.listAddresses().some(({ ip, ifindex }) => ip === ADDRESS && ifindex === loopback);
      })
    );
    assertEquals(holders.length, NODES.length);
    for (const { name } of NODES) await cluster.stopSpeaker(name);
    await unanswered(client, ADDRESS);
    await client.flushNeighbour(ADDRESS);
    assertEquals(await curl(client, `http://${ADDRESS}/`, { timeoutMs: 4000 }), undefined);
    const entry = (await client.neighbours()).find(({ ip }) => ip === ADDRESS);
    assert(entry === undefined || ["failed", "incomplete"].includes(entry.state), `the entry is ${entry?.state}`);
    // The nodes themselves still answer: it was not the network that failed.
    assertEquals((await arping(client, NODES[0].address)).received, 1);
    await cluster.startSpeaker(NODES[1].name);
    await answeredBy(client, ADDRESS, MAC_OF[NODES[1].name]!);
    assertEquals((await curl(client, `http://${ADDRESS}/`))?.startsWith(NODES[1].name), true);
  }));

const ENDS:
  readonly (readonly [string, (stage: Parameters<Parameters<typeof withCluster>[0]>[0]) => Promise<unknown>])[] = [
    ["the Service is deleted", ({ cluster }) => cluster.client.remove(RESOURCES.services, WEB)],
    [
      "the Service is no LoadBalancer any more",
      ({ cluster }) =>
        cluster.client.patch(RESOURCES.services, WEB, { type: "merge", body: { spec: { type: "ClusterIP" } } }),
    ],
    ["its last endpoint goes", async ({ cluster }) => {
      for (const name of ["web-1", "web-2"]) {
        await cluster.client.remove(RESOURCES.pods, { namespace: "default", name });
      }
    }],
    [
      "the L2Advertisement is deleted",
      ({ cluster }) => cluster.client.remove(RESOURCES.l2Advertisements, { namespace: NAMESPACE, name: "l2" }),
    ],
    [
      "the advertisement is limited to an interface that no node has",
      ({ advertise }) => advertise({ interfaces: ["eth7"] }),
    ],
    ["the advertisement is limited to other pools", ({ advertise }) => advertise({ ipAddressPools: ["another"] })],
    [
      "the advertisement is limited to nodes that there are not",
      ({ advertise }) => advertise({ nodeSelectors: [{ matchLabels: { rack: "none" } }] }),
    ],
  ];

Deno.test("Layer 2: nobody answers any more when the reason to announce goes, and somebody again when it comes back", async (t) => {
  await withCluster(async (stage) => {
    const { cluster, client, announcer, advertise } = stage;
    for (const [why, end] of ENDS) {
      await t.step(why, async () => {
        const mac = MAC_OF[await announcer()]!;
        await answeredBy(client, ADDRESS, mac);
        await end(stage);
        await unanswered(client, ADDRESS);
        await cluster.client.remove(RESOURCES.services, WEB);
        await cluster.apply([service("web"), pod("web-1"), pod("web-2")]);
        await advertise({});
        // Candidates do not depend on history: the same node as before.
        await answeredBy(client, ADDRESS, mac);
      });
    }
  });
});

Deno.test("Layer 2: an advertisement for one node moves the address there, with one owner at the end", () =>
  withCluster(async ({ cluster, client, announcer, advertise }) => {
    const other = NODES.map(({ name }) => name).find((name) => name !== cluster.announcerOf(ADDRESS))!;
    await answeredBy(client, ADDRESS, MAC_OF[await announcer()]!);
    await advertise({ nodeSelectors: [{ matchLabels: { "kubernetes.io/hostname": other } }] });
    await answeredBy(client, ADDRESS, MAC_OF[other]!);
    assertEquals((await curl(client, `http://${ADDRESS}/`))?.startsWith(other), true);
  }));

Deno.test("Layer 2: a speaker that is told to stop answers until its successor has announced itself on the wire", {
  ignore: !canCapture,
}, () =>
  withCluster(async ({ cluster, client, announcer }) => {
    const owner = await announcer();
    await answeredBy(client, ADDRESS, MAC_OF[owner]!);
    const capture = await Capture.start(client);
    const asked = 50;
    const asking = arping(client, ADDRESS, { count: asked });
    await until("the asking has begun", async () => (await capture.sentFor(ADDRESS, MAC_OF[owner])).length > 2);
    await cluster.stopSpeaker(owner);
    const stoppedAt = Date.now() / 1000;
    const successor = await announcer();
    const { sent, received } = await asking;
    assertEquals([sent, received], [asked, asked], "a request was not answered");
    const frames = await capture.sentFor(ADDRESS);
    await capture.stop();
    const isGratuitous = ({ hex }: { hex: string }) => hex.startsWith("ffffffffffff");
    const from = (node: string) => MAC_OF[node]!.replaceAll(":", "");
    const announced = frames.find((frame) => isGratuitous(frame) && frame.hex.slice(44, 56) === from(successor));
    assert(announced !== undefined && announced.at <= stoppedAt, "the leaver did not wait for its successor");
    // Both may answer one request at the turn, and nobody else ever does.
    const answers = frames.filter((frame) => !isGratuitous(frame)).map(({ hex }) => hex.slice(44, 56));
    assertEquals(new Set(answers), new Set([from(owner), from(successor)]));
    assert(answers.length <= asked + 2, `${answers.length} answers to ${asked} requests`);
  }));

Deno.test("Layer 2: an interface that comes later is served, an interface list is respected, one that goes disturbs nothing", () =>
  withCluster(async ({ cluster, client, announcer, advertise }) => {
    const owner = cluster.lab.host(await announcer());
    const mac = MAC_OF[owner.name]!;
    await answeredBy(client, ADDRESS, mac);
    inside(owner.namespacePath, (netlink) => {
      netlink.createVeth({ name: "eth1", peer: "eth1", peerNamespace: { tid: client.tid } });
      netlink.setUp(netlink.findLink("eth1")!.ifindex, true);
    });
    inside(client.namespacePath, (netlink) => netlink.setUp(netlink.findLink("eth1")!.ifindex, true));
    const secondMac = inside(owner.namespacePath, (netlink) => netlink.findLink("eth1")!.mac!)
      .toString(16).padStart(12, "0").match(/../g)!.join(":");
    const over = async (device: string) =>
      (await arping(client, ADDRESS, { device, count: 2, args: ["-S", "192.168.1.100"] })).macs;
    await until("it is answered on the new interface", async () => (await over("eth1")).length === 2);
    assertEquals([await over("eth0"), await over("eth1")], [[mac, mac], [secondMac, secondMac]]);

    await advertise({ interfaces: ["eth0"] });
    await until("eth1 is silent", async () => (await over("eth1")).length === 0);
    await until("eth0 is answered", async () => (await over("eth0")).length === 2);
    await advertise({ interfaces: ["eth1"] });
    await until("eth0 is silent", async () => (await over("eth0")).length === 0);
    await until("eth1 is answered", async () => (await over("eth1")).length === 2);
    await advertise({});
    await until(
      "both are answered",
      async () => (await over("eth0")).length === 2 && (await over("eth1")).length === 2,
    );
    inside(owner.namespacePath, (netlink) => netlink.deleteLink(netlink.findLink("eth1")!.ifindex));
    assertEquals(await over("eth0"), [mac, mac]);
  }));

Deno.test("Layer 2: a second advertisement widens what a first one limits", () =>
  withCluster(async ({ cluster, client, advertise, announcer }) => {
    await advertise({ interfaces: ["eth7"] });
    await unanswered(client, ADDRESS);
    await cluster.apply([advertisement({}, "wide")]);
    await answeredBy(client, ADDRESS, MAC_OF[await announcer()]!);
  }));

function indexOf(node: string): number {
  return NODES.findIndex(({ name }) => name === node) % 2 + 1;
}
