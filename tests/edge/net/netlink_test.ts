// needs: namespaces ip
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { formatMac, parseMac } from "../../../lib/base/mac.ts";
import { SysError } from "../../../lib/edge/net/errno.ts";
import { LIBC_PATHS } from "../../../lib/edge/net/libc.ts";
import { enterNetwork, ownNamespacePath } from "../../../lib/edge/net/namespace.ts";
import { Netlink } from "../../../lib/edge/net/netlink.ts";
import type { LinkChange } from "../../../lib/edge/net/netlink_codec.ts";
import { Poller } from "../../../lib/edge/net/poller.ts";
import { inOwnNetwork, layCable, waitForCarrier } from "./own_network.ts";

const REFUSED: readonly [name: string, change: (netlink: Netlink) => void, code: string][] = [
  ["an interface that does not exist", (netlink) => netlink.setUp(4711, true), "ENODEV"],
  ["a name that is taken", (netlink) => netlink.createBridge({ name: "lo" }), "EEXIST"],
  ["a name that is too long", (netlink) => netlink.createBridge({ name: "x".repeat(20) }), "ERANGE"],
  [
    "a thread that does not exist",
    (netlink) => netlink.moveToNamespace(layCable(netlink).a, { tid: 0x3fffff }),
    "ESRCH",
  ],
  ["an address without a length", (netlink) => netlink.addAddress(1, "192.0.2.1"), "EINVAL"],
  ["an address with too long a length", (netlink) => netlink.addAddress(1, "192.0.2.1/33"), "EINVAL"],
  ["an address that is not there", (netlink) => netlink.deleteAddress(1, "192.0.2.1/24"), "EADDRNOTAVAIL"],
  ["a neighbour that is not there", (netlink) => netlink.deleteNeighbour(layCable(netlink).a, "192.0.2.1"), "ENOENT"],
  ["a port of something that is no bridge", (netlink) => netlink.setMaster(layCable(netlink).a, 1), "EOPNOTSUPP"],
];

for (const [name, change, code] of REFUSED) {
  Deno.test(`Netlink: ${name} is ${code}, and the same socket works on`, () =>
    inOwnNetwork((netlink) => {
      const error = assertThrows(() => change(netlink), SysError);
      assertEquals(error.code, code);
      assertEquals(netlink.listLinks()[0]?.name, "lo");
    }));
}

Deno.test("Netlink: a closed socket is EBADF", () =>
  inOwnNetwork(() => {
    const netlink = Netlink.open({ notices: true });
    netlink.close();
    assertEquals(assertThrows(() => netlink.listLinks(), SysError).code, "EBADF");
    assertEquals(assertThrows(() => netlink.readChanges(1), SysError).code, "EBADF");
  }));

Deno.test("Netlink: lists say what `ip` says", async () => {
  await inOwnNetwork(async (netlink) => {
    const { a } = layCable(netlink);
    netlink.createBridge({ name: "br0" });
    netlink.setMaster(netlink.findLink("b")!.ifindex, netlink.findLink("br0")!.ifindex);
    netlink.addAddress(a, "192.0.2.1/24");
    netlink.addAddress(a, "2001:db8::1/64");
    netlink.setUp(1, true);
    const links = netlink.listLinks();
    const nameOf = (ifindex: number | undefined) => links.find((link) => link.ifindex === ifindex)?.name;
    const theirs = await ip("link");
    assertEquals(
      links.map((link) => ({
        ifindex: link.ifindex,
        name: link.name,
        mac: formatMac(link.mac!),
        mtu: link.mtu,
        master: nameOf(link.master),
        state: link.operationalState,
        flags: [link.up, link.carrier, link.broadcast, link.loopback, link.noArp],
      })),
      theirs.map((link) => ({
        ifindex: link.ifindex,
        name: link.ifname,
        mac: link.address,
        mtu: link.mtu,
        master: link.master,
        state: String(link.operstate).toLowerCase(),
        // `ip` shows no RUNNING; a link with carrier that is not DOWN has it.
        flags: [
          has(link, "UP"),
          has(link, "LOWER_UP"),
          has(link, "BROADCAST"),
          has(link, "LOOPBACK"),
          has(link, "NOARP"),
        ],
      })),
    );
    const addresses = (await ip("address")).flatMap((link) =>
      (link.addr_info as Record<string, unknown>[]).map((address) =>
        `${link.ifindex} ${address.local}/${address.prefixlen} ${address.scope}`
      )
    );
    const scopes: Record<number, string> = { 0: "global", 253: "link", 254: "host" };
    const ours = netlink.listAddresses().map((address) =>
      `${address.ifindex} ${address.ip}/${address.prefixLength} ${scopes[address.scope]}`
    );
    assertEquals(ours.toSorted(), addresses.toSorted());
    assert(ours.includes(`${a} 192.0.2.1/24 global`));
  });
});

