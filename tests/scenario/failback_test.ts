/**
 * Who has the address in the end, where not only the order decides: failback policies, partitions that heal, links that
 * come and go. Each for several seeds, with and without a membership beside the watch.
 */
import { assertEquals } from "@std/assert/equals";
import { type AddressPolicy, DEFAULT_ADDRESS_POLICY, type FromPacketThread } from "../../lib/base/wanted.ts";
import { PacketPlane } from "../../lib/protocol/packet_plane.ts";
import { noSilence } from "../sim/checkers.ts";
import { SimCluster } from "../sim/sim_cluster.ts";
import type { Plane } from "../sim/sim_node.ts";

const VIP = "198.51.100.1";
const ALL = ["node-a", "node-b", "node-c"];

type Split = FromPacketThread & { readonly kind: "splitHealed" };

/** Three settled nodes; `node-a` owns the address. */
class Story {
  readonly cluster: SimCluster;
  readonly splits: { readonly by: string; readonly split: Split }[] = [];

  constructor(seed: number, options: { readonly failback: AddressPolicy["failback"]; readonly gossips: boolean }) {
    const { gossips } = options;
    const alter = (plane: Plane, { name }: { readonly name: string }) => this.#listen(plane, name);
    this.cluster = new SimCluster({ seed, nodes: 3, addresses: [VIP], gossips, alter });
    this.cluster.want(VIP, ALL, { policy: { ...DEFAULT_ADDRESS_POLICY, failback: options.failback } });
    // Whoever is alone for a moment takes the address, and with a policy keeps it.
    this.cluster.start("node-a");
    this.cluster.pass(3000);
    for (const name of ["node-b", "node-c"]) this.cluster.start(name);
    this.cluster.pass(3000);
    this.answeredBy("node-a");
  }

  /** Exactly this node answers. */
  answeredBy(name: string): void {
    assertEquals(this.answering(), [name], this.cluster.story.join("\n"));
  }

  /** From the outcome of what is asked now. */
  answering(): readonly string[] {
    let seen: string[] = [];
    const checker = {
      onAnswers: (_asked: unknown, nodes: readonly { readonly name: string }[]) => {
        seen = nodes.map((node) => node.name);
        return undefined;
      },
    };
    this.cluster.checkers.push(checker);
    this.cluster.pass(60);
    this.cluster.checkers.splice(this.cluster.checkers.indexOf(checker), 1);
    return seen;
  }

  #listen(plane: Plane, by: string): Plane {
    const poll = PacketPlane.prototype.poll.bind(plane as PacketPlane);
    plane.poll = () => {
      const effect = poll();
      if (effect?.kind === "event" && effect.event.kind === "splitHealed") {
        this.splits.push({ by, split: effect.event });
      }
      return effect;
    };
    return plane;
  }
}

function stories(
  what: string,
  options: { readonly failback: AddressPolicy["failback"] },
  tell: (story: Story) => void,
): void {
  for (const gossips of [false, true]) {
    Deno.test(`${what}, ${gossips ? "with" : "without"} a membership`, () => {
      for (const seed of [1, 2, 3, 4, 5]) tell(new Story(seed, { ...options, gossips }));
    });
  }
}

stories(
  "Failback never: who took over keeps the address when the old owner is back",
  { failback: "never" },
  (story) => {
    const { cluster } = story;
    cluster.kill("node-a");
    cluster.pass(1000);
    story.answeredBy("node-b");
    cluster.start("node-a");
    for (let i = 0; i < 40; i++) {
      cluster.pass(40);
      story.answeredBy("node-b");
    }
    cluster.kill("node-b");
    cluster.pass(700);
    story.answeredBy("node-a");
    assertEquals(story.splits, []);
  },
);

stories("Failback never: a planned move is for good", { failback: "never" }, (story) => {
  const { cluster } = story;
  cluster.checkers.push(noSilence(cluster));
  cluster.leave("node-a");
  cluster.pass(500);
  cluster.start("node-a");
  cluster.pass(3000);
  story.answeredBy("node-b");
  cluster.leave("node-b");
  cluster.pass(500);
  story.answeredBy("node-a");
});

