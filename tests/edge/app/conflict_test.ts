// needs: arping tcpdump ip ndisc6
/** Strangers on the segment: a Linux host that has the address of a Service, and Debian's arping (RFC 5227). */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { RESOURCES } from "../../../lib/base/kube.ts";
import { formatMac } from "../../../lib/base/mac.ts";
import { CLIENT, NAMESPACE, NODES } from "../../../lib/app/demo/demo_cluster.ts";
import {
  ADDRESS,
  type ClusterStage,
  ipv6OnAllNodes,
  MAC_OF,
  pod,
  pool,
  service,
  withCluster,
} from "./cluster_stage.ts";
import { answeredBy, arping, canCapture, Capture, pause, until } from "./witness.ts";

/** The address of a second Service. */
const TAKEN = "192.168.1.99";
const STRANGER = formatMac(CLIENT.mac);

async function takenService({ cluster }: ClusterStage): Promise<void> {
  await cluster.apply([pool([`${TAKEN}/32`], "second"), service("late")]);
}

/** Messages of the events of this reason on the Service. */
async function eventsOn({ cluster }: ClusterStage, name: string, reason: string): Promise<string[]> {
  const events = await cluster.client.list(RESOURCES.events);
  return (events.ok ? events.value.items : []).filter((event) =>
    event["reason"] === reason && (event["involvedObject"] as { name?: string }).name === name
  ).map((event) => String(event["message"]));
}

async function conflictCondition({ cluster }: ClusterStage, node: string): Promise<string | undefined> {
  const target = { namespace: NAMESPACE, name: `speaker-${node}` };
  const state = await cluster.client.get(RESOURCES.configurationStates, target);
  const status = state.ok ? state.value["status"] as { conditions?: { type: string; message: string }[] } : undefined;
  return status?.conditions?.find(({ type }) => type === "herald.dev/AddressConflict")?.message;
}

/** Who answers, asked from the node that is not `node`. */
async function answersFrom({ cluster }: ClusterStage, node: string): Promise<readonly string[]> {
  const other = NODES.find(({ name }) => name !== node)!.name;
  return [...new Set((await arping(cluster.lab.host(other), TAKEN, { count: 3 })).macs)];
}

Deno.test("Conflict: a host that has the address first keeps it, everybody is told, and the Service gets it when the host lets go", () =>
  withCluster(async (stage) => {
    const { client, cluster, events } = stage;
    await client.addAddress(client.interface, `${TAKEN}/24`);
    await takenService(stage);
    const conflict = await until("a conflict is logged", () => events.find(({ event }) => event === "addressConflict"));
    const node = String(conflict["node"]);
    assertEquals(
      [conflict.level, conflict["address"], conflict["mac"], conflict["answered"]],
      ["warn", TAKEN, STRANGER, false],
    );
    const [message] = await until("the Service has the event", async () => {
      const found = await eventsOn(stage, "late", "addressConflict");
      return found.length > 0 && found;
    });
    for (const word of [TAKEN, STRANGER, node, "does not answer"]) assertStringIncludes(message!, word);
    assertStringIncludes(
      await until("there is a condition", () => conflictCondition(stage, node)),
      `Service default/late: a station that is no speaker of this cluster, ${STRANGER}`,
    );
    assertEquals(await answersFrom(stage, node), [STRANGER]);
    assertEquals(cluster.announcerOf(TAKEN), undefined);
    // The other Service is none of its business.
    assertEquals((await arping(client, ADDRESS)).received, 1);

    await client.deleteAddress(client.interface, `${TAKEN}/24`);
    await answeredBy(client, TAKEN, MAC_OF[node]!);
    await until("the condition is gone", async () => (await conflictCondition(stage, node)) === undefined);
    assertEquals(events.filter(({ event }) => event === "addressConflict").length, 1);
  }));

Deno.test(
  "Conflict: a host that takes an announced address is told of, and answered with one announcement in ten seconds",
  {
    ignore: !canCapture,
  },
  () =>
    withCluster(async (stage) => {
      const { client, events, announcer } = stage;
      const node = await announcer();
      const mac = MAC_OF[node]!.replaceAll(":", "");
      const capture = await Capture.start(client);
      await capture.untilBurstsAreOver(ADDRESS, mac);
      const bursts = (await capture.sentFor(ADDRESS, mac)).length;
      for (let i = 0; i < 5; i++) {
        await client.run("arping", ["-U", "-c", "1", "-W", "0.2", "-i", client.interface, "-S", ADDRESS, ADDRESS]);
      }
      await until("all claims were seen", async () => (await capture.sentFor(ADDRESS, STRANGER)).length >= 5);
      await until("it is defended", async () => (await capture.sentFor(ADDRESS, mac)).length >= bursts + 2);
      await pause(500);
      const defences = (await capture.sentFor(ADDRESS, mac)).slice(bursts);
      await capture.stop();
      assertEquals(defences.map(({ hex }) => hex.slice(40, 44)), ["0001", "0002"], "both forms, once");
      const told = events.filter(({ event }) => event === "addressConflict");
      assertEquals(told.map((event) => [event["address"], event["mac"], event["answered"]]), [[
        ADDRESS,
        STRANGER,
        true,
      ]]);
      await until(
        "the Service has the event",
        async () => (await eventsOn(stage, "web", "addressConflict")).length === 1,
      );
      assertEquals((await arping(client, ADDRESS)).macs, [MAC_OF[node]!]);
    }),
);

