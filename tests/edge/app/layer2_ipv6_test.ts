// needs: ndisc6 tcpdump tshark ip
/** Speakers on an IPv6 segment, seen by Debian's ndisc6, tcpdump and tshark, and by the kernel of a neighbour (wire-facts §5.4). */
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { NODES } from "../../../lib/app/demo/demo_cluster.ts";
import type { LabHost } from "../../../lib/edge/lab/lab_host.ts";
import { type ClusterStage, ipv6OnAllNodes, MAC_OF, pod, pool, service, withCluster } from "./cluster_stage.ts";
import { canCapture, Capture, textOf, until } from "./witness.ts";

const VIP = "fd98::210";
/** The group of its solicitations. */
const GROUP = "ff02::1:ff00:210";
const CLIENT = "fd98::64";

/** Runs `test` when a node announces the IPv6 address of a Service and the client has an address beside it. */
function withIpv6(test: (stage: ClusterStage & { readonly owner: string }) => Promise<void>): Promise<void> {
  return withCluster(async (stage) => {
    const { cluster, client } = stage;
    await ip(client, `-6 addr add ${CLIENT}/64 dev eth0 nodad`);
    await ipv6OnAllNodes(stage);
    await cluster.apply([
      pool([`${VIP}/128`, "192.168.1.250/32"], "six"),
      // The endpoints of the demo have IPv4 addresses.
      service("six", { ipFamilyPolicy: "RequireDualStack", selector: { app: "six" } }),
      pod("six-1", "six"),
    ]);
    const owner = await until(`${VIP} is announced`, () => cluster.announcerOf(VIP));
    await until(`${VIP} is answered for`, async () => (await ndisc6(client)).length > 0);
    await test({ ...stage, owner });
  });
}

/** The MAC addresses, each once, in the answers to one solicitation and in what is announced meanwhile. */
async function ndisc6(client: LabHost): Promise<string[]> {
  const { stdout } = await client.run("ndisc6", ["-m", "-r", "1", "-w", "1500", VIP, "eth0"]);
  const macs = [...stdout.matchAll(/Target link-layer address: ([0-9A-F:]{17})/g)].map((match) => match[1]!);
  return [...new Set(macs)].map((mac) => mac.toLowerCase());
}

async function ip(host: LabHost, line: string): Promise<string> {
  const { code, stdout, stderr } = await host.run("ip", line.split(" "));
  if (code !== 0) throw new Error(`ip ${line}: ${stderr}`);
  return stdout;
}

/** The client's entry, as `ip -6 neigh` prints it. */
async function entry(client: LabHost): Promise<string> {
  return (await ip(client, `-6 neigh show ${VIP} dev eth0`)).trim();
}

/** Makes the client's kernel look for the address. */
async function resolve(client: LabHost): Promise<void> {
  await client.run("bash", ["-c", `echo x > /dev/udp/${VIP}/9`]);
}

Deno.test("Layer 2, IPv6: one node answers, to ndisc6 and to the kernel of a neighbour", () =>
  withIpv6(async ({ client, owner }) => {
    const mac = MAC_OF[owner]!;
    for (let round = 0; round < 3; round++) assertEquals(await ndisc6(client), [mac]);
    await resolve(client);
    await until("the kernel knows the address", async () => (await entry(client)).includes("REACHABLE"));
    assertMatch(await entry(client), new RegExp(`lladdr ${mac} `));
    // A kernel that confirms an entry asks the station alone, without saying who it is (NUD, RFC 4861 §7.3).
    await client.setSysctl("net/ipv6/neigh/eth0/delay_first_probe_time", 0);
    await ip(client, `-6 neigh change ${VIP} lladdr ${mac} dev eth0 nud stale`);
    await resolve(client);
    await until("the kernel has confirmed it", async () => (await entry(client)).includes("REACHABLE"));
  }));

Deno.test("Layer 2, IPv6: a host that takes the address finds it taken (RFC 4862 §5.4)", () =>
  withIpv6(async ({ client, owner }) => {
    await ip(client, `-6 addr add ${VIP}/64 dev eth0`);
    await until("duplicate address detection failed", async () => {
      return (await ip(client, "-6 addr show dev eth0")).includes("dadfailed");
    });
    await ip(client, `-6 addr del ${VIP}/64 dev eth0`);
    assertEquals(await ndisc6(client), [MAC_OF[owner]!]);
  }));

