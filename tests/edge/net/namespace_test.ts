// needs: namespaces setpriv
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { EBADF, ENOENT, SysError } from "../../../lib/edge/net/errno.ts";
import { lastErrno, libc, LIBC_PATHS } from "../../../lib/edge/net/libc.ts";
import { currentTid, enterNetwork, readProcFile, writeProcFile } from "../../../lib/edge/net/namespace.ts";
import { Netlink } from "../../../lib/edge/net/netlink.ts";
import { inOwnNetwork } from "./own_network.ts";

Deno.test("namespace: paths that are no namespace are named in the error", () => {
  const missing = assertThrows(() => enterNetwork("/proc/self/ns/nothing"), SysError);
  assertEquals([missing.code, missing.operation], ["ENOENT", "open /proc/self/ns/nothing"]);
  const wrong = assertThrows(() => enterNetwork("/proc/self/status"), SysError);
  assertEquals([wrong.code, wrong.operation], ["EINVAL", "setns /proc/self/status"]);
});

Deno.test("namespace: files below /proc are read whole, written in one go, and named when they are refused", () =>
  inOwnNetwork(() => {
    assert(readProcFile("/proc/self/status").includes(`Pid:\t${Deno.pid}\n`));
    writeProcFile("/proc/sys/net/ipv4/conf/all/arp_ignore", "1");
    assertEquals(readProcFile("/proc/sys/net/ipv4/conf/all/arp_ignore"), "1\n");
    const path = "/proc/sys/net/ipv4/conf/none/arp_ignore";
    assertEquals(assertThrows(() => writeProcFile(path, "1"), SysError).operation, `open ${path}`);
    const refused = assertThrows(() => writeProcFile("/proc/sys/net/ipv4/conf/all/arp_ignore", "x"), SysError);
    assertEquals(refused.code, "EINVAL");
  }));

Deno.test("namespace: a new one has a loopback alone, and its settings are not those of before", async () => {
  const before = Netlink.open();
  const linksBefore = before.listLinks().map(({ name }) => name);
  await inOwnNetwork((netlink) => assertEquals(netlink.listLinks().map(({ name }) => name), ["lo"]));
  assertEquals(before.listLinks().map(({ name }) => name), linksBefore);
  before.close();
});

Deno.test("namespace: the thread id is that of this thread", () => {
  assert(readProcFile(`/proc/${Deno.pid}/task/${currentTid()}/status`).includes(`Pid:\t${currentTid()}\n`));
});

Deno.test("errno: it is the failing call's, also while the collector is busy", () => {
  const path = new TextEncoder().encode("/nowhere\0");
  const buffer = new Uint8Array(8);
  let kept: unknown[] = [];
  for (let i = 0; i < 50_000; i++) {
    kept.push(new Array(20).fill(i));
    if (kept.length > 1000) kept = [];
    const result = i % 2 === 0 ? libc().read(-1, buffer, 8n) : libc().open(path, 0);
    const errno = lastErrno();
    if (result !== -1 || errno !== (i % 2 === 0 ? EBADF : ENOENT)) throw new Error(`call ${i}: errno ${errno}`);
  }
});

Deno.test("errno: without capabilities each operation is refused by its name", async () => {
  const child = new URL("./without_rights.ts", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command("setpriv", {
    args: [
      "--bounding-set=-all",
      "--inh-caps=-all",
      Deno.execPath(),
      "run",
      "--no-prompt",
      "--no-check",
      "--allow-read",
      `--allow-ffi=${LIBC_PATHS.join(",")}`,
      child,
    ],
  }).output();
  const output = new TextDecoder().decode(stdout);
  assert(output !== "", new TextDecoder().decode(stderr));
  assertEquals(JSON.parse(output), {
    unshareNetwork: "EPERM: unshare the network namespace",
    enterNetwork: `EPERM: setns /proc/self/ns/net`,
    packetSocket: "EPERM: socket AF_PACKET",
    netlinkChange: "EPERM: create bridge herald-test0",
    netlinkList: "lo",
  });
});
