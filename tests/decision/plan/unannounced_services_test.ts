import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { resolveConfig } from "../../../lib/decision/config/resolve.ts";
import { unannouncedServices } from "../../../lib/decision/plan/unannounced_services.ts";
import { l2Object, poolObject, serviceObject } from "../objects.ts";

const POOL = { annotations: { "metallb.io/ip-allocated-from-pool": "p" }, ingress: ["192.0.2.1"] };
const SELECTS_WEB = { serviceSelectors: [{ matchLabels: { app: "web" } }] };

function bgp(name: string, spec: Record<string, unknown> = {}): unknown {
  return { kind: "BGPAdvertisement", metadata: { name, namespace: "metallb-system" }, spec };
}

function found(services: Parameters<typeof unannouncedServices>[0], l2: unknown[], bgpAdvertisements: unknown[] = []) {
  const { config } = resolveConfig({
    ipAddressPools: [poolObject("p", ["192.0.2.0/24"]), poolObject("q", ["198.51.100.0/24"])],
    l2Advertisements: l2,
    bgpAdvertisements,
  });
  return unannouncedServices(services, config);
}

Deno.test("a Service with an address that no advertisement covers is told of", () => {
  const service = serviceObject("web", { ...POOL, labels: { app: "shop" } });
  const [problem] = found([service], [l2Object("l2", { ipAddressPools: ["q"] })]);
  assertEquals(
    { kind: problem!.kind, name: problem!.name, severity: problem!.severity, reason: problem!.reason },
    { kind: "Service", name: "web", severity: "warning", reason: "notAnnounced" },
  );
  assertStringIncludes(problem!.message, "192.0.2.1");
  const selected = found([service], [l2Object("l2", { ipAddressPools: ["p"], ...SELECTS_WEB })]);
  assertStringIncludes(selected[0]!.message, "serviceSelectors of l2");
});

Deno.test("a Service that some advertisement covers, or that has no address of ours, is left alone", () => {
  const onlyWeb = l2Object("l2", { ipAddressPools: ["p"], ...SELECTS_WEB });
  const table: [string, Parameters<typeof serviceObject>[1], unknown[], unknown[]][] = [
    ["by layer 2", POOL, [l2Object("l2")], []],
    ["by BGP", POOL, [l2Object("l2", { ipAddressPools: ["q"] })], [bgp("b", { ipAddressPools: ["p"] })]],
    ["by its labels", { ...POOL, labels: { app: "web" } }, [onlyWeb], []],
    ["without an address", { ...POOL, ingress: [] }, [onlyWeb], []],
    ["not ours", { ingress: ["192.0.2.1"] }, [onlyWeb], []],
  ];
  for (const [name, options, l2, bgpAdvertisements] of table) {
    assertEquals(found([serviceObject("web", options)], l2, bgpAdvertisements), [], name);
  }
});

Deno.test("a flood of Services is cut", () => {
  const services = Array.from({ length: 1_200 }, (_, i) => serviceObject(`s${i}`, POOL));
  assertEquals(found(services, []).length, 1_000);
});

Deno.test("of a Service that is covered by its labels nothing else is read: ten thousand are looked at all the time", () => {
  const { metadata } = serviceObject("web", { ...POOL, labels: { app: "web" } });
  const unread = {
    metadata,
    get spec(): never {
      throw new Error("the spec was read");
    },
  };
  assertEquals(found([unread], [l2Object("l2", { ipAddressPools: ["p"], ...SELECTS_WEB })]), []);
});
