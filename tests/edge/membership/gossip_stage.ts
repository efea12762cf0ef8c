/** Packet threads that do nothing but gossip, in laboratory hosts, and what real peers see of them. */
import type { JsonObject } from "../../../lib/base/json.ts";
import type { FromPacketThread } from "../../../lib/base/wanted.ts";
import { type MembershipInit } from "../../../lib/app/membership.ts";
import { LAN_SETTINGS } from "../../../lib/app/memberlist_settings.ts";
import { PacketPort } from "../../../lib/app/packet_port.ts";
import { Lab } from "../../../lib/edge/lab/lab.ts";
import type { LabHost } from "../../../lib/edge/lab/lab_host.ts";
import { until } from "../../support/until.ts";

export { until };

export const PORT = 7946;

/** As `serf members` and memberlist's own words have it. */
export interface SeenMember {
  readonly node: string;
  readonly address: string;
  readonly state: string;
  readonly incarnation: number;
  readonly facts: { readonly generation: number; readonly watchPort: number } | null;
}

export function addressOf(index: number): string {
  return `192.168.77.${10 + index}`;
}

export async function withLab(hosts: number, test: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = await Lab.create({
    hosts: Array.from({ length: hosts }, (_, i) => ({ name: `h${i + 1}`, address: `${addressOf(i + 1)}/24` })),
  });
  try {
    await test(lab);
  } finally {
    await lab.close();
  }
}

export class GossipingSpeaker {
  readonly node: string;
  readonly events: FromPacketThread[] = [];
  readonly #packets: PacketPort;
  #generation = 0;

  constructor(host: LabHost, options: { node: string; address: string } & Partial<MembershipInit>) {
    const { node, ...init } = options;
    this.node = node;
    this.#packets = new PacketPort({
      node,
      generation: 1_790_000_000_000,
      watch: undefined,
      membership: { port: PORT, secret: undefined, settings: LAN_SETTINGS, ...init },
      exclusions: ["^lo$"],
      namespacePath: host.namespacePath,
    }, { onEvent: (event) => this.events.push(event) });
    this.name([]);
  }

  /** As the API would: these are the other speakers. */
  name(peers: readonly { readonly node: string; readonly address: string }[]): void {
    this.#packets.send({
      generation: ++this.#generation,
      upsertAddresses: [],
      removeAddresses: [],
      upsertPeers: peers.map((peer) => ({ ...peer, port: PORT + 1 })),
      removePeers: [],
      complete: true,
    });
  }

  changeSecret(secret: Uint8Array): void {
    this.#packets.changeSecret(secret);
  }

  async membership(): Promise<JsonObject> {
    const state = await until(
      () => `the packet thread of ${this.node} answers; it reported ${JSON.stringify(this.events)}`,
      () => this.#packets.inspect(),
    );
    return state["membership"] as JsonObject;
  }

  async members(): Promise<ReadonlyMap<string, SeenMember>> {
    const members = (await this.membership())["members"] as unknown as SeenMember[];
    return new Map(members.map((member) => [member.node, member]));
  }

  async stateOf(node: string): Promise<string | undefined> {
    return (await this.members()).get(node)?.state;
  }

  logged(event: string): JsonObject[] {
    return this.events.flatMap((each) =>
      each.kind === "log" && each.event.event === event ? [each.event as JsonObject] : []
    );
  }

  stop(): Promise<void> {
    return this.#packets.stop();
  }

  cut(): Promise<void> {
    return this.#packets.cut();
  }
}