/** `herald.dev/probe` on the advertisement of all pools. */
async function setProbe({ cluster }: ClusterStage, probe: string): Promise<void> {
  const body = { metadata: { annotations: { "herald.dev/probe": probe } } };
  const target = { namespace: NAMESPACE, name: "l2" };
  const patched = await cluster.client.patch(RESOURCES.l2Advertisements, target, { type: "merge", body });
  assert(patched.ok);
}

/** ARP frames of the nodes about {@linkcode TAKEN}: `probe`, or what says that a node has it. */
async function saidOf(capture: Capture): Promise<string[]> {
  const nodes = new Set(Object.values(MAC_OF).map((mac) => mac.replaceAll(":", "")));
  return (await capture.stop()).flatMap(({ hex }) => {
    if (!nodes.has(hex.slice(44, 56))) return [];
    if (hex.slice(56, 64) === "00000000" && hex.slice(76, 84) === "c0a80163") return ["probe"];
    return hex.slice(56, 64) === "c0a80163" ? [hex.slice(40, 44) === "0001" ? "request" : "reply"] : [];
  });
}

Deno.test("Conflict: with `strict` three probes go out before anything says that the address is here", {
  ignore: !canCapture,
}, () =>
  withCluster(async (stage) => {
    await setProbe(stage, "strict");
    const capture = await Capture.start(stage.client);
    await takenService(stage);
    await until("it is announced", () => stage.cluster.announcerOf(TAKEN));
    await until("it is on the wire", async () => (await capture.sentFor(TAKEN)).length >= 2);
    assertEquals((await saidOf(capture)).slice(0, 5), ["probe", "probe", "probe", "request", "reply"]);
  }));

Deno.test("Conflict: with `strict` a host that has the address first never sees a node claim it", {
  ignore: !canCapture,
}, () =>
  withCluster(async (stage) => {
    const { client, events } = stage;
    await setProbe(stage, "strict");
    await client.addAddress(client.interface, `${TAKEN}/24`);
    const capture = await Capture.start(client);
    await takenService(stage);
    await until("a conflict is logged", () => events.find(({ event }) => event === "addressConflict"));
    // Two more rounds of asking, at least.
    await pause(5000);
    const said = await saidOf(capture);
    assertEquals([said.length >= 3, new Set(said)], [true, new Set(["probe"])]);
  }));

Deno.test("Conflict: an IPv6 address that a host has already is left to it, and taken when the host lets go", () =>
  withCluster(async (stage) => {
    const { client, cluster, events } = stage;
    const address = "fd98::211";
    const ip = async (line: string) => assertEquals((await client.run("ip", line.split(" "))).code, 0, line);
    await ip("-6 addr add fd98::64/64 dev eth0 nodad");
    await ip(`-6 addr add ${address}/64 dev eth0 nodad`);
    await ipv6OnAllNodes(stage);
    await cluster.apply([
      pool([`${address}/128`, "192.168.1.251/32"], "six"),
      // The endpoints of the demo have IPv4 addresses.
      service("six", { ipFamilyPolicy: "RequireDualStack", selector: { app: "six" } }),
      pod("six-1", "six"),
    ]);
    const conflict = await until("a conflict is logged", () => events.find(({ event }) => event === "addressConflict"));
    assertEquals([conflict["address"], conflict["mac"], conflict["answered"]], [address, STRANGER, false]);
    assertEquals(cluster.announcerOf(address), undefined);
    await until(
      "the Service has the event",
      async () => (await eventsOn(stage, "six", "addressConflict")).length === 1,
    );
    await ip(`-6 addr del ${address}/64 dev eth0`);
    await until("a node announces it", () => cluster.announcerOf(address));
    await until("it is answered for", async () => {
      const { stdout } = await client.run("ndisc6", ["-1", "-r", "1", "-w", "500", address, "eth0"]);
      return /Target link-layer address: 02:00:00:00:00:0[A-C]/.test(stdout);
    });
  }));

Deno.test("Conflict: kernels of our own nodes that answer too, for want of strictARP, are no strangers", () =>
  withCluster(async (stage) => {
    const { cluster, events } = stage;
    for (const { name } of NODES) {
      const host = cluster.lab.host(name);
      for (const conf of ["all", host.interface]) await host.setSysctl(`net/ipv4/conf/${conf}/arp_ignore`, 0);
    }
    await takenService(stage);
    const owner = await until("it is announced", () => cluster.announcerOf(TAKEN));
    await cluster.proxySettled();
    await arping(stage.client, TAKEN, { count: 3 });
    await pause(1000);
    assertEquals(events.filter(({ event }) => event.startsWith("addressConflict")), []);
    assertEquals(cluster.announcerOf(TAKEN), owner);
  }));
