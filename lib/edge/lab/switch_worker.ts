/**
 * The laboratory's Ethernet switch: a Worker whose namespace holds a bridge and the near ends of all cables.
 *
 * The far ends are created directly in the hosts' namespaces, so nothing ever shows in the namespace of the process.
 */
import { invariant } from "../../base/assert.ts";
import { Netlink } from "../net/netlink.ts";
import { currentTid, ownNamespacePath, unshareNetwork } from "../net/namespace.ts";
import { serveCalls } from "./call_server.ts";
import type { SwitchCalls } from "./calls.ts";

const BRIDGE = "bridge0";

const ports: string[] = [];

serveCalls<SwitchCalls>({
  start() {
    unshareNetwork();
    const netlink = Netlink.open();
    netlink.createBridge({ name: BRIDGE });
    netlink.setUp(ifindexOf(netlink, BRIDGE), true);
    netlink.close();
    return { tid: currentTid(), namespacePath: ownNamespacePath() };
  },

  connect({ tid, interface: peer, mac }) {
    const netlink = Netlink.open();
    const port = ports.length;
    const name = `port${port}`;
    ports.push(name);
    netlink.createVeth({ name, peer, peerNamespace: { tid }, ...(mac === undefined ? {} : { peerMac: mac }) });
    netlink.setMaster(ifindexOf(netlink, name), ifindexOf(netlink, BRIDGE));
    netlink.setUp(ifindexOf(netlink, name), true);
    netlink.close();
    return { port };
  },

  setCable({ port, plugged }) {
    const name = ports[port];
    invariant(name !== undefined, `The switch has no port ${port}`);
    const netlink = Netlink.open();
    netlink.setUp(ifindexOf(netlink, name), plugged);
    netlink.close();
    return null;
  },
});

function ifindexOf(netlink: Netlink, name: string): number {
  const link = netlink.findLink(name);
  invariant(link !== undefined, `The switch has no link "${name}"`);
  return link.ifindex;
}
