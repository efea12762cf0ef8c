/**
 * Every number of the Linux ABI that this folder uses, in one place.
 *
 * x86_64 and aarch64 are both LP64 and little endian, and all constants and structure layouts below are the same on
 * both (wire-facts §5.5; checked against the kernel's generic headers: neither architecture overrides socket.h,
 * fcntl's O_NONBLOCK and O_CLOEXEC, poll.h, eventfd or the netlink families). What differs, such as `epoll_event` or
 * O_DIRECTORY, is not used. `ABI_ARCHITECTURES` names where this holds; `libc.ts` refuses to load anywhere else.
 */

/** Multiarch directory of Debian and its kin, per architecture that the numbers below are right for. */
export const ABI_ARCHITECTURES = {
  x86_64: "x86_64-linux-gnu",
  aarch64: "aarch64-linux-gnu",
} as const;

export const AF_INET = 2;
export const AF_BRIDGE = 7;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0x800;
export const SOCK_CLOEXEC = 0x80000;

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_RCVBUF = 8;
export const SO_KEEPALIVE = 9;
export const SO_RCVTIMEO = 20;
export const SO_ATTACH_FILTER = 26;
export const IPPROTO_TCP = 6;
export const TCP_KEEPIDLE = 4;
export const TCP_KEEPINTVL = 5;
export const TCP_KEEPCNT = 6;
export const IPPROTO_IPV6 = 41;
export const IPV6_JOIN_GROUP = 20;
export const IPV6_LEAVE_GROUP = 21;
export const IPV6_V6ONLY = 26;
export const SOL_PACKET = 263;
export const PACKET_ADD_MEMBERSHIP = 1;
export const PACKET_IGNORE_OUTGOING = 23;
export const PACKET_MR_PROMISC = 1;
/** `struct packet_mreq`: i32 ifindex @0, u16 type @4, u16 address length @6, 8 bytes of address. */
export const PACKET_MREQ_BYTES = 16;

export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;

/** time.h. */
export const CLOCK_BOOTTIME = 7;

export const POLLIN = 0x001;
export const POLLOUT = 0x004;
/** Size of `struct pollfd`: i32 fd @0, i16 events @4, i16 revents @6. */
export const POLLFD_BYTES = 8;

export const EFD_NONBLOCK = 0x800;
export const EFD_CLOEXEC = 0x80000;

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_CLOEXEC = 0x80000;

export const CLONE_NEWNET = 0x4000_0000;

/** `struct sockaddr_ll`, `sockaddr_in`, `sockaddr_in6`, `sockaddr_nl`. */
export const SOCKADDR_LL_BYTES = 20;
export const SOCKADDR_IN_BYTES = 16;
export const SOCKADDR_IN6_BYTES = 28;
export const SOCKADDR_NL_BYTES = 12;

/** `struct sock_filter` and `struct sock_fprog` (u16 count @0, pointer @8). */
export const SOCK_FILTER_BYTES = 8;
export const SOCK_FPROG_BYTES = 16;

/** `struct ipv6_mreq`: the group @0, u32 ifindex @16. */
export const IPV6_MREQ_BYTES = 20;

export const ETH_P_ARP = 0x0806;
export const ETH_P_IPV6 = 0x86dd;
