import { assertEquals } from "@std/assert/equals";
import { EACCES, EOPNOTSUPP, EPERM, SysError } from "../../lib/edge/net/errno.ts";
import { missingSentence } from "../../lib/edge/lab/requirements.ts";

/** What failed, and the line that a user is told to run. */
const ROWS: readonly [error: unknown, line: string][] = [
  [new SysError("unshare the network namespace", EPERM), "unshare -Ur herald demo"],
  [new SysError("open /proc/self/uid_map", EACCES), "unshare -Ur herald demo"],
  [new SysError("unshare the network namespace", 28), "sudo sysctl user.max_net_namespaces=1024"],
  [new SysError("create bridge bridge0", EOPNOTSUPP), "sudo modprobe -a veth bridge"],
  [new SysError("socket AF_PACKET", 97), "sudo modprobe af_packet"],
  [new SysError("create veth port0", 12), "sudo herald demo"],
];

for (const [error, line] of ROWS) {
  Deno.test(`labRequirements: after "${(error as Error).message}" the line to run is "${line}"`, () => {
    const sentence = missingSentence(error, "herald demo");
    assertEquals(sentence.slice(sentence.indexOf("Run: ") + 5), line);
    const { operation, code } = error as SysError;
    assertEquals(sentence.includes(`${operation} was refused (${code})`), true);
  });
}
