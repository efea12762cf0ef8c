/**
 * What a Service asks of Herald, checked before the cluster has given it anything: its annotations, with the code that
 * the controller reads them with (service_request.ts).
 */
import { rangeHas } from "../../base/cidr.ts";
import { formatIp } from "../../base/ip.ts";
import type { KubeObject } from "../../base/kube.ts";
import { annotationOf, annotationPath } from "../../decision/config/annotations.ts";
import type { Config } from "../../decision/config/config.ts";
import { nearestName } from "../../decision/config/nearest_name.ts";
import { anySelectorMatches } from "../../decision/config/selector.ts";
import { decodeService, type ServiceView } from "../../decision/config/service_view.ts";
import { requestOf } from "../../decision/control/service_request.ts";
import type { SchemaFinding } from "./schema_findings.ts";

const PREFIXES = ["metallb.io", "metallb.universe.tf"] as const;
const PAIRS = ["address-pool", "loadBalancerIPs", "allow-shared-ip"] as const;

export function serviceFindings(
  object: KubeObject,
  options: { readonly config: Config; readonly poolsKnown: boolean },
): SchemaFinding[] {
  const decoded = decodeService(object);
  if (!decoded.ok) {
    return decoded.problems.map(({ severity, path, reason, message }) => ({ severity, path, reason, message }));
  }
  const service = decoded.value;
  if (service.type !== "LoadBalancer") return [];
  const findings = contradictions(service);
  const result = requestOf({ ...service, clusterIps: assumedClusterIps(service) });
  if (!result.ok) {
    const { reason, message } = result.refusal;
    findings.push({ severity: "error", path: requestPath(service), reason, message });
    return findings;
  }
  const { config, poolsKnown } = options;
  if (!poolsKnown) return findings;
  const names = [...config.pools.map(({ name }) => name), ...config.disabledPools.keys()];
  const { pool, addresses = [] } = result.request;
  if (pool !== undefined && !names.includes(pool)) {
    const nearest = nearestName(pool, names);
    const hint = nearest === undefined ? "" : `; did you mean ${JSON.stringify(nearest)}?`;
    const message = `there is no IPAddressPool named ${JSON.stringify(pool.slice(0, 253))}${hint}`;
    findings.push({
      severity: "warning",
      path: usedAnnotation(service, "address-pool"),
      reason: "unknownPool",
      message,
    });
  }
  findings.push(...sharingFindings(service, { config, pool }));
  // The addresses of a disabled pool are not known.
  if (config.disabledPools.size > 0) return findings;
  for (const ip of addresses) {
    if (config.pools.some(({ ranges }) => ranges.some((range) => rangeHas(range, ip)))) continue;
    const message = `${formatIp(ip)} is in no IPAddressPool`;
    findings.push({ severity: "warning", path: requestPath(service), reason: "addressNotInPool", message });
  }
  return findings;
}

/** On layer 2 nobody announces a Service that may share its address, where an advertisement selects it by its labels. */
function sharingFindings(
  service: ServiceView,
  { config, pool }: { readonly config: Config; readonly pool: string | undefined },
): SchemaFinding[] {
  const pools = pool === undefined ? config.pools.map(({ name }) => name) : [pool];
  if (service.sharingKey === undefined || pools.length === 0) return [];
  const selecting = pools.map((name) =>
    config.l2Advertisements.find(({ pools, serviceSelectors }) =>
      pools.has(name) && serviceSelectors.length > 0 && anySelectorMatches(serviceSelectors, service.labels)
    )
  );
  const [first] = selecting;
  if (first === undefined || selecting.includes(undefined)) return [];
  const message =
    `the Service is announced by nobody on layer 2: an address that may be shared cannot be announced by ` +
    `an L2Advertisement with serviceSelectors, and ${first.name} has some`;
  const path = usedAnnotation(service, "allow-shared-ip");
  return [{ severity: "warning", path, reason: "sharedIPWithServiceSelector", message }];
}

/** The later prefix wins; a user who wrote both with different values meant one of them. */
function contradictions({ annotations }: ServiceView): SchemaFinding[] {
  const findings: SchemaFinding[] = [];
  for (const name of PAIRS) {
    const [today, old] = PREFIXES.map((prefix) => annotationOf(annotations, `${prefix}/${name}`));
    if (today === undefined || old === undefined || today === old) continue;
    const message = `metallb.io/${name} says something else and is used; remove this one`;
    const path = annotationPath(`metallb.universe.tf/${name}`);
    findings.push({ severity: "warning", path, reason: "contradictoryAnnotations", message });
  }
  return findings;
}

/** What the API server would give: a file's Service has no cluster addresses yet. */
function assumedClusterIps({ clusterIps, ipFamilies, ipFamilyPolicy }: ServiceView): readonly string[] {
  if (clusterIps.length > 0) return clusterIps;
  const [first = 4] = ipFamilies;
  const own = { 4: "10.96.0.1", 6: "fd00::1" } as const;
  return ipFamilyPolicy === "SingleStack" ? [own[first]] : [own[first], own[first === 4 ? 6 : 4]];
}

function requestPath(service: ServiceView): string {
  return service.requestedAddresses === undefined && service.loadBalancerIp !== undefined
    ? "spec.loadBalancerIP"
    : usedAnnotation(service, "loadBalancerIPs");
}

function usedAnnotation({ annotations }: ServiceView, name: string): string {
  const prefix = PREFIXES.find((prefix) => annotationOf(annotations, `${prefix}/${name}`) !== undefined) ?? PREFIXES[0];
  return annotationPath(`${prefix}/${name}`);
}
