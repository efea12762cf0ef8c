import { assertEquals } from "@std/assert/equals";
import * as abi from "../../lib/edge/net/abi.ts";
import config from "../../deno.json" with { type: "json" };
import { libcPaths } from "../../lib/edge/net/libc.ts";

/**
 * Values per architecture, written down from the kernel's headers and not from our file: include/uapi/asm-generic and
 * include/linux/socket.h, which x86 and arm64 use unchanged for all of these, and wire-facts §5.5. A constant that is
 * not the same on both belongs into a table per architecture before it is used.
 */
const HEADERS: Readonly<Record<keyof typeof abi.ABI_ARCHITECTURES, Readonly<Record<string, number>>>> = {
  x86_64: common(),
  aarch64: common(),
};

function common(): Record<string, number> {
  return {
    AF_INET: 2,
    AF_BRIDGE: 7,
    AF_INET6: 10,
    AF_NETLINK: 16,
    AF_PACKET: 17,
    SOCK_STREAM: 1,
    SOCK_DGRAM: 2,
    SOCK_RAW: 3,
    SOCK_NONBLOCK: 0o4000,
    SOCK_CLOEXEC: 0o2000000,
    SOL_SOCKET: 1,
    SO_REUSEADDR: 2,
    SO_ERROR: 4,
    SO_RCVBUF: 8,
    SO_KEEPALIVE: 9,
    SO_RCVTIMEO: 20,
    SO_ATTACH_FILTER: 26,
    IPPROTO_TCP: 6,
    TCP_KEEPIDLE: 4,
    TCP_KEEPINTVL: 5,
    TCP_KEEPCNT: 6,
    IPPROTO_IPV6: 41,
    IPV6_JOIN_GROUP: 20,
    IPV6_LEAVE_GROUP: 21,
    IPV6_V6ONLY: 26,
    IPV6_MREQ_BYTES: 20,
    SOL_PACKET: 263,
    PACKET_ADD_MEMBERSHIP: 1,
    PACKET_IGNORE_OUTGOING: 23,
    PACKET_MR_PROMISC: 1,
    PACKET_MREQ_BYTES: 16,
    MSG_TRUNC: 0x20,
    MSG_DONTWAIT: 0x40,
    MSG_NOSIGNAL: 0x4000,
    CLOCK_BOOTTIME: 7,
    POLLIN: 1,
    POLLOUT: 4,
    POLLFD_BYTES: 8,
    EFD_NONBLOCK: 0o4000,
    EFD_CLOEXEC: 0o2000000,
    O_RDONLY: 0,
    O_WRONLY: 1,
    O_CLOEXEC: 0o2000000,
    CLONE_NEWNET: 0x40000000,
    SOCKADDR_LL_BYTES: 20,
    SOCKADDR_IN_BYTES: 16,
    SOCKADDR_IN6_BYTES: 28,
    SOCKADDR_NL_BYTES: 12,
    SOCK_FILTER_BYTES: 8,
    SOCK_FPROG_BYTES: 16,
    ETH_P_ARP: 0x0806,
    ETH_P_IPV6: 0x86dd,
  };
}

for (const [architecture, values] of Object.entries(HEADERS)) {
  Deno.test(`abi: every number is that of ${architecture}`, () => {
    const { ABI_ARCHITECTURES: _, ...numbers } = abi;
    assertEquals(numbers as Record<string, number>, values);
  });
}

Deno.test("libcPaths: each architecture has its own, absolute, and none of musl's", () => {
  assertEquals(libcPaths("aarch64"), libcPaths("x86_64").map((path) => path.replace("x86_64", "aarch64")));
  for (const path of libcPaths("aarch64")) assertEquals([path[0], path.includes("musl")], ["/", false]);
});

Deno.test("libcPaths: each set of permissions in deno.json that names a C library names all of them", () => {
  const sets = Object.entries(config.permissions as Record<string, { ffi?: boolean | string[] }>);
  const lists = sets.flatMap(([name, { ffi }]) => Array.isArray(ffi) ? [{ name, ffi }] : []);
  const all = [...new Set([...libcPaths("x86_64"), ...libcPaths("aarch64")])].toSorted();
  assertEquals(lists.map(({ name, ffi }) => [name, ffi.toSorted()]), lists.map(({ name }) => [name, all]));
});