stories(
  "Failback never: who stood still for too long does not take back what it lost",
  { failback: "never" },
  (story) => {
    const { cluster } = story;
    cluster.pause("node-a");
    cluster.pass(1000);
    story.answeredBy("node-b");
    cluster.checkers.push({ onFrame: ({ name }) => name === "node-a" ? "node-a speaks" : undefined });
    cluster.resume("node-a");
    cluster.pass(3000);
    story.answeredBy("node-b");
  },
);

stories("Failback after 5 s: the old owner gets it back then, and every request is answered", {
  failback: { afterMs: 5000 },
}, (story) => {
  const { cluster } = story;
  cluster.kill("node-a");
  cluster.pass(1000);
  cluster.checkers.push(noSilence(cluster));
  cluster.start("node-a");
  cluster.pass(4500);
  story.answeredBy("node-b");
  cluster.pass(1500);
  story.answeredBy("node-a");
});

for (
  const { failback, keeps } of [{ failback: "immediate", keeps: "node-a" }, {
    failback: "never",
    keeps: "node-b",
  }] as const
) {
  stories(`Failback ${failback}: a second after a partition has healed only ${keeps} answers, and both have said so`, {
    failback,
  }, (story) => {
    const { cluster } = story;
    const groups = new Map([["node-a", 1]]);
    cluster.weather("node-a is cut off", { frameGroups: groups, datagramGroups: groups });
    cluster.pass(8000);
    cluster.weather("fine weather", {});
    cluster.pass(1000);
    story.answeredBy(keeps);
    assertEquals(new Set(story.splits.map(({ by }) => by)), new Set(["node-a", "node-b"]));
    assertEquals(new Set(story.splits.map(({ split }) => split.keeps)), new Set([keeps]));
    cluster.pass(3000);
    story.answeredBy(keeps);
  });
}

stories("Standing back: an owner that loses the link to the segment is succeeded at once, and is back at once", {
  failback: "immediate",
}, (story) => {
  const { cluster } = story;
  cluster.cutCarrier("node-a", { isolated: false });
  cluster.pass(30);
  story.answeredBy("node-b");
  // A question that is on its way when the cable is plugged in is lost to the one and comes too late for the other.
  cluster.pass(4);
  cluster.checkers.push(noSilence(cluster));
  cluster.restoreCarrier("node-a");
  cluster.pass(300);
  story.answeredBy("node-a");
});

stories("Standing back: a cable that is back does not make its node answer before it has asked the others", {
  failback: "never",
}, (story) => {
  const { cluster } = story;
  cluster.cutCarrier("node-a", { isolated: true });
  cluster.pass(3000);
  story.answeredBy("node-b");
  cluster.checkers.push({ onFrame: ({ name }) => name === "node-a" ? "node-a speaks" : undefined });
  cluster.restoreCarrier("node-a");
  cluster.pass(3000);
  story.answeredBy("node-b");
});

stories("Failback never: an address that is unwanted for a moment, which some nodes never notice, is answered again", {
  failback: "never",
}, (story) => {
  const { cluster } = story;
  cluster.kill("node-a");
  cluster.pass(1000);
  cluster.start("node-a");
  cluster.pass(3000);
  const { candidates, ...more } = cluster.wanted.get(VIP)!;
  for (let i = 0; i < 5; i++) {
    cluster.unwant(VIP);
    cluster.pass(20);
    cluster.want(VIP, candidates, more);
    cluster.pass(1000);
    assertEquals(story.answering().length, 1, cluster.story.join("\n"));
  }
});

stories("Failback never: whoever was cut off while the holder was restarted does not wait for it to remember", {
  failback: "never",
}, (story) => {
  const { cluster } = story;
  cluster.kill("node-c");
  cluster.kill("node-a");
  cluster.pass(1000);
  cluster.start("node-a");
  cluster.pass(3000);
  story.answeredBy("node-b");
  cluster.cutCarrier("node-a", { isolated: true });
  cluster.pass(1000);
  cluster.kill("node-b");
  cluster.pass(10);
  cluster.start("node-b");
  cluster.restoreCarrier("node-a");
  cluster.pass(3000);
  assertEquals(story.answering().length, 1, cluster.story.join("\n"));
});
