/**
 * A speaker that was started without an API server goes by a snapshot of before, while the others know what is wanted now:
 * they have the address, whatever the old plan says, until it hears the API itself.
 */
import { assertEquals } from "@std/assert/equals";
import type { WantedAddress } from "../../lib/base/wanted.ts";
import { PacketPlane } from "../../lib/protocol/packet_plane.ts";
import { SimCluster } from "../sim/sim_cluster.ts";
import type { Plane } from "../sim/sim_node.ts";

const VIP = "198.51.100.1";
const ALL = ["node-a", "node-b", "node-c"];

/** Three nodes; `node-a` has the address, but by the old plan of `node-c` it is `node-c`. */
class Story {
  readonly cluster: SimCluster;

  constructor(seed: number, { gossips }: { readonly gossips: boolean }) {
    const alter = (plane: Plane, { name }: { readonly name: string }) => this.#restore(plane, name);
    this.cluster = new SimCluster({ seed, nodes: 3, addresses: [VIP], gossips, alter });
    this.cluster.want(VIP, ALL);
    for (const name of ["node-a", "node-b"]) this.cluster.start(name);
    this.cluster.pass(6000);
    this.cluster.start("node-c");
    this.cluster.pass(3000);
  }

  /** Who answers in the next moments. */
  answering(): string[] {
    const seen = new Set<string>();
    const checker = {
      onAnswers: (_asked: unknown, nodes: readonly { readonly name: string }[]) => {
        seen.add(nodes.map(({ name }) => name).join(" and "));
        return undefined;
      },
    };
    this.cluster.checkers.push(checker);
    this.cluster.pass(500);
    this.cluster.checkers.splice(this.cluster.checkers.indexOf(checker), 1);
    return [...seen];
  }

  #restore(plane: Plane, name: string): Plane {
    if (name !== "node-c") return plane;
    const handle = PacketPlane.prototype.handle.bind(plane as PacketPlane);
    handle({ kind: "restored", restored: true }, 0);
    plane.handle = (input, now) => {
      if (input.kind !== "delta") return handle(input, now);
      const old = (wanted: WantedAddress) => ({ ...wanted, candidates: ["node-c"] });
      handle({ ...input, delta: { ...input.delta, upsertAddresses: input.delta.upsertAddresses.map(old) } }, now);
    };
    return plane;
  }
}

for (const gossips of [false, true]) {
  Deno.test(`Old plan: it takes nothing from a living owner that hears the API, ${gossips ? "with" : "without"} a membership`, () => {
    for (const seed of [1, 2, 3]) {
      const story = new Story(seed, { gossips });
      const { cluster } = story;
      assertEquals(story.answering(), ["node-a"], cluster.story.join("\n"));
      cluster.kill("node-a");
      cluster.pass(1500);
      assertEquals(story.answering(), ["node-b"], "nor from the one after it");
      cluster.kill("node-b");
      cluster.pass(1500);
      assertEquals(story.answering(), ["node-c"], "but better an old plan than nobody");
    }
  });
}
