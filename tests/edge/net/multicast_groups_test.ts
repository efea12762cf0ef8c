// needs: namespaces
/** Memberships as the kernel sees them: /proc/net/igmp6 is the witness. */
import { assertEquals } from "@std/assert/equals";
import { ENODEV, SysError } from "../../../lib/edge/net/errno.ts";
import { MulticastGroups } from "../../../lib/edge/net/multicast_groups.ts";
import { writeProcFile } from "../../../lib/edge/net/namespace.ts";
import { inOwnNetwork, layCable } from "./own_network.ts";

/** None that the kernel joins for itself. */
function group(number: number): string {
  return `ff02::4:${number.toString(16)}`;
}

/** How many memberships in such groups an interface has. */
function memberships(interfaceName: string): number {
  const lines = Deno.readTextFileSync("/proc/thread-self/net/igmp6").split("\n").map((line) => line.split(/\s+/));
  return lines.filter(([, name, address]) =>
    name === interfaceName && address!.startsWith("ff02000000000000000000000004")
  ).length;
}

/** Memory of a socket for its groups; kernels before 6.9 have one limit for all namespaces, which stays as it is. */
function limitSocketMemory(bytes: number): void {
  try {
    writeProcFile("/proc/sys/net/core/optmem_max", `${bytes}`);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
  }
}

Deno.test("MulticastGroups: five thousand groups, more than a socket can hold, are joined, and left at the end", () =>
  inOwnNetwork((netlink) => {
    limitSocketMemory(20_480);
    const { a } = layCable(netlink);
    const groups = new MulticastGroups();
    for (let number = 1; number <= 5000; number++) {
      assertEquals(groups.join({ group: group(number), ifindex: a }), 0, `group ${number}`);
    }
    assertEquals(memberships("a"), 5000);
    groups.close();
    assertEquals(memberships("a"), 0);
  }));

Deno.test("MulticastGroups: a group that is joined twice is one membership, and interfaces do not share it", () =>
  inOwnNetwork((netlink) => {
    const { a, b } = layCable(netlink);
    const groups = new MulticastGroups();
    for (const ifindex of [a, a, b]) assertEquals(groups.join({ group: group(1), ifindex }), 0);
    assertEquals([memberships("a"), memberships("b")], [1, 1]);
    groups.leave({ group: group(1), ifindex: a });
    groups.leave({ group: group(1), ifindex: a });
    groups.leave({ group: group(2), ifindex: b });
    assertEquals([memberships("a"), memberships("b")], [0, 1]);
    groups.close();
  }));

Deno.test("MulticastGroups: addresses that come and go for ever find room, however little a socket has", () =>
  inOwnNetwork((netlink) => {
    limitSocketMemory(2_048);
    const { a } = layCable(netlink);
    const groups = new MulticastGroups();
    for (let round = 0; round < 300; round++) {
      for (let number = 1; number <= 100; number++) {
        assertEquals(groups.join({ group: group(number), ifindex: a }), 0, `round ${round}, group ${number}`);
      }
      for (let number = 1; number <= 100; number++) groups.leave({ group: group(number), ifindex: a });
    }
    assertEquals(memberships("a"), 0);
    groups.close();
  }));

Deno.test("MulticastGroups: an interface that is not there is ENODEV, and what was joined on one that went is left", () =>
  inOwnNetwork((netlink) => {
    const { a } = layCable(netlink);
    const groups = new MulticastGroups();
    assertEquals(groups.join({ group: group(1), ifindex: 4711 }), -ENODEV);
    assertEquals(groups.join({ group: group(1), ifindex: a }), 0);
    netlink.deleteLink(a);
    groups.leave({ group: group(1), ifindex: a });
    assertEquals(groups.join({ group: group(1), ifindex: a }), -ENODEV);
    groups.close();
  }));
