/**
 * Just enough of an API server for the converge loop: objects with versions, `/status` merge patches with the version
 * as precondition, and a watch whose events come late but in order.
 */
import type { KubeObject } from "../../../lib/base/kube.ts";
import type { ConvergeEffect } from "../../../lib/decision/control/converge_io.ts";

export type Patch = Extract<ConvergeEffect, { kind: "patchStatus" }>;

export interface WatchEvent {
  readonly key: string;
  readonly object: KubeObject | undefined;
}

export type PatchAnswer =
  | { readonly ok: true; readonly resourceVersion: string; readonly changed: boolean }
  | { readonly ok: false; readonly reason: "conflict" | "notFound" };

interface Body {
  readonly metadata: { readonly annotations: Record<string, string | null>; readonly resourceVersion?: string };
  readonly status?: { readonly loadBalancer: { readonly ingress: { ip: string }[] } | null };
}

export class FakeApi {
  readonly objects = new Map<string, KubeObject>();
  readonly events: WatchEvent[] = [];
  #version = 100;

  put(object: KubeObject): void {
    const key = `${object.metadata.namespace}/${object.metadata.name}`;
    const next = structuredClone(object) as KubeObject & { metadata: { resourceVersion: string } };
    next.metadata.resourceVersion = String(++this.#version);
    this.objects.set(key, next);
    this.events.push({ key, object: next });
  }

  remove(key: string): void {
    if (this.objects.delete(key)) this.events.push({ key, object: undefined });
  }

  patch(effect: Patch): PatchAnswer {
    const object = this.objects.get(effect.key);
    if (object === undefined) return { ok: false, reason: "notFound" };
    const body = effect.body as unknown as Body;
    if (body.metadata.resourceVersion !== object.metadata.resourceVersion) return { ok: false, reason: "conflict" };
    const annotations: Record<string, string> = { ...object.metadata.annotations };
    for (const [name, value] of Object.entries(body.metadata.annotations)) {
      if (value === null) delete annotations[name];
      else annotations[name] = value;
    }
    const ingress = body.status === undefined ? undefined : body.status.loadBalancer?.ingress ?? [];
    const before = JSON.stringify([sortedEntries(object.metadata.annotations ?? {}), shownBy(object)]);
    const next: KubeObject = {
      ...object,
      metadata: { ...object.metadata, annotations },
      // The API server fills in `ipMode`.
      status: ingress === undefined
        ? object["status"]
        : { loadBalancer: { ingress: ingress.map(({ ip }) => ({ ip, ipMode: "VIP" })) } },
    };
    const changed = JSON.stringify([sortedEntries(annotations), shownBy(next)]) !== before;
    this.put(next);
    return { ok: true, resourceVersion: this.objects.get(effect.key)!.metadata.resourceVersion!, changed };
  }
}

export function shownBy(object: KubeObject): string[] {
  const status = object["status"] as { loadBalancer?: { ingress?: { ip: string }[] } } | undefined;
  return (status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip);
}

function sortedEntries(record: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(record).sort();
}
