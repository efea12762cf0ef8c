/** Deletes addresses one by one, with pauses in which a list can succeed. */
import { enterNetwork } from "../../../lib/edge/net/namespace.ts";
import { Netlink } from "../../../lib/edge/net/netlink.ts";
import { Poller } from "../../../lib/edge/net/poller.ts";

const PAUSE_MS = 25;

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<{ namespacePath: string; leaving: readonly string[] }>) => void;
  postMessage(message: "started" | "ended"): void;
};

scope.onmessage = ({ data: { namespacePath, leaving } }) => {
  enterNetwork(namespacePath);
  const netlink = Netlink.open();
  const poller = new Poller();
  scope.postMessage("started");
  for (const ip of leaving) {
    netlink.deleteAddress(1, `${ip}/32`);
    poller.wait(PAUSE_MS);
  }
  netlink.close();
  scope.postMessage("ended");
};
