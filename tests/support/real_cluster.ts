/**
 * What tests of the controller on a real kube-apiserver share: the custom kinds, a namespace, a pool, Services, and
 * what they show.
 */
import { parse } from "@std/yaml/parse";
import { type KubeObject, RESOURCES } from "../../lib/base/kube.ts";
import type { RealApiServer } from "./real_api_server.ts";
import { until } from "./until.ts";

export const NAMESPACE = "metallb-system";
const CRDS = new URL("../../manifests/crds/", import.meta.url);

/** Installs the kinds and waits until they are served. */
export async function installKinds(server: RealApiServer): Promise<void> {
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  for (const entry of [...Deno.readDirSync(CRDS)].filter(({ name }) => name.endsWith(".yaml"))) {
    const body = parse(await Deno.readTextFile(new URL(entry.name, CRDS)));
    const answer = await server.fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${entry.name}: ${text}`);
  }
  await until("the kinds are served", async () => {
    return (await server.admin.list(RESOURCES.ipAddressPools)).ok &&
      (await server.admin.list(RESOURCES.l2Advertisements)).ok;
  });
}

export async function createNamespace(server: RealApiServer, name: string): Promise<void> {
  await must(server.admin.create(RESOURCES.namespaces, { body: { metadata: { name } } }));
}

export async function createPool(server: RealApiServer, name: string, addresses: readonly string[]): Promise<void> {
  const body = { metadata: { name, namespace: NAMESPACE }, spec: { addresses } };
  await must(server.admin.create(RESOURCES.ipAddressPools, { namespace: NAMESPACE, body }));
}

export function loadBalancer(
  name: string,
  namespace: string,
  annotations: Readonly<Record<string, string>> = {},
): KubeObject {
  return { metadata: { name, namespace, annotations }, spec: loadBalancerSpec(80) };
}

export function loadBalancerSpec(port: number): Readonly<Record<string, unknown>> {
  return { type: "LoadBalancer", ports: [{ port }], allocateLoadBalancerNodePorts: false };
}

/** Addresses by name. */
export async function addressesIn(server: RealApiServer, namespace: string): Promise<Map<string, string[]>> {
  const { items } = await must(server.admin.list(RESOURCES.services, { namespace }));
  return new Map(items.map((object) => [object.metadata.name, ingressOf(object)]));
}

export function ingressOf(object: KubeObject): string[] {
  const status = object["status"] as { loadBalancer?: { ingress?: { ip?: string }[] } } | undefined;
  return (status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? "");
}

export async function must<T>(
  result: Promise<
    { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: { message: string } }
  >,
): Promise<T> {
  const settled = await result;
  if (!settled.ok) throw new Error(settled.error.message);
  return settled.value;
}
