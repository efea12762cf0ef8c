import { assertEquals } from "@std/assert/equals";
import { errnoName, SysError } from "../../lib/edge/net/errno.ts";

Deno.test("SysError: says the operation, the symbol and the number", () => {
  const error = new SysError("bind AF_PACKET to interface 3", 19);
  assertEquals(error.message, "bind AF_PACKET to interface 3 failed: ENODEV (errno 19)");
  assertEquals([error.name, error.errno, error.code], ["SysError", 19, "ENODEV"]);
});

/** asm-generic/errno-base.h and errno.h; the ones that callers compare. */
const NAMES: readonly [number, string][] = [
  [0, "errno 0"],
  [999, "errno 999"],
  [1, "EPERM"],
  [4, "EINTR"],
  [6, "ENXIO"],
  [9, "EBADF"],
  [11, "EAGAIN"],
  [13, "EACCES"],
  [17, "EEXIST"],
  [19, "ENODEV"],
  [22, "EINVAL"],
  [34, "ERANGE"],
  [95, "EOPNOTSUPP"],
  [98, "EADDRINUSE"],
  [99, "EADDRNOTAVAIL"],
  [100, "ENETDOWN"],
  [101, "ENETUNREACH"],
  [105, "ENOBUFS"],
  [111, "ECONNREFUSED"],
  [113, "EHOSTUNREACH"],
];

Deno.test("errnoName: names of errno.h, and the number for others", () => {
  assertEquals(NAMES.map(([errno]) => errnoName(errno)), NAMES.map(([, name]) => name));
});
