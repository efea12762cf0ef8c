/** Cables, ports and questions that several scenarios have in common. */
import type { PacketStage } from "../app/packet_stage.ts";
import { until } from "../app/witness.ts";
import { inside } from "../app/inside.ts";

/** The client's switch: a bridge, at which every cable of the node can end. */
export const SWITCH = "sw";

/** Cables from the node whose other ends, of the same names, are ports of the client's switch. */
export async function laySwitchedCables(stage: PacketStage, names: readonly string[]): Promise<void> {
  await stage.ip("client", `link add ${SWITCH} type bridge`);
  await stage.ip("client", `link set ${SWITCH} up`);
  for (const name of names) {
    await stage.layCable(name);
    await stage.ip("client", `link set ${name} master ${SWITCH}`);
  }
}

/** Makes ports of links that are up: some masters take only what is down. */
export async function enslave(stage: PacketStage, master: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await stage.ip("node", `link set ${name} down`);
    await stage.ip("node", `link set ${name} master ${master}`);
    await stage.ip("node", `link set ${name} up`);
  }
}

/** Nothing is left of a scenario at either end, and the packet thread knows it. */
export async function tidy(stage: PacketStage): Promise<void> {
  for (const { namespacePath } of [stage.node, stage.client]) {
    inside(namespacePath, (netlink) => {
      for (const { ifindex, name } of netlink.listLinks()) {
        // The other end of a cable, or what stood on a link, goes with it.
        if (name !== "lo" && name !== "eth0" && netlink.findLink(name)?.ifindex === ifindex) {
          netlink.deleteLink(ifindex);
        }
      }
    });
  }
  await stage.reports("usable eth0");
}

/** Who answers the client's neighbour solicitations for `address` on one of its interfaces, each once. */
export async function solicit(stage: PacketStage, device: string, address: string): Promise<readonly string[]> {
  const { stdout } = await stage.client.run("ndisc6", ["-m", "-r", "1", "-w", "500", address, device]);
  const macs = [...stdout.matchAll(/Target link-layer address: ([0-9A-F:]{17})/g)].map((match) => match[1]!);
  return [...new Set(macs)].map((mac) => mac.toLowerCase());
}

export async function solicited(stage: PacketStage, device: string, { address = "", mac = "" }): Promise<void> {
  await until(`${address} is answered on ${device} by ${mac}`, async () => {
    return (await solicit(stage, device, address)).join() === mac;
  });
}
