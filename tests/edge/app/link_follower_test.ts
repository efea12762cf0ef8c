// needs: namespaces
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { LinkFollower, type LinkFollowerEffect } from "../../../lib/app/link_follower.ts";
import { type LinkList, listInBackground } from "../../../lib/edge/net/background_list.ts";
import { Netlink } from "../../../lib/edge/net/netlink.ts";
import { libc } from "../../../lib/edge/net/libc.ts";
import { openRequestSocket } from "../../../lib/edge/net/netlink_socket.ts";
import { systemClock } from "../../../lib/edge/run/clock.ts";
import { until } from "../../support/until.ts";
import { inOwnNetwork, layCable, waitForCarrier } from "../net/own_network.ts";

Deno.test("LinkFollower: after more notices than the kernel keeps it has all listed, and knows what holds now", () =>
  inOwnNetwork(async (netlink) => {
    const { a, b } = layCable(netlink);
    const bench = new Bench();
    bench.follow();
    assertEquals(bench.names(), ["a", "b"]);
    assertEquals(bench.requests, 0);
    // The last of these notices are lost, and with them the word that `a` is down and that `c` exists.
    flood(netlink, b);
    netlink.setUp(a, false);
    netlink.createBridge({ name: "c" });
    netlink.setUp(netlink.findLink("c")!.ifindex, true);
    bench.follow();
    assertEquals(bench.requests, 1);
    const list = await listInBackground(openRequestSocket().fd);
    assertEquals(bench.names(), ["a", "b"]);
    // What happens before the list comes is acted upon, and the list does not undo it.
    netlink.setUp(b, false);
    bench.follow();
    assertEquals(bench.names(), ["a"]);
    bench.takeList(list);
    assertEquals(bench.names(), ["c"]);
    assertEquals(bench.report?.refused.map(({ name, reason }) => `${name} ${reason}`), ["a down", "b down", "lo down"]);
    netlink.setUp(a, true);
    netlink.setUp(b, true);
    waitForCarrier(netlink, [a, b]);
    await bench.follows(["a", "b", "c"]);
    assertEquals(bench.requests, 1);
    bench.close();
  }));

Deno.test("LinkFollower: a list is not believed when notices got lost while it was made, and the next one is asked for", () =>
  inOwnNetwork(async (netlink) => {
    const { a, b } = layCable(netlink);
    const bench = new Bench();
    flood(netlink, b);
    bench.follow();
    const older = await listInBackground(openRequestSocket().fd);
    netlink.setUp(a, false);
    // The kernel tells of the far end's carrier when it comes to that.
    await bench.follows([]);
    flood(netlink, b);
    bench.follow();
    assertEquals(bench.names(), []);
    bench.takeList(older);
    assertEquals(bench.names(), []);
    bench.passTime();
    assertEquals(bench.requests, 2);
    // The kernel may refuse.
    bench.takeList(undefined);
    bench.passTime();
    assertEquals(bench.requests, 3);
    netlink.setUp(a, true);
    waitForCarrier(netlink, [a, b]);
    bench.takeList(await listInBackground(openRequestSocket().fd));
    assertEquals(bench.names(), ["a", "b"]);
    bench.close();
  }));

Deno.test("listInBackground: closes the socket that it was given, and says what it could not do", () =>
  inOwnNetwork(async (netlink) => {
    const { fd } = openRequestSocket();
    const socket = openFile(fd);
    const { links } = await listInBackground(fd);
    assertEquals(links, netlink.listLinks());
    assert(openFile(fd) !== socket);
    const notNetlink = libc().eventfd(0, 0);
    await assertRejects(() => listInBackground(notNetlink), Error, "list links: the kernel did not answer");
  }));

Deno.test("LinkFollower: what could not be opened is a refusal", () =>
  inOwnNetwork((netlink) => {
    layCable(netlink);
    const bench = new Bench({ refuse: "a" });
    bench.follow();
    assertEquals(bench.names(), ["b"]);
    assertEquals(bench.report?.refused.find(({ name }) => name === "a")?.reason, "notOpened");
    bench.close();
  }));

/** What the process has open under this number: a socket's inode is not used again soon. */
function openFile(fd: number): string {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "nothing";
  }
}

/** More notices than the kernel keeps for a socket. */
function flood(netlink: Netlink, ifindex: number): void {
  for (let i = 0; i < 2000; i++) {
    netlink.addAddress(ifindex, "192.0.2.1/24");
    netlink.deleteAddress(ifindex, "192.0.2.1/24");
  }
}

/** Follows the links of this thread's namespace. */
class Bench {
  readonly open = new Map<number, string>();
  /** How often a list was asked for. */
  requests = 0;
  report: (LinkFollowerEffect & { kind: "report" })["report"] | undefined;
  readonly #netlink = Netlink.open({ notices: true });
  readonly #follower: LinkFollower;
  #passedMs = 0;

  constructor({ refuse = "" } = {}) {
    this.#follower = new LinkFollower({ exclusions: [] }, {
      netlink: this.#netlink,
      clock: { now: () => systemClock.now() + this.#passedMs, wallMs: systemClock.wallMs },
      requestList: () => this.requests++,
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

  /** Goes on following until these are open. */
  async follows(names: readonly string[]): Promise<void> {
    await until(() => `${names} are open; ${this.names()} are`, () => {
      this.follow();
      return this.names().join() === names.join();
    });
  }

  /** What the packet loop does, until there is nothing left to do. */
  follow(): void {
    const end = systemClock.now() + 30_000;
    for (let read = 1; read > 0 || this.#follower.timeoutMs() < 900;) {
      read = this.#follower.drain(64);
      this.#follower.tickIfDue();
      if (systemClock.now() > end) throw new Error("There is always something to do");
    }
  }

  takeList(list: LinkList | undefined): void {
    this.#follower.takeList(list);
    this.follow();
  }

  /** Until whatever waits is due. */
  passTime(): void {
    this.#passedMs += 60_000;
    this.follow();
  }

  names(): readonly string[] {
    return [...this.open.values()].toSorted();
  }

  close(): void {
    this.#netlink.close();
  }
}
