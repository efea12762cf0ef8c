// needs: namespaces
import { assertEquals } from "@std/assert/equals";
import { LinkFollower, type LinkFollowerEffect } from "../../../lib/app/link_follower.ts";
import { Netlink } from "../../../lib/edge/net/netlink.ts";
import { systemClock } from "../../../lib/edge/run/clock.ts";
import { inOwnNetwork, layCable } from "../net/own_network.ts";

Deno.test("LinkFollower: after more notices than the kernel keeps it lists anew, and knows what holds now", () =>
  inOwnNetwork((netlink) => {
    const { a, b } = layCable(netlink);
    const bench = new Bench();
    bench.follow();
    assertEquals([...bench.open.values()].toSorted(), ["a", "b"]);
    // The last of these notices are lost, and with them the word that `a` is down and that `c` exists.
    for (let i = 0; i < 2000; i++) {
      netlink.addAddress(b, "192.0.2.1/24");
      netlink.deleteAddress(b, "192.0.2.1/24");
    }
    netlink.setUp(a, false);
    netlink.createBridge({ name: "c" });
    netlink.setUp(netlink.findLink("c")!.ifindex, true);
    bench.follow();
    assertEquals([...bench.open.values()], ["c"]);
    assertEquals(bench.report?.refused.map(({ name, reason }) => `${name} ${reason}`), [
      "a down",
      "b noCarrier",
      "lo down",
    ]);
    netlink.setUp(a, true);
    bench.follow();
    assertEquals([...bench.open.values()].toSorted(), ["a", "b", "c"]);
    bench.close();
  }));

Deno.test("LinkFollower: what could not be opened is a refusal", () =>
  inOwnNetwork((netlink) => {
    layCable(netlink);
    const bench = new Bench({ refuse: "a" });
    bench.follow();
    assertEquals([...bench.open.values()], ["b"]);
    assertEquals(bench.report?.refused.find(({ name }) => name === "a")?.reason, "notOpened");
    bench.close();
  }));

/** Follows the links of this thread's namespace. */
class Bench {
  readonly open = new Map<number, string>();
  report: (LinkFollowerEffect & { kind: "report" })["report"] | undefined;
  readonly #netlink = Netlink.open({ notices: true });
  readonly #follower: LinkFollower;

  constructor({ refuse = "" } = {}) {
    this.#follower = new LinkFollower({ exclusions: [] }, {
      netlink: this.#netlink,
      clock: systemClock,
      apply: (effect) => {
        if (effect.kind === "report") this.report = effect.report;
        if (effect.kind === "close") this.open.delete(effect.interface.ifindex);
        if (effect.kind !== "open") return true;
        if (effect.interface.name === refuse) return false;
        this.open.set(effect.interface.ifindex, effect.interface.name);
        return true;
      },
    });
    this.#follower.start();
  }

  /** What the packet loop does, until there is nothing left to do. */
  follow(): void {
    const end = systemClock.now() + 1000;
    for (let read = 1; read > 0 || this.#follower.timeoutMs() < 900;) {
      read = this.#follower.drain(64);
      this.#follower.tickIfDue();
      if (systemClock.now() > end) throw new Error("There is always something to do");
    }
  }

  close(): void {
    this.#netlink.close();
  }
}
