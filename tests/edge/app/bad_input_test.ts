// needs: arping curl
/** What users and strangers get wrong: it is named where it is wrong, and everything else goes on. */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { type KubeObject, RESOURCES } from "../../../lib/base/kube.ts";
import { SeededRng } from "../../../lib/base/rng.ts";
import { NAMESPACE, NODES } from "../../../lib/app/demo/demo_cluster.ts";
import { ARP_FILTER } from "../../../lib/edge/net/bpf.ts";
import { PacketSocket } from "../../../lib/edge/net/packet_socket.ts";
import { UdpSocket } from "../../../lib/edge/net/udp_socket.ts";
import { deriveWatchKey, encodeWatchMessage } from "../../../lib/protocol/watch/message.ts";
import { ADDRESS, advertisement, type ClusterStage, MAC_OF, pool, service, withCluster } from "./cluster_stage.ts";
import { enter } from "./inside.ts";
import { answeredBy, arping, pause, until } from "./witness.ts";

interface Problem {
  readonly severity: string;
  readonly kind: string;
  readonly name: string;
  readonly path: string;
  readonly message: string;
}

interface BadObject {
  readonly why: string;
  readonly object: KubeObject;
  /** What `/status` must say of it; `refused`: the API does not take it at all. */
  readonly path: string | RegExp;
  readonly message: RegExp;
  /** Who must tell of it. */
  readonly by: "both" | "speaker" | "controller";
}

const bad = (spec: Record<string, unknown>): KubeObject => ({ ...pool([], "bad"), spec });

const BAD_CONFIG: readonly BadObject[] = [
  {
    why: "a range that runs backwards",
    object: pool(["192.168.1.99-192.168.1.90"], "bad"),
    path: "spec.addresses[0]",
    message: /192\.168\.1\.99-192\.168\.1\.90/,
    by: "both",
  },
  {
    why: "an address that is none, beside a good one",
    object: pool(["192.168.1.60/30", "192.168.300.1/32"], "bad"),
    path: "spec.addresses[1]",
    message: /192\.168\.300\.1\/32/,
    by: "both",
  },
  { why: "no addresses", object: pool([], "bad"), path: /^spec\.addresses/, message: /at least one range/, by: "both" },
  {
    why: "a range of two families",
    object: pool(["192.168.1.60-2001:db8::1"], "bad"),
    path: "spec.addresses[0]",
    message: /famil|IPv[46]/,
    by: "both",
  },
  {
    why: "addresses that another pool has",
    object: pool(["192.168.1.0/24"], "worse"),
    path: /^spec\.addresses/,
    message: /pool "worse" overlaps pool "pool" by 192\.168\.1\.240/,
    by: "both",
  },
  {
    why: "an advertisement of a pool that is not there",
    object: advertisement({ ipAddressPools: ["pol"] }, "bad"),
    path: "spec.ipAddressPools[0]",
    message: /"pol".*pool/,
    by: "speaker",
  },
  {
    why: "a node selector with an operator that is none",
    object: advertisement(
      { nodeSelectors: [{ matchExpressions: [{ key: "a", operator: "Is", values: ["b"] }] }] },
      "bad",
    ),
    path: /^spec\.nodeSelectors\[0\]/,
    message: /Is/,
    by: "speaker",
  },
];

async function problemsOf({ cluster }: ClusterStage, by: "speaker" | "controller"): Promise<Problem[]> {
  const program = by === "controller" ? cluster.controller : [...cluster.speakers.values()][0]!;
  return (await program.inspect() as unknown as { problems: Problem[] }).problems;
}

