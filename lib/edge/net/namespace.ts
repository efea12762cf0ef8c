/**
 * The network namespace of the calling thread, and small files below /proc.
 *
 * unshare and setns change one thread, not the process: a Worker that calls them is a host of its own, and so are the
 * children it starts (deno-facts §12). Never call them on the main thread. Files below /proc are read through the C
 * library because Deno refuses them without --allow-all; `/proc/sys/net` shows the calling thread's namespace.
 */
import { CLONE_NEWNET, O_CLOEXEC, O_RDONLY, O_WRONLY } from "./abi.ts";
import { Descriptor } from "./descriptor.ts";
import { checked } from "./errno.ts";
import { libc } from "./libc.ts";

const PROC_FILE_BYTES_MAX = 65_536;

/** Gives this thread a new, empty network namespace. Throws `SysError` EPERM without CAP_SYS_ADMIN. */
export function unshareNetwork(): void {
  checked("unshare the network namespace", libc().unshare(CLONE_NEWNET));
}

/** Moves this thread into the namespace that `path` names, e.g. `/proc/1/task/7/ns/net` or `/run/netns/blue`. */
export function enterNetwork(path: string): void {
  const namespace = openFile(path, O_RDONLY);
  try {
    checked(`setns ${path}`, libc().setns(namespace.fd, CLONE_NEWNET));
  } finally {
    namespace.close();
  }
}

/** Thread id of this thread, in the process's PID namespace. */
export function currentTid(): number {
  const target = new Uint8Array(64);
  const length = checked("readlink /proc/thread-self", libc().readlink(cString("/proc/thread-self"), target, 64n));
  const text = new TextDecoder().decode(target.subarray(0, length));
  return Number(text.slice(text.lastIndexOf("/") + 1));
}

/** The path by which any thread of this process, and root in another, can enter this thread's network namespace. */
export function ownNamespacePath(): string {
  return `/proc/${Deno.pid}/task/${currentTid()}/ns/net`;
}

/** Text of a file below /proc or /sys, at most 64 KiB of it. */
export function readProcFile(path: string): string {
  const file = openFile(path, O_RDONLY);
  try {
    const buffer = new Uint8Array(PROC_FILE_BYTES_MAX);
    let used = 0;
    while (used < buffer.length) {
      const rest = buffer.subarray(used);
      const length = checked(`read ${path}`, libc().read(file.fd, rest, BigInt(rest.length)));
      if (length === 0) break;
      used += length;
    }
    return new TextDecoder().decode(buffer.subarray(0, used));
  } finally {
    file.close();
  }
}

/** Writes a file below /proc or /sys in one write, as the kernel wants it. */
export function writeProcFile(path: string, text: string): void {
  const file = openFile(path, O_WRONLY);
  try {
    const bytes = new TextEncoder().encode(text);
    checked(`write ${path}`, libc().write(file.fd, bytes, BigInt(bytes.length)));
  } finally {
    file.close();
  }
}

/** False below `unshare -U`, where root is root in a world of its own. The first user namespace maps all 2^32 - 1 ids. */
export function isInitialUserNamespace(): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(readProcFile("/proc/self/uid_map"));
}

function openFile(path: string, flags: number): Descriptor {
  return new Descriptor(checked(`open ${path}`, libc().open(cString(path), flags | O_CLOEXEC)));
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}
