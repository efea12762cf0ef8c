import { assertEquals } from "@std/assert/equals";
import { resolveConfig } from "../../../lib/decision/config/resolve.ts";

function pool(name: string, ...addresses: readonly string[]) {
  return { kind: "IPAddressPool", metadata: { namespace: "metallb-system", name }, spec: { addresses } };
}

function node(name: string, ...internalIps: readonly string[]) {
  const addresses = internalIps.map((address) => ({ type: "InternalIP", address }));
  return {
    kind: "Node",
    metadata: { name },
    status: { addresses: [...addresses, { type: "Hostname", address: name }] },
  };
}

function warned(pools: readonly unknown[], nodes?: readonly unknown[]) {
  const { problems } = resolveConfig({ ipAddressPools: pools, ...(nodes === undefined ? {} : { nodes }) });
  return problems.map(({ severity, name, path, reason, message }) => [severity, name, path, reason, message]);
}

Deno.test("resolveConfig: a pool that holds addresses of nodes is warned of, with the first of them", () => {
  const nodes = [1, 2, 3, 4, 5].map((n) => node(`node-${n}`, `192.0.2.1${n}`, `2001:db8::${n}`));
  const [first, second, ...rest] = warned([
    pool("four", "192.0.2.12-192.0.2.20"),
    pool("six", "198.51.100.0/24", "2001:db8::1/128"),
    pool("none", "198.18.0.0/24"),
  ], nodes);
  assertEquals(rest, []);
  assertEquals(first?.slice(0, 4), ["warning", "four", "spec.addresses", "nodeAddress"]);
  assertEquals(/192\.0\.2\.12 of node-2, .* of node-4 and 1 more\)/.test(first![4]!), true, first![4]);
  assertEquals(second![4]!.includes("(2001:db8::1 of node-1):"), true, second![4]);
});

Deno.test("resolveConfig: of nodes that are not known, or whose address is none, nothing is said", () => {
  assertEquals(warned([pool("all", "0.0.0.0/1")]), []);
  assertEquals(warned([pool("all", "0.0.0.0/1")], [node("node-1", "peer.example"), node("node-2")]), []);
});