Deno.test("Netlink: a list longer than one datagram is whole", () =>
  inOwnNetwork((netlink) => {
    for (let i = 0; i < 600; i++) netlink.addAddress(1, `10.0.${i >> 8}.${i & 255}/32`);
    const listed = netlink.listAddresses().map(({ ip }) => ip);
    assertEquals(new Set(listed).size, 600);
  }));

Deno.test("Netlink: a list that is changed while it is sent is asked for again: nothing that stays is missing", () =>
  inOwnNetwork(async (netlink) => {
    // The kernel goes on by position in the next part, so an entry that leaves before it hides one that stays.
    const staying = Array.from({ length: 1000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
    const leaving = Array.from({ length: 60 }, (_, i) => `10.0.0.${i}`);
    for (const ip of [...leaving, ...staying]) netlink.addAddress(1, `${ip}/32`);
    const worker = new Worker(new URL("./address_churn_worker.ts", import.meta.url), {
      type: "module",
      deno: { permissions: { ffi: [...LIBC_PATHS], net: false, run: false, read: false, write: false, env: false } },
    });
    const started = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    worker.onmessage = ({ data }) => data === "started" ? started.resolve() : ended.resolve();
    worker.postMessage({ namespacePath: ownNamespacePath(), leaving });
    await started.promise;
    for (let left = 1; left > 0;) {
      const listed = netlink.listAddresses().map(({ ip }) => ip);
      const seen = new Set(listed);
      assertEquals(staying.filter((ip) => !seen.has(ip)), []);
      assertEquals(seen.size, listed.length);
      left = listed.length - staying.length;
    }
    await ended.promise;
    worker.terminate();
  }));

Deno.test("Netlink: notices tell each change once, in order, and nothing else", () =>
  inOwnNetwork((netlink) => {
    const { a, b } = layCable(netlink);
    netlink.createBridge({ name: "br0" });
    const bridge = netlink.findLink("br0")!.ifindex;
    const follower = Netlink.open({ notices: true });
    assertEquals(follower.readChanges(10), []);
    netlink.addAddress(a, "192.0.2.1/24");
    netlink.deleteAddress(a, "192.0.2.1/24");
    assertEquals(changesUntil(follower, ({ kind }) => kind === "addressGone").map(said), [
      `address ${a} 192.0.2.1/24`,
      `addressGone ${a} 192.0.2.1/24`,
    ]);
    netlink.setMaster(b, bridge);
    netlink.setMaster(b, 0);
    netlink.setUp(a, false);
    const changes = changesUntil(follower, (change) =>
      change.kind === "link" && change.link.name === "a" && !change.link.up);
    // Leaving a bridge is a DELLINK of the bridge's family: the link itself is not gone.
    assertEquals(
      changes.filter(({ kind }) =>
        kind === "linkGone"
      ),
      [],
    );
    assert(changes.some((change) => change.kind === "link" && change.link.master === bridge));
    netlink.deleteLink(a);
    const gone = changesUntil(follower, (change) => change.kind === "linkGone" && change.ifindex === a);
    assert(gone.some((change) => change.kind === "linkGone"));
    follower.close();
  }));

Deno.test("Netlink: more notices than the kernel keeps are reported as lost, and notices go on afterwards", () =>
  inOwnNetwork((netlink) => {
    const { a } = layCable(netlink);
    const follower = Netlink.open({ notices: true });
    for (let i = 0; i < 2000; i++) {
      netlink.addAddress(a, "192.0.2.1/24");
      netlink.deleteAddress(a, "192.0.2.1/24");
    }
    let read: ReturnType<Netlink["readChanges"]> = [];
    for (let i = 0; i < 10_000 && read !== "lost"; i++) {
      read = follower.readChanges(1);
      if (read.length === 0) break;
    }
    assertEquals(read, "lost");
    assertEquals(follower.readChanges(10), []);
    netlink.addAddress(a, "192.0.2.7/24");
    assertEquals(changesUntil(follower, () => true).map(said), [`address ${a} 192.0.2.7/24`]);
    follower.close();
  }));

Deno.test("Netlink: a link moves to another thread's namespace, or is born there, with its name and MAC", async () => {
  const other = await startNamespace();
  try {
    await inOwnNetwork((netlink) => {
      const mac = parseMac("02:00:5e:00:53:01")!;
      netlink.createVeth({ name: "near1", peer: "eth0", peerMac: mac, peerNamespace: { tid: other.tid } });
      netlink.createVeth({ name: "near2", peer: "moved" });
      const moved = netlink.findLink("moved")!.ifindex;
      netlink.setName(moved, "eth1");
      netlink.setMac(moved, parseMac("02:00:5e:00:53:02")!);
      netlink.moveToNamespace(moved, { tid: other.tid });
      assertEquals(netlink.listLinks().map(({ name }) => name), ["lo", "near1", "near2"]);
    });
    await inOwnNetwork(() => {
      enterNetwork(other.path);
      const there = Netlink.open();
      const links = there.listLinks().map(({ name, mac }) => `${name} ${formatMac(mac!)}`);
      there.close();
      assertEquals(links.slice(1), ["eth0 02:00:5e:00:53:01", "eth1 02:00:5e:00:53:02"]);
    });
  } finally {
    other.end();
  }
});

Deno.test("Netlink: neighbours are listed with state and address, and forgotten on demand", () =>
  inOwnNetwork(async (netlink) => {
    const { a, b } = layCable(netlink);
    netlink.addAddress(a, "192.0.2.1/24");
    waitForCarrier(netlink, [a, b]);
    await run("ip", ["neigh", "add", "192.0.2.9", "lladdr", "02:00:5e:00:53:09", "dev", "a", "nud", "permanent"]);
    const known = netlink.listNeighbours().filter(({ ip }) => ip === "192.0.2.9");
    assertEquals(known, [{ ifindex: a, ip: "192.0.2.9", mac: parseMac("02:00:5e:00:53:09"), state: "permanent" }]);
    netlink.deleteNeighbour(a, "192.0.2.9");
    const left = netlink.listNeighbours().filter(({ ip, state }) => ip === "192.0.2.9" && state !== "failed");
    assertEquals(left, []);
  }));

function changesUntil(follower: Netlink, last: (change: LinkChange) => boolean): LinkChange[] {
  const poller = new Poller();
  poller.add(follower.fd);
  const changes: LinkChange[] = [];
  while (poller.wait(1000).length > 0) {
    const read = follower.readChanges(1);
    if (read === "lost") throw new Error("Notices were lost");
    changes.push(...read);
    if (read.some(last)) return changes;
  }
  throw new Error(`The last change did not come; there were ${JSON.stringify(changes)}`);
}

function said(change: LinkChange): string {
  if (change.kind === "address" || change.kind === "addressGone") {
    return `${change.kind} ${change.address.ifindex} ${change.address.ip}/${change.address.prefixLength}`;
  }
  return change.kind;
}

function has(link: Record<string, unknown>, flag: string): boolean {
  return (link.flags as string[]).includes(flag);
}

async function ip(what: string): Promise<Record<string, unknown>[]> {
  return JSON.parse(await run("ip", ["-j", what]));
}

async function run(command: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  return new TextDecoder().decode(stdout);
}

/** A Worker that has a namespace of its own until it is ended. */
async function startNamespace(): Promise<{ tid: number; path: string; end(): void }> {
  const worker = new Worker(new URL("./namespace_worker.ts", import.meta.url), {
    type: "module",
    deno: { permissions: { ffi: [...LIBC_PATHS], net: false, run: false, read: false, write: false, env: false } },
  });
  const started = Promise.withResolvers<{ tid: number; path: string }>();
  worker.onmessage = ({ data }) => started.resolve(data);
  return { ...await started.promise, end: () => worker.terminate() };
}
