/**
 * Guide 000, the layer-2 guide with today's kinds, read from the top: first every example in document order, where four
 * of its pools overlap pools of the pages before; then the "complete" example by itself, as most readers take it.
 */
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string_includes";
import { assertApplied, explained, type GuideWorld, overlap } from "./guide_world.ts";
import { until } from "./until.ts";

/** What needs nodes, pods or a network, or belongs to the monitoring and packaging of later. */
const LAYER2_NOT_TYPED: Readonly<Record<string, string>> = {
  "000:117": "waits for pods: nothing runs pods here",
  "000:128": "lists pods",
  "000:462": "needs a node that answers for the address",
  "000:565": "logs of speaker pods; `herald status` says who announces",
  "000:572": "no nodes",
  "000:573": "no nodes",
  "000:577": "never ends; `kubectl get service` is typed instead",
  "000:581": "needs a node that answers for the address",
  "000:586": "no nodes",
  "000:604": "logs of speaker pods",
  "000:665": "lists pods",
  "000:671": "logs of the controller's pod; the log of the process is read instead",
  "000:684": "logs of speaker pods",
  "000:687": "lists pods",
  "000:691": "needs a node that answers for the address",
  "000:694": "needs a node that answers for the address",
  "000:701": "lists pods",
  "000:704": "logs of speaker pods",
  "000:707": "runs a command in a speaker pod",
  "000:727": "runs a command in a speaker pod",
};

const LAYER2_NOT_APPLIED: Readonly<Record<number, string>> = {
  779: "PrometheusRule: the monitoring of a later issue; the kind is not Kubernetes' own",
  826:
    "NetworkPolicy: the packaging of a later issue; it selects speakers on the host's network, where it does nothing",
};