Deno.test("Layer 2, IPv6: a successor is told at once: its advertisement overrides, and MLD reports its membership", {
  ignore: !canCapture,
}, () =>
  withIpv6(async ({ cluster, client, owner }) => {
    await resolve(client);
    await until("the kernel knows the address", async () => (await entry(client)).includes(MAC_OF[owner]!));
    const capture = await Capture.start(client, "ip6");
    await cluster.stopSpeaker(owner);
    const successor = await until(`${VIP} has a successor`, () => {
      const now = cluster.announcerOf(VIP);
      return now !== owner && now;
    });
    // Without a packet of the client's own: it learns from the advertisement alone.
    await until("the kernel knows the successor", async () => (await entry(client)).includes(MAC_OF[successor]!));
    const mac = MAC_OF[successor]!.replaceAll(":", "");
    const target = "fd980000000000000000000000000210";
    const group = "ff0200000000000000000001ff000210";
    // Behind hop-by-hop options, type 143: a report of multicast listeners, version 2.
    const isReport = (frame: string) => frame.slice(12, 24) === mac && /8f00/.test(frame) && frame.includes(group);
    await until(
      `there is an MLD report of ${successor} for ${GROUP}`,
      async () => (await capture.frames()).some((frame) => isReport(frame.hex)),
    );
    const hex = (await capture.stop()).map((frame) => frame.hex);
    const announced = hex.filter((frame) => frame.startsWith(`333300000001${mac}86dd`) && frame.includes(target));
    // Type 136 with the override flag alone, and the address as its option.
    assertMatch(
      announced[0] ?? "",
      new RegExp(`ff02000000000000000000000000000188..(?:....)20000000${target}0201${mac}`),
    );
  }));

Deno.test("Layer 2, IPv6: the owner is in the solicited-node group, the others are not", () =>
  withIpv6(async ({ cluster, owner }) => {
    for (const { name } of NODES) {
      const groups = await ip(cluster.lab.host(name), "-6 maddr show dev eth0");
      assertEquals(groups.includes(GROUP), name === owner, `${name}: ${groups}`);
    }
  }));

Deno.test("Layer 2, IPv6: tshark finds nothing wrong with what is sent, and reads in it what RFC 4861 wants", {
  ignore: !canCapture,
}, () =>
  withIpv6(async ({ cluster, client, owner }) => {
    const fields = [
      "eth.src",
      "ipv6.src",
      "ipv6.dst",
      "ipv6.hlim",
      "icmpv6.nd.na.flag.r",
      "icmpv6.nd.na.flag.s",
      "icmpv6.nd.na.flag.o",
      "icmpv6.nd.na.target_address",
      "icmpv6.opt.linkaddr",
      "icmpv6.checksum.status",
      "_ws.malformed",
      "_ws.expert.message",
    ];
    const filter = `icmpv6.type == 136 && icmpv6.nd.na.target_address == ${VIP}`;
    const line = ["-i", "eth0", "-l", "-Y", filter, "-T", "fields", ...fields.flatMap((field) => ["-e", field])];
    const path = await Deno.makeTempFile({ prefix: "herald-tshark-" });
    const child = await client.spawn("sh", [
      "-c",
      'out="$1"; shift; exec "$@" >"$out" 2>"$out.err"',
      "sh",
      path,
      "tshark",
      ...line,
    ]);
    const captured = async (wanted: { mac: string; solicited: "0" | "1" }) =>
      (await textOf(path)).split("\n").slice(0, -1).map((text) =>
        text.split("\t").map((cell) => cell.replace(/^(True|False)$/, (word) => `${Number(word === "True")}`))
      ).find(([mac, , , , , solicited]) => mac === wanted.mac && solicited === wanted.solicited);
    const asked = MAC_OF[owner]!;
    // It says that it listens a moment before it does.
    const answer = await until("an answer was captured", async () => {
      await ndisc6(client);
      return await captured({ mac: asked, solicited: "1" });
    });
    await cluster.stopSpeaker(owner);
    const successor = await until(`${VIP} has a successor`, () => {
      const now = cluster.announcerOf(VIP);
      return now !== owner && now;
    });
    const announced = MAC_OF[successor]!;
    const news = await until("the news was captured", () => captured({ mac: announced, solicited: "0" }));
    await child.kill("SIGINT");
    await child.result();
    for (const file of [path, `${path}.err`]) await Deno.remove(file);
    const clean = ["1", "", ""];
    assertEquals(answer.toSpliced(2, 1), [asked, VIP, "255", "0", "1", "1", VIP, asked, ...clean]);
    assertEquals(news, [announced, VIP, "ff02::1", "255", "0", "0", "1", VIP, announced, ...clean]);
  }));

Deno.test("Layer 2, IPv6: a node whose interface loses IPv6 hands over its IPv6 address alone, and has it back with it", () =>
  withIpv6(async ({ cluster, client, owner }) => {
    const four = "192.168.1.250";
    const owner4 = await until(`${four} is announced`, () => cluster.announcerOf(four));
    const host = cluster.lab.host(owner);
    await host.setSysctl("net/ipv6/conf/eth0/disable_ipv6", 1);
    const successor = await until(`${VIP} has a successor`, () => {
      const now = cluster.announcerOf(VIP);
      return now !== owner && now;
    });
    await until(
      "the successor answers",
      async () => (await ndisc6(client)).join() === MAC_OF[successor],
    );
    assertEquals(cluster.announcerOf(four), owner4);
    // Its link-local address is a new one, which counts when the kernel has found no duplicate of it.
    await host.setSysctl("net/ipv6/conf/eth0/disable_ipv6", 0);
    await until(`${owner} answers again`, async () => (await ndisc6(client)).join() === MAC_OF[owner]);
  }));
