/**
 * Says that an address is in none of the networks that its announcer has on a link: hosts there do not ask for it,
 * however well it is announced. What the speakers report of their networks is in `decision/config/node_networks`.
 */
import { rangeHas } from "../../base/cidr.ts";
import { parseIp } from "../../base/ip.ts";
import type { NodeNetworks } from "../../decision/config/node_networks.ts";
import type { AddressExplanation } from "../../decision/plan/explain.ts";

/** `undefined` when it is in one, or when nothing is known of the announcer's networks. */
export function outsideNetworks(explanation: AddressExplanation, networks: NodeNetworks): string | undefined {
  const { address, announcer, interfaces } = explanation;
  const ip = parseIp(address);
  const reported = announcer === null ? undefined : networks.get(announcer);
  if (ip === undefined || reported === undefined) return undefined;
  const used = reported.filter(({ interfaceName }) => interfaces === "all" || interfaces.includes(interfaceName));
  if (used.some(({ range }) => rangeHas(range, ip))) return undefined;
  const known = used.map(({ interfaceName, prefix }) => `${interfaceName} ${prefix}`).join(", ") || "none";
  return `${address} is in none of the networks that ${announcer} announces on (${known}): ` +
    "hosts there ask for it only if they have a route to it over this link";
}
