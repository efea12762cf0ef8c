import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { webhookObjects } from "../../lib/app/webhook_objects.ts";
import type { AdmissionKind } from "../../lib/decision/config/admission.ts";
import type { ConfigObjects } from "../../lib/decision/config/resolve.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { type Asked, json, ScriptedFetch, statusAnswer } from "../kube/scripted_fetch.ts";

const PEERS = "/apis/metallb.io/v1beta2/namespaces/ns/bgppeers?limit=500";

function item(name: string, spec: Record<string, unknown> = {}) {
  return { metadata: { name, namespace: "ns", resourceVersion: "1" }, spec };
}

function read(
  options: { kind: AdmissionKind; incoming?: unknown; cached?: Partial<ConfigObjects> },
  answer: (asked: Asked) => Response | undefined = () => undefined,
) {
  const { fetch, asked } = new ScriptedFetch((each) =>
    answer(each) ?? json({ metadata: { resourceVersion: "9" }, items: [] })
  );
  const request = { operation: "CREATE", namespace: "ns", name: "a", object: options.incoming ?? {}, oldObject: null };
  const client = new KubeClient({ baseUrl: "https://api.test" }, { fetch });
  const { cached } = options;
  const sources = cached === undefined ? { client } : { client, cached: () => cached };
  const objects = webhookObjects({ kind: options.kind, request, namespace: "ns" }, sources);
  return { objects, paths: async () => (await objects, asked.map(({ path }) => path)) };
}

Deno.test("Webhook objects: what cannot be read and is not cached is an error that names it", async () => {
  const { objects } = read(
    { kind: "L2Advertisement" },
    ({ path }) => path.includes("ipaddresspools") ? statusAnswer(500, "InternalError") : undefined,
  );
  await assertRejects(() => objects, Error, "the ipaddresspools that it must fit cannot be read: InternalError");
});

Deno.test("Webhook objects: where reading fails the cache must do, and nobody waits for it elsewhere", async () => {
  const cached = { bgpPeers: [item("old")], bfdProfiles: [item("unused")] };
  const { objects } = read(
    { kind: "BFDProfile", cached },
    ({ path }) => path === PEERS ? statusAnswer(403, "Forbidden") : undefined,
  );
  const { bgpPeers, bfdProfiles } = await objects;
  assertEquals([bgpPeers, bfdProfiles], [cached.bgpPeers, []]);
});

Deno.test("Webhook objects: a kind that is not installed has no objects", async () => {
  const { objects } = read(
    { kind: "IPAddressPool" },
    ({ path }) => path.includes("bgpadvertisements") ? statusAnswer(404, "NotFound") : undefined,
  );
  assertEquals(await objects, { ipAddressPools: [], bgpAdvertisements: [] });
});

Deno.test("Webhook objects: read live, of our namespace only, and no more than the kind needs", async () => {
  const { paths } = read({ kind: "L2Advertisement" });
  assertEquals((await paths()).sort(), [
    "/apis/metallb.io/v1beta1/namespaces/ns/ipaddresspools?limit=500",
    "/apis/metallb.io/v1beta1/namespaces/ns/l2advertisements?limit=500",
  ]);
});

Deno.test("Webhook objects: a pool is judged without BGP until there is a BGPAdvertisement", async () => {
  const plurals = async ({ paths }: ReturnType<typeof read>) =>
    (await paths()).map((path) => path.match(/([a-z0-9]+)\?/)?.[1]).sort();
  assertEquals(await plurals(read({ kind: "IPAddressPool" })), ["bgpadvertisements", "ipaddresspools"]);
  const advertisement = () => json({ metadata: { resourceVersion: "9" }, items: [item("adv")] });
  assertEquals(
    await plurals(
      read({ kind: "IPAddressPool" }, ({ path }) => path.includes("bgpadvertisements") ? advertisement() : undefined),
    ),
    ["bfdprofiles", "bgpadvertisements", "bgppeers", "communities", "ipaddresspools"],
  );
});

Deno.test("Webhook objects: Secrets are never read", async () => {
  for (const kind of ["IPAddressPool", "BGPAdvertisement", "BGPPeer", "BFDProfile", "Community"] as const) {
    const { paths } = read({ kind });
    assertEquals((await paths()).filter((path) => path.includes("secret")), []);
  }
});

const SELECTING = { spec: { nodeSelectors: [{ matchLabels: { rack: "a" } }] } };

Deno.test("Webhook objects: nodes are read only where something selects among them", async () => {
  const nodesRead = async ({ paths }: ReturnType<typeof read>) =>
    (await paths()).filter((path) => path === "/api/v1/nodes?limit=500").length;
  assertEquals(await nodesRead(read({ kind: "BGPPeer" })), 0);
  assertEquals(await nodesRead(read({ kind: "BGPPeer", incoming: SELECTING })), 1);
  const other = () => json({ metadata: { resourceVersion: "9" }, items: [item("p", SELECTING.spec)] });
  assertEquals(await nodesRead(read({ kind: "BGPPeer" }, ({ path }) => path === PEERS ? other() : undefined)), 1);
});

Deno.test("Webhook objects: nodes that are known are not read again", async () => {
  const nodes = [{ metadata: { name: "n1" } }];
  const { objects, paths } = read({ kind: "BGPPeer", incoming: SELECTING, cached: { nodes } });
  assertEquals((await objects).nodes, nodes);
  assertEquals((await paths()).some((path) => path.startsWith("/api/v1/nodes")), false);
});

Deno.test("Webhook objects: without the right to read nodes there is still an answer", async () => {
  const { objects } = read(
    { kind: "BGPPeer", incoming: SELECTING },
    ({ path }) => path.startsWith("/api/v1/nodes") ? statusAnswer(403, "Forbidden") : undefined,
  );
  assertEquals((await objects).nodes, undefined);
});
