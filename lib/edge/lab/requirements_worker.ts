/** The throw-away thread behind `labRequirements`: does in small what a laboratory does, and ends. */
import { ARP_FILTER } from "../net/bpf.ts";
import { isInitialUserNamespace, unshareNetwork } from "../net/namespace.ts";
import { Netlink } from "../net/netlink.ts";
import { PacketSocket } from "../net/packet_socket.ts";
import { serveCalls } from "./call_server.ts";
import type { RequirementCalls } from "./calls.ts";

serveCalls<RequirementCalls>({
  tryNetwork() {
    unshareNetwork();
    const netlink = Netlink.open();
    try {
      netlink.createBridge({ name: "bridge0" });
      netlink.createVeth({ name: "port0", peer: "eth0" });
      const ifindex = netlink.findLink("port0")?.ifindex ?? 0;
      netlink.setUp(ifindex, true);
      PacketSocket.open({ ifindex, filter: ARP_FILTER }).close();
      return isInitialUserNamespace() ? "root" : "user namespace";
    } finally {
      netlink.close();
    }
  },
});