export async function readLayer2Guide(t: Deno.TestContext, world: GuideWorld): Promise<void> {
  const reader = await world.reader("000-layer2-guide");
  const { kubectl } = world;

  await t.step("000: the install file can be applied again", async () => {
    const { code, stdout, stderr } = await reader.type(109, (command) => command.replace(/https:\S+/, "herald.yaml"));
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout.split("\n").filter((line) => !line.endsWith(" unchanged")), []);
  });

  await t.step("000: pools and advertisements one by one are accepted without a word", async () => {
    await reader.save("ipaddresspool.yaml", [152]);
    assertApplied(await reader.type(172), ["ipaddresspool.metallb.io/local-network-pool created"]);
    assertApplied(await reader.apply([181]), ["ipaddresspool.metallb.io/production-pool created"]);
    assertApplied(await reader.apply([213]), ["ipaddresspool.metallb.io/database-pool created"]);
    await reader.save("l2advertisement.yaml", [239]);
    assertApplied(await reader.type(256), ["l2advertisement.metallb.io/local-network-advertisement created"]);
    assertApplied(await reader.apply([265]), ["l2advertisement.metallb.io/edge-node-advertisement created"]);
    assertApplied(await reader.apply([295]), ["l2advertisement.metallb.io/interface-specific-advertisement created"]);
  });

  await t.step("000: four pools overlap those before: refused with both names and the overlap", async () => {
    const complete = await reader.apply([322, 338, 352, 363]);
    assertApplied(complete, [
      "l2advertisement.metallb.io/primary-l2-advertisement created",
      "l2advertisement.metallb.io/priority-l2-advertisement created",
    ], [
      overlap("192.168.1.240-192.168.1.255", "local-network-pool", "192.168.1.240-192.168.1.255"),
      overlap(
        "192.168.1.200-192.168.1.204",
        "production-pool",
        "192.168.1.200-192.168.1.204",
        "192.168.1.200-192.168.1.220",
      ),
      'Warning: spec.ipAddressPools[0]: there is no IPAddressPool named "primary-pool"',
      'Warning: spec.ipAddressPools[0]: there is no IPAddressPool named "priority-pool"',
    ]);
    const theirs = "192.168.1.100-192.168.1.150";
    assertApplied(await reader.apply([740, 757]), [], [
      overlap("192.168.1.100-192.168.1.119", "production-pool", "192.168.1.100-192.168.1.119", theirs),
      overlap("192.168.1.120-192.168.1.129", "production-pool", "192.168.1.120-192.168.1.129", theirs),
    ]);
  });

  await t.step("000: the Service has the address that the guide shows, from the first pool by name", async () => {
    await reader.save("nginx-demo.yaml", [383, 417]);
    assertApplied(await reader.type(451), ["deployment.apps/nginx-demo created", "service/nginx-lb created"]);
    await world.served("nginx-lb", "192.168.1.240");
    const { stdout } = await reader.type(455);
    assertMatch(stdout, /^nginx-lb +LoadBalancer +\S+ +192\.168\.1\.240 +80:\d+\/TCP/m);
    await world.describes("service nginx-lb", 'Assigned IP ["192.168.1.240"]');
    assertMatch((await reader.type(568)).stdout, /Normal +IPAllocated .* Assigned IP \["192\.168\.1\.240"\]/);
  });

  await t.step("000: an address by the old annotation, with a word about the new one", async () => {
    assertApplied(await reader.apply([471]), ["service/nginx-specific-ip created"]);
    await world.served("nginx-specific-ip", "192.168.1.245");
    await world.describes(
      "service nginx-specific-ip",
      "Service uses deprecated annotation metallb.universe.tf/loadBalancerIPs; use metallb.io/loadBalancerIPs instead",
    );
  });

  await t.step("000: a Service that names a refused pool waits, and everybody says why", async () => {
    assertApplied(await reader.apply([495]), ["service/priority-service created"]);
    await world.describes("service priority-service", "AllocationFailed");
    await world.describes("service priority-service", 'unknown pool "priority-pool"');
    assertMatch(await kubectl.ok("get service priority-service"), /<pending>/);
    await until("the Service itself says why", async () => {
      const text = await kubectl.ok("get service priority-service -o jsonpath={.status.conditions}");
      return text.includes('"herald.dev/LoadBalancerReady"') && text.includes('"reason":"unknownPool"');
    });
    const { outcome, reason } = await explained(reader, "priority-service");
    assertEquals([outcome, reason], ["pending", "unknownPool"]);
    const failed = world.log.find(({ event, service }) =>
      event === "allocationFailed" && service === "default/priority-service"
    );
    assertEquals([failed?.["level"], failed?.["message"]], ["warn", 'unknown pool "priority-pool"']);
  });

  await t.step("000: what the troubleshooting pages list is there", async () => {
    await world.counts("local-network-pool", 2, 14);
    // 51 and 21 addresses, and the 16 of 10.0.0.0/28 without 10.0.0.0.
    await world.counts("production-pool", 0, 87);
    await world.counts("database-pool", 0, 10);
    assertMatch(
      (await reader.type(668)).stdout,
      /^production-pool +true +true +\["192\.168\.1\.100-192\.168\.1\.150",/m,
    );
    assertStringIncludes((await reader.type(674)).stdout, "- local-network-pool");
    assertMatch((await reader.type(681)).stdout, /^interface-specific-advertisement +.*\["eth0","bond0"\]$/m);
    const all = (await reader.type(715)).stdout;
    for (const name of ["daemonset.apps/speaker", "deployment.apps/controller", "service/metallb-webhook-service"]) {
      assertStringIncludes(all, name);
    }
    assertMatch((await reader.type(718)).stdout, /^default +nginx-specific-ip .* 192\.168\.1\.245 /m);
    assertStringIncludes((await reader.type(721)).stdout, "assignedIPv4: 2");
    await world.state('there is no IPAddressPool named \\"primary-pool\\"');
    await world.describes("l2advertisement -n metallb-system primary-l2-advertisement", "unknownPool");
    await world.describes("ipaddresspool -n metallb-system database-pool", "notAdvertised");
    const events = (await reader.type(724)).stdout;
    assertMatch(events, /Warning +ConfigurationWarning +l2advertisement\/primary-l2-advertisement .*\(unknownPool\)/);
    assertMatch(events, /Warning +ConfigurationWarning +ipaddresspool\/database-pool .*\(notAdvertised\)/);
    const { stdout } = await reader.shell("herald status");
    assertMatch(stdout, /^default\/nginx-lb +192\.168\.1\.240 +local-network-pool /m);
    assertMatch(stdout, /^default\/priority-service +pending +- +unknown pool "priority-pool"/m);
    assertStringIncludes(stdout, "no speaker pod is ready");
  });

  await t.step("000: the complete example by itself serves all three Services", async () => {
    await kubectl.ok("delete ipaddresspool,l2advertisement -n metallb-system --all");
    assertApplied(await reader.apply([322, 338, 352, 363]), [
      "ipaddresspool.metallb.io/primary-pool created",
      "ipaddresspool.metallb.io/priority-pool created",
      "l2advertisement.metallb.io/primary-l2-advertisement created",
      "l2advertisement.metallb.io/priority-l2-advertisement created",
    ]);
    await world.served("nginx-lb", "192.168.1.240");
    await world.served("nginx-specific-ip", "192.168.1.245");
    await world.served("priority-service", "192.168.1.200");
    // The "16 addresses" of the guide without 192.168.1.255.
    await world.counts("primary-pool", 2, 13);
    await world.counts("priority-pool", 1, 4);
    await world.describes(
      "service priority-service",
      "Service uses deprecated annotation metallb.universe.tf/address-pool; use metallb.io/address-pool instead",
    );
    assertApplied(await reader.apply([740, 757]), [
      "ipaddresspool.metallb.io/web-services-pool created",
      "ipaddresspool.metallb.io/internal-services-pool created",
    ]);
    await world.counts("web-services-pool", 0, 20);
  });

  await t.step("000: nothing of the guide is left", () => {
    assertEquals(reader.left({ commands: LAYER2_NOT_TYPED, manifests: LAYER2_NOT_APPLIED }), []);
  });
}
