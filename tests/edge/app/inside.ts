/** Does something with netlink in another network namespace, on this thread, and comes back. */
import { CLONE_NEWNET } from "../../../lib/edge/net/abi.ts";
import { Descriptor } from "../../../lib/edge/net/descriptor.ts";
import { checked } from "../../../lib/edge/net/errno.ts";
import { libc } from "../../../lib/edge/net/libc.ts";
import { enterNetwork, ownNamespacePath, unshareNetwork } from "../../../lib/edge/net/namespace.ts";
import { Netlink } from "../../../lib/edge/net/netlink.ts";

export function inside<T>(namespacePath: string, use: (netlink: Netlink) => T): T {
  const leave = enter(namespacePath);
  try {
    const netlink = Netlink.open();
    try {
      return use(netlink);
    } finally {
      netlink.close();
    }
  } finally {
    leave();
  }
}

/** This thread's sockets are made in that namespace until the returned function is called. */
export function enter(namespacePath: string): () => void {
  let home = openOwnNetwork();
  if (libc().setns(home.fd, CLONE_NEWNET) !== 0) {
    // Below `unshare -Ur` there is no way back to the system's network: an empty one is this thread's home from now on.
    home.close();
    unshareNetwork();
    home = openOwnNetwork();
  }
  enterNetwork(namespacePath);
  return () => {
    checked("setns back", libc().setns(home.fd, CLONE_NEWNET));
    home.close();
  };
}

function openOwnNetwork(): Descriptor {
  const path = new TextEncoder().encode(`${ownNamespacePath()}\0`);
  return new Descriptor(checked("open the namespace before", libc().open(path, 0)));
}
