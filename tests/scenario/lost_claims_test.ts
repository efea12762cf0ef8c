/**
 * What the speakers know of each other's claims when the datagrams that carry them are lost, and nothing else is: who
 * missed a word goes by an old one until it hears the new one.
 */
import { assertEquals } from "@std/assert/equals";
import { DEFAULT_ADDRESS_POLICY } from "../../lib/base/wanted.ts";
import { PacketPlane } from "../../lib/protocol/packet_plane.ts";
import { SimCluster } from "../sim/sim_cluster.ts";
import type { Plane } from "../sim/sim_node.ts";

const VIP = "198.51.100.1";
const ALL = ["node-a", "node-b", "node-c"];

/** Three settled nodes; `node-a` holds the address. */
class Story {
  readonly cluster: SimCluster;
  /** Who hears no claims. */
  deaf: string | undefined;
  readonly #planes = new Map<string, Plane>();

  constructor(seed: number, { gossips }: { readonly gossips: boolean }) {
    const alter = (plane: Plane, { name }: { readonly name: string }) => this.#muffle(plane, name);
    this.cluster = new SimCluster({ seed, nodes: 3, addresses: [VIP], gossips, alter });
    this.cluster.want(VIP, ALL, { policy: { ...DEFAULT_ADDRESS_POLICY, failback: "never" } });
    for (const { name } of this.cluster.nodes) this.cluster.start(name);
    this.cluster.pass(6000);
  }

  /** Whom each living node takes for the holder. */
  holders(): string[] {
    const holders: string[] = [];
    for (const { name, process } of this.cluster.nodes) {
      if (process === "none") continue;
      const { ownership } = this.#planes.get(name)!.inspect() as {
        readonly ownership: { readonly addresses: readonly { readonly holder: string }[] };
      };
      holders.push(`${name}: ${ownership.addresses[0]!.holder}`);
    }
    return holders;
  }

  #muffle(plane: Plane, name: string): Plane {
    this.#planes.set(name, plane);
    const handle = PacketPlane.prototype.handle.bind(plane as PacketPlane);
    plane.handle = (input, now) => {
      if (input.kind === "watch" && input.message.kind === "claims" && this.deaf === name) return;
      handle(input, now);
    };
    return plane;
  }
}

for (const gossips of [false, true]) {
  for (const deafMs of [700, 20_000]) {
    const which = `for ${deafMs / 1000} s, ${gossips ? "with" : "without"} a membership`;
    Deno.test(`Lost claims: who missed a take-over knows the holder soon after it hears again (${which})`, () => {
      for (const seed of [1, 2, 3]) {
        const story = new Story(seed, { gossips });
        const { cluster } = story;
        assertEquals(story.holders(), ["node-a: node-a", "node-b: node-a", "node-c: node-a"]);
        story.deaf = "node-c";
        cluster.kill("node-a");
        cluster.pass(deafMs);
        story.deaf = undefined;
        cluster.pass(1300);
        assertEquals(story.holders(), ["node-b: node-b", "node-c: node-b"], cluster.story.join("\n"));
      }
    });
  }
}
