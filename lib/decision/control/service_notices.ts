/** Events on a Service in MetalLB's words (reference §5.8), each with its line in the log. */
import type { KubeObject } from "../../base/kube.ts";
import { sameTexts } from "../../base/text_list.ts";
import type { ServiceView } from "../config/service_view.ts";
import type { ConvergeEffect } from "./converge_io.ts";

/** What was written, beside what was shown before. Nothing when the addresses are the same. */
export function allocatedNotices(
  service: ServiceView,
  options: { before: readonly string[]; addresses: readonly string[]; pool: string },
): ConvergeEffect[] {
  const { before, addresses, pool } = options;
  if (sameTexts([...before].sort(), [...addresses].sort())) return [];
  const added = addresses.filter((address) => !before.includes(address));
  const isAdditional = before.length > 0 && before.every((address) => addresses.includes(address));
  const message = isAdditional
    ? `Assigned additional IP "${added.join('" "')}"`
    : `Assigned IP ${quotedList(addresses)}`;
  const rule = ruleOf(service);
  return [
    eventNotice(service, { type: "Normal", reason: "IPAllocated", message }),
    {
      kind: "log",
      event: { level: "info", event: "ipAllocated", service: service.key, ips: [...addresses], pool, rule },
    },
  ];
}

/** By which rule a Service gets what it gets. */
export type AllocationRule = "requestedAddress" | "requestedPool" | "autoAssign";

function ruleOf(service: ServiceView): AllocationRule {
  if (service.requestedAddresses !== undefined || service.loadBalancerIp !== undefined) return "requestedAddress";
  return service.requestedPool !== undefined ? "requestedPool" : "autoAssign";
}

export function failedNotices(
  service: ServiceView,
  options: { reason: string; message: string; eventReason?: string },
): ConvergeEffect[] {
  const { reason, message, eventReason = "AllocationFailed" } = options;
  const text = eventReason === "AllocationFailed"
    ? `Failed to allocate IP for "${service.key}": ${message}`
    : `Cannot give "${service.key}" an address: ${message}`;
  return [
    eventNotice(service, { type: "Warning", reason: eventReason, message: text }),
    { kind: "log", event: { level: "warn", event: "allocationFailed", service: service.key, reason, message } },
  ];
}

/** The addresses shown may not stay. */
export function clearedNotices(service: ServiceView, why: string): ConvergeEffect[] {
  const shown = quotedList(service.ingress);
  const message = `IP ${shown} of "${service.key}" is no longer allowed, a new one will be tried: ${why}`;
  return [
    eventNotice(service, { type: "Normal", reason: "ClearAssignment", message }),
    { kind: "log", event: { level: "info", event: "clearAssignment", service: service.key, message: why } },
  ];
}

/** Somebody else writes the status again and again. */
export function overwrittenNotices(service: ServiceView): ConvergeEffect[] {
  const message = `Another program overwrites status.loadBalancer of "${service.key}" again and again, so it is put ` +
    "right more and more slowly. If there is a second load balancer in the cluster, give its Services or these a " +
    "spec.loadBalancerClass, or switch it off";
  return [
    eventNotice(service, { type: "Warning", reason: "StatusOverwritten", message }),
    { kind: "log", event: { level: "warn", event: "statusOverwritten", service: service.key } },
  ];
}

export function eventNotice(
  service: ServiceView,
  what: { type: "Normal" | "Warning"; reason: string; message: string },
): ConvergeEffect {
  const { namespace, name, uid, resourceVersion } = service;
  const object: KubeObject = {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      namespace,
      name,
      ...(uid === "" ? {} : { uid }),
      ...(resourceVersion === "" ? {} : { resourceVersion }),
    },
  };
  return { kind: "event", object, ...what };
}

/** `["192.0.2.1" "fd00::1"]`, as Go prints a list of strings with `%q`. Texts may be anything: they are cut. */
function quotedList(texts: readonly string[]): string {
  return `[${texts.slice(0, 8).map((text) => JSON.stringify(text.slice(0, 64))).join(" ")}]`;
}
