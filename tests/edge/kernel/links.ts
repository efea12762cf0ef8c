/** Cables, ports and questions that several scenarios have in common. */
import { ADDRESS, type PacketStage } from "../app/packet_stage.ts";
import { Capture, until } from "../app/witness.ts";
import { inside } from "../app/inside.ts";

/** The client's switch: a bridge, at which every cable of the node can end. */
export const SWITCH = "sw";

export const BOND_PORTS = ["p1", "p2"];

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

/** A bond, called bond0, of the cables p1 and p2 to the client's switch, in service. */
export async function layBond(stage: PacketStage, mode = "active-backup"): Promise<string> {
  await laySwitchedCables(stage, BOND_PORTS);
  await stage.ip("node", `link add bond0 type bond miimon 50 mode ${mode}`);
  await enslave(stage, "bond0", BOND_PORTS);
  await stage.ip("node", "link set bond0 up");
  await until("the bond is in service", () => stage.report.usable.includes("bond0"));
  return stage.macOf("bond0");
}

/** VLAN 100 at both ends, called `name`, on top of these. */
export async function layVlan(
  stage: PacketStage,
  { node, client, name = "v100" }: { node: string; client: string; name?: string },
): Promise<void> {
  for (const [where, below] of [["node", node], ["client", client]] as const) {
    await stage.ip(where, `link add link ${below} name ${name} type vlan id 100`);
    await stage.ip(where, `link set ${name} up`);
  }
}

/**
 * While `act` runs, or after it, the address is told on the client's interface `on` by `mac`. A MAC that was not there
 * before shows that it is told anew; where it is the same, the schedule of the take-over may still be running, and what
 * shows it is that the node's interface `again` is opened once more.
 */
export async function expectBurst(
  stage: PacketStage,
  { on, mac, again }: { on: string; mac: string; again?: string },
  act: () => Promise<void>,
): Promise<void> {
  const opened = () => stage.logs("createARPResponder").filter((name) => name === again).length;
  const before = opened();
  const capture = await Capture.start(stage.client, "arp", on);
  await act();
  if (again !== undefined) await until(`${again} is opened again`, () => opened() > before);
  await until(`a burst of ${mac} on ${on}`, async () => {
    const frames = await capture.sentFor(ADDRESS, mac);
    return frames.filter(({ hex }) => hex.startsWith("ffffffffffff")).length >= 2;
  });
  await capture.stop();
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
