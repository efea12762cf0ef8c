/**
 * One node's packet thread as the control thread starts it, told to own addresses, and a client on the same switch: for
 * what happens to interfaces, without an API server.
 */
import {
  DELTA_ENTRIES_MAX,
  type FromPacketThread,
  type InterfaceReport,
  type WantedAddress,
  type WantedDelta,
} from "../../../lib/base/wanted.ts";
import type { JsonObject } from "../../../lib/base/json.ts";
import { PacketPort } from "../../../lib/app/packet_port.ts";
import { Lab } from "../../../lib/edge/lab/lab.ts";
import type { LabHost } from "../../../lib/edge/lab/lab_host.ts";
import { formatMac, parseMac } from "../../../lib/base/mac.ts";
import { inside } from "./inside.ts";
import { arping, until } from "./witness.ts";

const NO_INTERFACES: InterfaceReport = { usable: [], ipv4Only: [], refused: [] };

export const NODE_MAC = "02:00:00:00:00:0b";

/** Announced on every interface. */
export const ADDRESS = "192.168.77.200";

export const CLIENT = "192.168.77.50";
export const CLIENT6 = "2001:db8:77::50";

export class PacketStage {
  readonly node: LabHost;
  readonly client: LabHost;
  readonly #packets: PacketPort;
  readonly #events: FromPacketThread[];
  #generation = 0;

  private constructor(lab: Lab, packets: PacketPort, events: FromPacketThread[]) {
    this.#packets = packets;
    this.#events = events;
    this.node = lab.host("n1");
    this.client = lab.host("client");
  }

  static async run(
    test: (stage: PacketStage) => Promise<void>,
    { exclusions = ["^lo$", "^veth.*"] as readonly string[] } = {},
  ): Promise<void> {
    const lab = await Lab.create({
      hosts: [
        { name: "n1", address: "192.168.77.11/24", mac: parseMac(NODE_MAC)! },
        { name: "client", address: `${CLIENT}/24`, moreAddresses: [`${CLIENT6}/64`] },
      ],
    });
    const events: FromPacketThread[] = [];
    const { namespacePath } = lab.host("n1");
    const packets = new PacketPort(
      { node: "n1", generation: 1, watch: undefined, exclusions, namespacePath },
      { onEvent: (event) => events.push(event) },
    );
    const stage = new PacketStage(lab, packets, events);
    try {
      stage.want({ address: ADDRESS });
      await until("it has opened its interface", () => stage.logs("createARPResponder").length > 0);
      await until("it answers", async () => (await stage.macsOn("eth0")).length === 1);
      await test(stage);
      stage.expectAlive();
    } finally {
      await packets.cut();
      await lab.close();
    }
  }

  expectAlive(): void {
    const failed = this.#events.find((event) => event.kind === "failed");
    if (failed !== undefined) throw new Error(`The packet thread ended: ${JSON.stringify(failed)}`);
  }

  want(...wanted: readonly (Pick<WantedAddress, "address"> & Partial<WantedAddress>)[]): void {
    const common = { candidates: ["n1"], interfaces: "all", services: ["default/web"] } as const;
    for (let at = 0; at < wanted.length; at += DELTA_ENTRIES_MAX) {
      const upsertAddresses = wanted.slice(at, at + DELTA_ENTRIES_MAX).map((one) => ({ ...common, ...one }));
      this.#send({ upsertAddresses });
    }
  }

  /** Another node has a speaker, which says nothing. */
  know(node: string, address: string): void {
    this.#send({ upsertPeers: [{ node, address, port: 7947 }] });
  }

