/**
 * The neighbour-discovery frames that Herald sends, as records: answers to solicitations, the unsolicited advertisement
 * after a take-over (RFC 4861 §7.2.4, §7.2.6), and the probe for duplicates (RFC 4862 §5.4.2).
 *
 * It says how they look, not when they are sent. None has the router flag: a Service's address is no router. They differ
 * from MetalLB's, which never overrides in an answer and does not answer a probe without a source option, so that a
 * duplicate is never noticed there (wire-facts §5.4). And they come from the address itself, as a kernel's do: `ndisc6` takes
 * no answer for a global address from a link-local one, which is MetalLB's.
 */
import { type Ipv6, IPV6_ALL_NODES, IPV6_UNSPECIFIED, solicitedNodeGroup } from "../base/ip.ts";
import { ipv6MulticastMac, type Mac } from "../base/mac.ts";
import {
  ICMPV6_NEIGHBOR_ADVERTISEMENT,
  ICMPV6_NEIGHBOR_SOLICITATION,
  NDP_FLAG_OVERRIDE,
  NDP_FLAG_SOLICITED,
} from "./iana.ts";
import type { NdpRecord } from "./ndp.ts";

const ALL_NODES_MAC = ipv6MulticastMac(IPV6_ALL_NODES);

/**
 * The answer to `solicitation`. Who asks without an address of its own (a probe for duplicates) is answered before all
 * nodes, and has to give the address up. `override` is false while the address is being handed over: neighbours that know
 * the successor already keep it.
 */
export function neighborAdvertisement(
  options: { readonly solicitation: NdpRecord; readonly mac: Mac; readonly override: boolean },
): NdpRecord {
  const { solicitation, mac, override } = options;
  const { target } = solicitation;
  const flags = override ? NDP_FLAG_OVERRIDE : 0;
  const common = {
    etherSource: mac,
    type: ICMPV6_NEIGHBOR_ADVERTISEMENT,
    linkLayerAddress: mac,
    source: target,
    target,
  };
  if (isDuplicateProbe(solicitation)) {
    return { ...common, etherDestination: ALL_NODES_MAC, flags, destination: IPV6_ALL_NODES };
  }
  return {
    ...common,
    etherDestination: solicitation.linkLayerAddress ?? solicitation.etherSource,
    flags: flags + NDP_FLAG_SOLICITED,
    destination: solicitation.source,
  };
}

/** The announcement "`target` is at our MAC": a neighbour with an entry takes it at once. */
export function unsolicitedAdvertisement(mac: Mac, target: Ipv6): NdpRecord {
  return {
    etherDestination: ALL_NODES_MAC,
    etherSource: mac,
    type: ICMPV6_NEIGHBOR_ADVERTISEMENT,
    flags: NDP_FLAG_OVERRIDE,
    linkLayerAddress: mac,
    source: target,
    destination: IPV6_ALL_NODES,
    target,
  };
}

/** "Does anybody have `target`?" without a word about ourselves. */
export function duplicateProbe(mac: Mac, target: Ipv6): NdpRecord {
  const destination = solicitedNodeGroup(target);
  return {
    etherDestination: ipv6MulticastMac(destination),
    etherSource: mac,
    type: ICMPV6_NEIGHBOR_SOLICITATION,
    flags: 0,
    linkLayerAddress: undefined,
    source: IPV6_UNSPECIFIED,
    destination,
    target,
  };
}

/** The question where `target` is, from an address of our own. */
export function neighborSolicitation(options: { mac: Mac; source: Ipv6; target: Ipv6 }): NdpRecord {
  const { mac, source, target } = options;
  return { ...duplicateProbe(mac, target), source, linkLayerAddress: mac };
}

/** True for a probe for duplicates, whoever sent it. */
export function isDuplicateProbe(record: NdpRecord): boolean {
  return record.type === ICMPV6_NEIGHBOR_SOLICITATION && record.source === IPV6_UNSPECIFIED;
}
