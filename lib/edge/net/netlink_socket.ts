/** A socket that speaks rtnetlink with the network namespace that the thread has when it opens it. */
import { AF_NETLINK, SO_RCVTIMEO, SOCK_CLOEXEC, SOCK_RAW, SOCKADDR_NL_BYTES, SOL_SOCKET } from "./abi.ts";
import { Descriptor } from "./descriptor.ts";
import { checked } from "./errno.ts";
import { libc } from "./libc.ts";
import { encodeSockaddrNl } from "./sockaddr.ts";

const NETLINK_ROUTE = 0;
const ANSWER_TIMEOUT_SECONDS = 2n;

/** For requests: whoever waits for an answer gets EAGAIN after two seconds. Throws `SysError`. */
export function openRequestSocket(): Descriptor {
  const descriptor = openNoticeSocket(0);
  try {
    const timeout = new BigInt64Array([ANSWER_TIMEOUT_SECONDS, 0n]);
    checked("setsockopt SO_RCVTIMEO", libc().setsockopt(descriptor.fd, SOL_SOCKET, SO_RCVTIMEO, timeout, 16));
    return descriptor;
  } catch (error) {
    descriptor.close();
    throw error;
  }
}

/** For notices of these groups (a bit mask, rtnetlink(7)). Throws `SysError`. */
export function openNoticeSocket(groups: number): Descriptor {
  const fd = checked("socket AF_NETLINK", libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  const descriptor = new Descriptor(fd);
  try {
    checked("bind AF_NETLINK", libc().bind(fd, encodeSockaddrNl({ groups }), SOCKADDR_NL_BYTES));
    return descriptor;
  } catch (error) {
    descriptor.close();
    throw error;
  }
}