Deno.test("Bad configuration: each bad object is named with its field in status and log, and serving goes on", async (t) => {
  await withCluster(async (stage) => {
    const { cluster, client, announcer, events } = stage;
    const mac = MAC_OF[await announcer()]!;
    for (const { why, object, path, message, by } of BAD_CONFIG) {
      await t.step(why, async () => {
        const seen = events.length;
        await cluster.apply([object]);
        const kind = object.kind === "IPAddressPool" ? RESOURCES.ipAddressPools : RESOURCES.l2Advertisements;
        try {
          for (const program of by === "both" ? ["speaker", "controller"] as const : [by]) {
            const problem = await until(`the ${program} tells of it`, async () => {
              return (await problemsOf(stage, program)).find(({ name }) => name === object.metadata.name);
            });
            if (typeof path === "string") assertEquals(problem.path, path);
            else assertMatch(problem.path, path);
            assertMatch(problem.message, message);
            assertEquals(problem.kind, object.kind);
          }
          const logged = events.slice(seen).find(({ event, name }) =>
            event === "configurationProblem" && name === object.metadata.name
          );
          assertEquals(logged?.level, "warn");
          assertMatch(String(logged?.["error"]), message);
          assertEquals(await arping(client, ADDRESS, { count: 2 }), {
            sent: 2,
            received: 2,
            extra: 0,
            macs: [mac, mac],
          });
        } finally {
          await cluster.client.remove(kind, { namespace: NAMESPACE, name: object.metadata.name });
        }
        await until("nobody tells of it any more", async () => {
          const left = [...await problemsOf(stage, "speaker"), ...await problemsOf(stage, "controller")];
          return left.every(({ name }) => name !== object.metadata.name);
        });
      });
    }
    // What was given while the configuration was bad, and after it, is served alike.
    await cluster.apply([pool(["192.168.1.60/32"], "good"), service("next")]);
    await until("the next Service is announced", () => cluster.announcerOf("192.168.1.60"));
    assertEquals((await arping(client, "192.168.1.60")).received, 1);
  });
});

Deno.test("Bad configuration: a new pool that overlaps and sorts first takes no address away from who has one", () =>
  withCluster(async ({ cluster, client, announcer }) => {
    const mac = MAC_OF[await announcer()]!;
    await cluster.apply([pool(["192.168.1.70-192.168.1.71"], "wide"), service("other")]);
    await until("the other Service is announced", () => cluster.announcerOf("192.168.1.70"));
    // It disables "pool" and, by its second line, "wide".
    await cluster.apply([pool([`${ADDRESS}/32`, "192.168.1.71/32"], "a-new-one")]);
    await pause(500);
    assertEquals(await cluster.addressesOf("default", "web"), [ADDRESS]);
    assertEquals(await cluster.addressesOf("default", "other"), ["192.168.1.70"]);
    assertEquals(await arping(client, ADDRESS, { count: 2 }), { sent: 2, received: 2, extra: 0, macs: [mac, mac] });
    assertEquals((await arping(client, "192.168.1.70", { count: 2 })).received, 2);
  }));

Deno.test("Bad configuration: what the schema forbids is refused by the API with the field's path", () =>
  withCluster(async ({ cluster }) => {
    const rows: readonly (readonly [KubeObject, RegExp])[] = [
      [bad({}), /spec\.addresses/],
      [bad({ addresses: "192.168.1.60/32" }), /spec\.addresses/],
      [bad({ addresses: [7] }), /spec\.addresses\[0\]/],
      [bad({ addresses: ["192.168.1.60/32"], autoAssign: "yes" }), /spec\.autoAssign/],
      [
        bad({ addresses: ["192.168.1.60/32"], serviceAllocation: { priority: "high" } }),
        /spec\.serviceAllocation\.priority/,
      ],
      [{ ...bad({}), spec: "none" }, /spec/],
    ];
    for (const [object, message] of rows) {
      const created = await cluster.client.create(RESOURCES.ipAddressPools, {
        namespace: NAMESPACE,
        body: { ...object },
      });
      assertEquals(created.ok, false, JSON.stringify(object));
      if (created.ok) continue;
      assertEquals([created.error.reason, created.error.code], ["invalid", 422]);
      assertMatch(created.error.message, message);
    }
  }));

const ODD_SERVICES: readonly (readonly [string, KubeObject, string, RegExp])[] = [
  [
    "asks for a pool that is not there",
    withAnnotations("odd", { "metallb.io/address-pool": "none" }),
    "AllocationFailed",
    /none/,
  ],
  [
    "asks for an address that is none",
    withAnnotations("odd", { "metallb.io/loadBalancerIPs": "not-an-ip" }),
    "LoadBalancerFailed",
    /not-an-ip/,
  ],
  [
    "asks for an address of no pool",
    withAnnotations("odd", { "metallb.io/loadBalancerIPs": "192.0.2.9" }),
    "AllocationFailed",
    /192\.0\.2\.9/,
  ],
  [
    "asks for another's address",
    withAnnotations("odd", { "metallb.io/loadBalancerIPs": ADDRESS }),
    "AllocationFailed",
    /192\.168\.1\.240|in use/,
  ],
  [
    "asks for two addresses of one family",
    withAnnotations("odd", { "metallb.io/loadBalancerIPs": `${ADDRESS},192.168.1.9` }),
    "LoadBalancerFailed",
    /./,
  ],
];

