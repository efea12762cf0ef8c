/** A resolved BGP peer, as the plans get it: an external router with nothing special about it. */
import type { BgpPeer } from "../../../lib/decision/config/config.ts";

export function bgpPeer(name: string, fields: Partial<BgpPeer>): BgpPeer {
  return {
    name,
    namespace: "metallb-system",
    myAsn: 64500,
    peerAsn: 64501,
    localAsn: undefined,
    peerAddress: "192.0.2.254",
    interfaceName: undefined,
    sourceAddress: undefined,
    peerPort: 179,
    holdTimeMs: undefined,
    keepaliveTimeMs: undefined,
    connectTimeMs: undefined,
    routerId: undefined,
    nodeSelectors: [],
    password: undefined,
    bfdProfile: undefined,
    gracefulRestart: false,
    ebgpMultiHop: false,
    vrf: "",
    dualStackAddressFamily: false,
    ...fields,
  };
}
