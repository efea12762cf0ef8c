import { assertEquals } from "@std/assert/equals";
import type { Member } from "../../../lib/base/member.ts";
import { Liveness, type LivenessEffect } from "../../../lib/protocol/l2/liveness.ts";

function member(state: "starting" | "alive"): Member {
  return {
    node: "b",
    address: "192.0.2.2",
    port: 7946,
    state: "alive",
    facts: {
      version: "1",
      capabilities: [],
      generation: 1,
      watchPort: 7947,
      state,
      usableInterfaces: ["eth0"],
      failedLinkProbes: [],
      listsAreCut: false,
    },
  };
}

function drain(liveness: Liveness): { readonly watched: string[] | undefined; readonly state: string | undefined } {
  let watched: string[] | undefined;
  let state: string | undefined;
  for (let effect: LivenessEffect | undefined; (effect = liveness.poll()) !== undefined;) {
    if (effect.kind === "watch") watched = [...effect.nodes];
    if (effect.kind === "peer") state = effect.peer.state;
  }
  return { watched, state };
}

/** A candidate that nobody has to watch. */
function candidate(): Liveness {
  const liveness = new Liveness({ membership: true });
  liveness.handle({ kind: "peers", upsert: ["b"], remove: [] }, 0);
  liveness.handle({ kind: "membersKnown" }, 0);
  liveness.handle({ kind: "pairs", watch: new Set(), candidates: new Set(["b"]) }, 0);
  return liveness;
}

Deno.test("Liveness: a candidate that the gossip calls starting is watched, and alive once the watch says so", () => {
  const liveness = candidate();
  liveness.handle({ kind: "member", change: { node: "b", member: member("starting") } }, 1);
  assertEquals(drain(liveness), { watched: ["b"], state: "starting" });
  liveness.handle({ kind: "watched", node: "b", state: "alive" }, 2);
  // Without the watch it would be starting again.
  assertEquals(drain(liveness), { watched: undefined, state: "alive" });
});

Deno.test("Liveness: a candidate is watched no longer when the gossip calls it alive too", () => {
  const liveness = candidate();
  liveness.handle({ kind: "watched", node: "b", state: "alive" }, 1);
  liveness.handle({ kind: "member", change: { node: "b", member: member("starting") } }, 2);
  drain(liveness);
  liveness.handle({ kind: "member", change: { node: "b", member: member("alive") } }, 3);
  assertEquals(drain(liveness), { watched: [], state: undefined });
});
