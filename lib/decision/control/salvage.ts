/**
 * What can be saved of a Service that cannot be decoded: who it is and which addresses it shows. They stay reserved,
 * so that one broken object never leads to an address with two owners.
 */
import { isRecord } from "../../base/json.ts";
import { identityOf } from "../config/identity.ts";
import { decodeService, type ServiceView } from "../config/service_view.ts";

/** More entries than a Service can sensibly have; the rest of a hostile list is not looked at. */
const INGRESS_MAX = 64;

/** `undefined` when not even a name can be read. */
export function salvageService(object: unknown): ServiceView | undefined {
  const { namespace, name } = identityOf(object, "Service");
  const status = isRecord(object) && isRecord(object["status"]) ? object["status"] : {};
  const loadBalancer = isRecord(status["loadBalancer"]) ? status["loadBalancer"] : {};
  const ingress: { ip: string }[] = [];
  if (Array.isArray(loadBalancer["ingress"])) {
    for (const entry of loadBalancer["ingress"].slice(0, INGRESS_MAX)) {
      if (isRecord(entry) && typeof entry["ip"] === "string") ingress.push({ ip: entry["ip"] });
    }
  }
  const decoded = decodeService({
    metadata: { namespace, name },
    spec: { type: "LoadBalancer" },
    status: { loadBalancer: { ingress } },
  });
  return decoded.ok ? decoded.value : undefined;
}