Deno.test("Bad Services: each one stays pending with an Event that says why, and the others keep what they have", async (t) => {
  await withCluster(async ({ cluster, client, announcer }) => {
    const mac = MAC_OF[await announcer()]!;
    for (const [why, object, reason, message] of ODD_SERVICES) {
      await t.step(why, async () => {
        try {
          await cluster.apply([object]);
          const created = await cluster.client.get(RESOURCES.services, { namespace: "default", name: "odd" });
          const uid = created.ok ? created.value.metadata.uid : undefined;
          const event = await until("there is an Event", async () => {
            const events = await cluster.client.list(RESOURCES.events, { namespace: "default" });
            return (events.ok ? events.value.items : []).find((item) => {
              return (item["involvedObject"] as { uid?: string }).uid === uid && item["type"] === "Warning";
            });
          });
          assertEquals(event["reason"], reason, String(event["message"]));
          assertMatch(String(event["message"]), message);
          assertEquals(await cluster.addressesOf("default", "odd"), []);
          assertEquals(await arping(client, ADDRESS), { sent: 1, received: 1, extra: 0, macs: [mac] });
        } finally {
          await cluster.client.remove(RESOURCES.services, { namespace: "default", name: "odd" });
        }
      });
    }
  });
});

Deno.test("Bad status: addresses that were written into a Service's status by hand are not announced", () =>
  withCluster(async ({ cluster, client, announcer }) => {
    await announcer();
    await cluster.apply([service("forged")]);
    const body = {
      status: { loadBalancer: { ingress: [{ ip: ADDRESS }, { ip: "192.168.1.11" }, { ip: "0.0.0.0" }, { ip: "x" }] } },
    };
    const target = { namespace: "default", name: "forged", subresource: "status" };
    await cluster.client.patch(RESOURCES.services, target, { type: "merge", body });
    await until(
      "the controller takes it back",
      async () => (await cluster.addressesOf("default", "forged")).length === 0,
    );
    assertEquals(
      (await arping(client, "192.168.1.11", { count: 3 })).extra,
      0,
      "node-a alone answers for its own address",
    );
    assertEquals((await arping(client, ADDRESS, { count: 3 })).received, 3);
    assertEquals(await cluster.addressesOf("default", "web"), [ADDRESS]);
  }));

const FRAMES = 60_000;
const DATAGRAMS = 40_000;
const BATCH = 500;
const SETTLED_MS = 1_500;
const SEED = 20_261_121;

Deno.test(`Strangers: ${FRAMES} broken frames and ${DATAGRAMS} broken datagrams later the same node answers (seed ${SEED})`, () =>
  withCluster(async ({ cluster, client, announcer, events }) => {
    const owner = await announcer();
    const mac = MAC_OF[owner]!;
    await answeredBy(client, ADDRESS, mac);
    // An address that is new to the cluster yields to whoever claims it first, as RFC 5227 wants it; then it is ours.
    await pause(SETTLED_MS);
    const leave = enter(client.namespacePath);
    const ifindex = 2;
    const frames = PacketSocket.open({ ifindex, filter: ARP_FILTER });
    const datagrams = UdpSocket.bind({ address: "192.168.1.100", port: 0 });
    leave();
    const rng = new SeededRng(SEED);
    const answers: string[] = [];
    let over = false;
    const asking = (async () => {
      while (!over) {
        // Some of the noise is a proper request, so that there are more answers than arping's own requests.
        answers.push(...(await arping(client, ADDRESS, { count: 2 })).macs);
      }
    })();
    const seen = events.length;
    for (let sent = 0; sent < FRAMES; sent += BATCH) {
      for (let index = 0; index < BATCH; index++) frames.send(randomFrame(rng));
      if (sent < DATAGRAMS) {
        for (let index = 0; index < BATCH; index++) {
          datagrams.sendTo(randomDatagram(rng), NODES[index % NODES.length]!.address, 7947);
        }
      }
      // The rest of this process must get its turn, as it would on a machine of its own.
      await pause(0);
    }
    over = true;
    await asking;
    frames.close();
    datagrams.close();
    assertEquals(cluster.announcerOf(ADDRESS), owner);
    assertEquals(await arping(client, ADDRESS, { count: 5 }), {
      sent: 5,
      received: 5,
      extra: 0,
      macs: Array(5).fill(mac),
    });
    const states = () =>
      Promise.all([...cluster.speakers].map(async ([node, speaker]) => [node, await stateOf(speaker)] as const));
    // Who stands still for a moment, as three speakers and a flood in one process may, has a successor for that moment.
    const gaps = (await states()).reduce((sum, [, { packetThread }]) => sum + (packetThread.counters["gaps"] ?? 0), 0);
    if (gaps === 0) assertEquals(new Set(answers), new Set([mac]), "it alone answered also while they came");
    // Who is not watched by a node has no state there.
    const peersOf = ({ packetThread }: SpeakerState) =>
      packetThread.watch.peers.flatMap(({ state }) => state === null ? [] : [state]);
    await until("all that are watched live, and somebody is", async () => {
      const peers = (await states()).flatMap(([, state]) => peersOf(state));
      return peers.length > 0 && peers.every((state) => state === "alive");
    });
    for (const [node, state] of await states()) {
      assertEquals(state.ready, true, node);
      const { framesMalformed = 0, watchRefused = 0 } = state.packetThread.counters;
      assert(framesMalformed > 1_000, `${node} refused ${framesMalformed} frames`);
      assert(watchRefused > 1_000, `${node} refused ${watchRefused} datagrams`);
      // Reasons are a closed set: strangers cannot make the map grow.
      assert(Object.keys(state.packetThread.dropped).length < 30, JSON.stringify(state.packetThread.dropped));
    }
    // Debug is off by default; what is on must not fill a disk.
    const told = events.slice(seen).filter(({ level }) => level !== "debug" && level !== "trace");
    assert(told.length < 100, `strangers made ${told.length} log lines: ${JSON.stringify(told.slice(0, 3))}`);
  }));