  #send(part: Partial<WantedDelta>): void {
    const nothing = { upsertAddresses: [], removeAddresses: [], upsertPeers: [], removePeers: [], complete: true };
    this.#packets.send({ ...nothing, generation: ++this.#generation, ...part });
  }

  /** Addresses that a stranger was seen to claim. */
  contested(): readonly string[] {
    return this.#events.flatMap((event) => event.kind === "conflict" ? [event.address] : []);
  }

  /** Another node of the cluster, which no speaker of ours runs on. */
  addPeer(node: string, address: string): void {
    this.#packets.send({
      generation: ++this.#generation,
      upsertAddresses: [],
      removeAddresses: [],
      upsertPeers: [{ node, address, port: 7947 }],
      removePeers: [],
      complete: true,
    });
  }

  /** What it said of nodes that have its own MAC, in words. */
  sharedMacs(): readonly string[] {
    return this.#events.flatMap((event) =>
      event.kind === "sharedMac" ? [`${event.other} has ${event.mac} of ${event.interface}: ${event.state}`] : []
    );
  }

  /** Addresses that it said it owns. */
  owned(): ReadonlySet<string> {
    return new Set(this.#events.flatMap((event) => event.kind === "ownership" && event.owned ? [event.address] : []));
  }

  /** A cable from the node to the client, with the same name at both ends and carrier. */
  async layCable(name: string): Promise<void> {
    inside(this.node.namespacePath, (netlink) => {
      netlink.createVeth({ name, peer: name, peerNamespace: { tid: this.client.tid } });
      netlink.setUp(netlink.findLink(name)!.ifindex, true);
    });
    await this.ip("client", `link set ${name} up`);
  }

  /** iproute2's own word for what happens, inside one of the hosts. */
  async ip(where: "node" | "client", line: string): Promise<void> {
    const { code, stderr } = await this[where].run("ip", line.split(" "));
    if (code !== 0) throw new Error(`ip ${line}: ${stderr}`);
  }

  macOf(name: string): string {
    return inside(this.node.namespacePath, (netlink) => formatMac(netlink.findLink(name)!.mac!));
  }

  /** Who answers the client's questions on one of its interfaces. */
  async macsOn(device: string, { count = 1, address = ADDRESS } = {}): Promise<readonly string[]> {
    return (await arping(this.client, address, { device, count, args: ["-S", "192.168.77.51"] })).macs;
  }

  async answered(device: string, mac: string, address = ADDRESS): Promise<void> {
    await until(`${address} is answered on ${device} by ${mac}`, async () => {
      const macs = await this.macsOn(device, { address });
      return macs.length === 1 && macs[0] === mac;
    });
  }

  async silent(device: string, address = ADDRESS): Promise<void> {
    await until(
      `${address} is not answered on ${device}`,
      async () => (await this.macsOn(device, { address, count: 2 })).length === 0,
    );
  }

  get report(): InterfaceReport {
    return this.#events.findLast((event) => event.kind === "interfaces")?.report ?? NO_INTERFACES;
  }

  /** In words: `usable eth0; lan1 noCarrier`. */
  async reports(words: string): Promise<void> {
    const now = () => {
      const { usable, refused } = this.report;
      const reasons = refused.map(({ name, reason }) => `; ${name} ${reason}`);
      return `usable ${usable}${reasons.join("")}`;
    };
    await until(() => `the report says "${words}"; it says "${now()}"`, () => now() === words);
  }

  networks(): readonly string[] {
    const last = this.#events.findLast((event) => event.kind === "networks");
    return (last?.networks ?? []).map(({ interfaceName, prefix }) => `${interfaceName} ${prefix}`);
  }

  /** Of every log event of this name, one field: what it is about. */
  logs(name: string, field = "interface"): readonly string[] {
    return this.#events.flatMap((event) =>
      event.kind === "log" && event.event.event === name ? [String(event.event[field])] : []
    );
  }

  /** How often the packet thread stood still for longer than it tolerates; a starved machine does that. */
  get gaps(): number {
    return this.#packets.counters.read("gaps");
  }

  /** Also when the packet thread is too busy to answer at once. */
  inspect(): Promise<JsonObject> {
    return until("the packet thread tells its state", () => this.#packets.inspect());
  }
}
