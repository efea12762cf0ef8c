/** A whole cluster in this process (the demo's), with a pool, an advertisement and one Service that is ready. */
import { parse } from "@std/yaml/parse";
import { type KubeObject, RESOURCES } from "../../../lib/base/kube.ts";
import { formatMac } from "../../../lib/base/mac.ts";
import type { JsonObject } from "../../../lib/base/json.ts";
import type { LogEvent } from "../../../lib/base/log.ts";
import { DemoCluster, NAMESPACE, NODES } from "../../../lib/app/demo/demo_cluster.ts";
import type { LabHost } from "../../../lib/edge/lab/lab_host.ts";
import { systemClock } from "../../../lib/edge/run/clock.ts";
import { systemRng } from "../../../lib/edge/run/random.ts";
import { until } from "./witness.ts";

/** The only address of the pool, so that every test knows it. */
export const ADDRESS = "192.168.1.240";

export const MAC_OF = Object.fromEntries(NODES.map(({ name, mac }) => [name, formatMac(mac)]));

export interface ClusterStage {
  readonly cluster: DemoCluster;
  readonly client: LabHost;
  readonly events: readonly LogEvent[];
  /** Node that announces {@linkcode ADDRESS}; waits for it. */
  announcer(): Promise<string>;
  /** Puts the advertisement's spec in place of the one before. */
  advertise(spec: Record<string, unknown>): Promise<void>;
}

export async function withCluster(test: (stage: ClusterStage) => Promise<void>): Promise<void> {
  const events: LogEvent[] = [];
  const cluster = await DemoCluster.create({ crds: readCrds(), token: "t" }, {
    clock: systemClock,
    rng: systemRng(),
    log: (event) => events.push(event),
  });
  try {
    await cluster.apply([pool([`${ADDRESS}/32`]), advertisement({}), service("web"), pod("web-1"), pod("web-2")]);
    const announcer = () =>
      until(`${ADDRESS} is announced; last events: ${lastOf(events)}`, () => cluster.announcerOf(ADDRESS));
    await announcer();
    // The address must be on the nodes' loopbacks too, or a test could pass because nobody could answer.
    await until(
      "the Service's address is written",
      async () => (await cluster.addressesOf("default", "web")).length > 0,
    );
    await cluster.proxySettled();
    await test({
      cluster,
      client: cluster.lab.host("client"),
      events,
      announcer,
      advertise: async (spec) => {
        const { l2Advertisements } = RESOURCES;
        await cluster.client.remove(l2Advertisements, { namespace: NAMESPACE, name: "l2" });
        const body = { ...advertisement(spec) };
        const created = await cluster.client.create(l2Advertisements, { namespace: NAMESPACE, body });
        if (!created.ok) throw new Error(created.error.message);
      },
    });
  } finally {
    await cluster.close();
  }
}

/** Until all nodes have IPv6: before, an IPv6 address moves to a better node whenever one of them is ready. */
export async function ipv6OnAllNodes({ cluster }: ClusterStage): Promise<void> {
  for (const { name } of NODES) {
    const host = cluster.lab.host(name);
    await until(`${name} has its link-local address`, async () => {
      const line = ["-6", "address", "show", "dev", host.interface, "scope", "link", "-tentative"];
      return (await host.run("ip", line)).stdout !== "";
    });
  }
}

function lastOf(events: readonly LogEvent[]): string {
  return JSON.stringify(events.filter(({ level }) => level !== "debug").slice(-5));
}

function readCrds(): JsonObject[] {
  const folder = new URL("../../../manifests/crds/", import.meta.url);
  return [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".yaml")).sort()
    .map((name) => parse(Deno.readTextFileSync(new URL(name, folder))) as JsonObject);
}

export function pool(addresses: readonly string[], name = "pool"): KubeObject {
  const metadata = { name, namespace: NAMESPACE };
  return { apiVersion: "metallb.io/v1beta1", kind: "IPAddressPool", metadata, spec: { addresses } };
}

export function advertisement(spec: Record<string, unknown>, name = "l2"): KubeObject {
  const metadata = { name, namespace: NAMESPACE };
  return { apiVersion: "metallb.io/v1beta1", kind: "L2Advertisement", metadata, spec };
}

export function service(name: string, more: Record<string, unknown> = {}): KubeObject {
  const ports = [{ name: "http", port: 80, targetPort: 8080 }];
  const spec = { type: "LoadBalancer", selector: { app: "web" }, ports, ...more };
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" }, spec };
}

export function pod(name: string, app = "web"): KubeObject {
  const metadata = { name, namespace: "default", labels: { app } };
  return { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [{ name: "server", image: "nginx" }] } };
}