interface SpeakerState {
  readonly ready: boolean;
  readonly packetThread: {
    readonly counters: Readonly<Record<string, number>>;
    readonly dropped: Readonly<Record<string, number>>;
    readonly watch: { readonly peers: readonly { readonly state: string | null }[] };
  };
}

/** Also of one whose packet thread is too busy to answer at once. */
function stateOf(speaker: { inspect(): Promise<unknown> }): Promise<SpeakerState> {
  return until("the speaker tells its state", async () => {
    const state = await speaker.inspect() as SpeakerState | { readonly packetThread: null | undefined };
    return state.packetThread ? state as SpeakerState : undefined;
  });
}

/** Mostly ARP that is broken somewhere; the Ethernet source stays ours, so that the bridge goes on knowing its ports. */
function randomFrame(rng: SeededRng): Uint8Array<ArrayBuffer> {
  const length = 14 + rng.u32() % (rng.u32() % 8 === 0 ? 1400 : 60);
  const frame = Uint8Array.from({ length }, () => rng.u32() & 0xff);
  frame.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0x64, 8, 6]);
  const shape = rng.u32() % 4;
  if (shape > 0 && length >= 42) {
    frame.set([0, 1, 8, 0, 6, 4, 0, 1 + rng.u32() % 2], 14);
    // Asked for the address by nobody in particular, or claimed by a stranger.
    if (shape > 1) frame.set([192, 168, 1, 240], shape === 2 ? 38 : 28);
    if (shape === 2) frame.set([2, 0, 0, 0, 0, 0x64, 198, 51, 100, rng.u32() & 0xff], 22);
    frame[14 + rng.u32() % 8] = rng.u32() & 0xff;
  }
  return frame;
}

/** Noise, or a message with another key, without one, or with a bit turned. */
function randomDatagram(rng: SeededRng): Uint8Array<ArrayBuffer> {
  if (rng.u32() % 2 === 0) return Uint8Array.from({ length: rng.u32() % 600 }, () => rng.u32() & 0xff);
  const bytes = encodeWatchMessage({
    kind: rng.u32() % 2 === 0 ? "probe" : "ack",
    sender: NODES[rng.u32() % NODES.length]!.name,
    generation: rng.u32(),
    state: "leaving",
    nonce: rng.u32().toString(16).padStart(16, "0"),
  }, rng.u32() % 2 === 0 ? undefined : deriveWatchKey(new Uint8Array([rng.u32() & 0xff])));
  bytes[rng.u32() % bytes.length]! ^= 1 << rng.u32() % 8;
  return bytes;
}

function withAnnotations(name: string, annotations: Record<string, string>): KubeObject {
  const object = service(name);
  return { ...object, metadata: { ...object.metadata, annotations } };
}
