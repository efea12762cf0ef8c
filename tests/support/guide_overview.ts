/**
 * Guide 002, the overview of layer 2 and BGP: its examples are alternatives of one another. First in document order,
 * where the later ones overlap the first and are refused; then each by itself; then its table of why a Service waits.
 */
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string_includes";
import { assertApplied, explained, type GuideWorld, overlap } from "./guide_world.ts";

const OVERVIEW_NOT_TYPED: Readonly<Record<string, string>> = {
  "002:472": "lists pods: nothing runs pods here",
  "002:475": "lists pods",
  "002:478": "logs of the controller's pod; the log of the process is read with guide 000",
  "002:479": "logs of speaker pods",
  "002:504": "needs a node that answers for the address",
  "002:514": "runs a command in a speaker pod; `herald status bgp` is the BGP issue's",
};

const WHOLE = "10.10.20.200-10.10.20.220";

export async function readOverview(t: Deno.TestContext, world: GuideWorld): Promise<void> {
  const reader = await world.reader("002-overview-l2-bgp");
  const { kubectl } = world;
  await world.clear();

  await t.step("002: without a pool a Service waits, and everybody says why", async () => {
    await kubectl.ok("create service loadbalancer waiting --tcp=80:80");
    await world.describes("service waiting", 'Failed to allocate IP for "default/waiting": no available IPs');
    assertStringIncludes((await reader.type(490)).stderr, "No resources found");
    const { stdout } = await reader.shell("herald explain default/waiting");
    assertStringIncludes(stdout, "default/waiting  pending (noAvailableIPs)");
    assertStringIncludes(stdout, "no usable IPAddressPool");
  });

  await t.step("002: the layer-2 example serves it, and the BGP example goes with it", async () => {
    assertApplied(await reader.apply([164, 173]), [
      "ipaddresspool.metallb.io/production-pool created",
      "l2advertisement.metallb.io/l2-advert created",
    ]);
    await world.served("waiting", "10.10.20.200");
    assertApplied(await reader.apply([255, 264, 274]), [
      "ipaddresspool.metallb.io/production-pool unchanged",
      "bgppeer.metallb.io/pfsense-router created",
      "bgpadvertisement.metallb.io/bgp-advert created",
    ]);
    assertMatch((await reader.type(497)).stdout, /^bgp-advert +\["production-pool"\]/m);
  });

  await t.step("002: the examples after it are refused, and what was there goes on", async () => {
    assertApplied(await reader.apply([380, 389]), ["l2advertisement.metallb.io/l2-advertisement created"], [
      overlap(WHOLE, "production-pool", WHOLE),
      'Warning: spec.ipAddressPools[0]: there is no IPAddressPool named "default-pool"',
    ]);
    assertApplied(await reader.apply([402, 411, 420]), ["l2advertisement.metallb.io/l2-advert configured"], [
      overlap("10.10.20.200-10.10.20.210", "production-pool", "10.10.20.200-10.10.20.210", WHOLE),
      overlap("10.10.20.211-10.10.20.220", "production-pool", "10.10.20.211-10.10.20.220", WHOLE),
    ]);
    assertApplied(await reader.apply([430]), ["service/production-app created"]);
    await world.describes("service production-app", 'unknown pool "production"');
    const peer = await reader.apply([448]);
    assertEquals([peer.code, peer.stdout], [1, ""]);
    assertStringIncludes(
      peer.stderr,
      "already connects to 10.10.20.1 on port 179 from a node that this one selects too",
    );
    await world.served("waiting", "10.10.20.200");
    await world.counts("production-pool", 1, 20);
  });

  await t.step("002: the basic example by itself", async () => {
    await world.clear();
    assertApplied(await reader.apply([380, 389]), [
      "ipaddresspool.metallb.io/default-pool created",
      "l2advertisement.metallb.io/l2-advertisement created",
    ]);
    await kubectl.ok("create service loadbalancer basic --tcp=80:80");
    await world.served("basic", "10.10.20.200");
  });

  await t.step("002: several pools by themselves, a Service that names one, a peer for two nodes", async () => {
    await world.clear();
    assertApplied(await reader.apply([402, 411, 420]), [
      "ipaddresspool.metallb.io/production created",
      "ipaddresspool.metallb.io/development created",
      "l2advertisement.metallb.io/l2-advert created",
    ]);
    assertApplied(await reader.apply([430]), ["service/production-app created"]);
    await world.served("production-app", "10.10.20.200");
    // Without a wish: of two pools with the same priority the first by name.
    await kubectl.ok("create service loadbalancer any --tcp=80:80");
    await world.served("any", "10.10.20.211");
    assertApplied(await reader.apply([448]), ["bgppeer.metallb.io/border-routers created"], [
      "Warning: spec.nodeSelectors: no node has these labels at present",
    ]);
    await world.counts("production", 1, 10);
    assertMatch((await reader.type(523)).stdout, /^default +production-app +LoadBalancer .* 10\.10\.20\.200 /m);
    const described = await reader.type(526, (command) => command.replace("<pool-name>", "production"));
    assertMatch(described.stdout, /assignedIPv4: +1\n/);
    assertMatch(described.stdout, /availableIPv4: +10\n/);
  });

  await t.step("002: the pool is exhausted: the event, the pool's status and explain say so", async () => {
    const annotations = { "metallb.io/address-pool": "production" };
    const spec = { type: "LoadBalancer", ports: [{ port: 80 }] };
    const items = Array.from({ length: 11 }, (_, index) => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: `more-${String(index).padStart(2, "0")}`, annotations },
      spec,
    }));
    const ten = { apiVersion: "v1", kind: "List", items: items.slice(0, 10) };
    await kubectl.ok("create -f -", JSON.stringify(ten));
    await world.counts("production", 11, 0);
    await kubectl.ok("create -f -", JSON.stringify(items[10]));
    await world.describes("service more-10", "AllocationFailed");
    const described = await reader.type(486, (command) => command.replace("<service-name>", "more-10"));
    assertStringIncludes(described.stdout, "no available IPs in pool production");
    assertMatch((await reader.type(493)).stdout, /availableIPv4: 0\n/);
    const { outcome, reason, message } = await explained(reader, "more-10");
    assertEquals([outcome, reason, message], ["pending", "poolExhausted", "no available IPs in pool production"]);
    // What the guide says: expand the range.
    const addresses = JSON.stringify({ spec: { addresses: ["10.10.20.200-10.10.20.210", "10.10.20.221/32"] } });
    await kubectl.ok(`patch ipaddresspool -n metallb-system production --type=merge -p ${addresses}`);
    await world.served("more-10", "10.10.20.221");
  });

  await t.step("002: nothing advertises: the Service keeps its address and says that nobody can reach it", async () => {
    await kubectl.ok("delete l2advertisement -n metallb-system --all");
    assertStringIncludes((await reader.type(496)).stderr, "No resources found");
    await world.describes("service production-app", "nobody can reach 10.10.20.200");
    await world.describes("ipaddresspool -n metallb-system development", "no L2Advertisement and no BGPAdvertisement");
    const { stdout } = await reader.shell("herald explain default/production-app");
    assertStringIncludes(stdout, "default/production-app  10.10.20.200  announced by nobody");
    assertStringIncludes(stdout, 'no L2Advertisement and no BGPAdvertisement selects pool "production"');
    await world.state("herald.dev/NotAdvertised");
  });

  await t.step("002: nothing of the guide is left", () => {
    assertEquals(reader.left({ commands: OVERVIEW_NOT_TYPED }), []);
  });
}
