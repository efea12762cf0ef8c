/**
 * A file that lives in memory and ends with this process (memfd_create(2)): for what other programs must be able to
 * read by a path, and what must not stay behind, whatever ends us.
 */
import { checked } from "./errno.ts";
import { libc } from "./libc.ts";

/** Path of a new file with `text`, readable by this user's processes while this process lives. Throws `SysError`. */
export function memoryFile(name: string, text: string): string {
  const fd = checked("memfd_create", libc().memfd_create(new TextEncoder().encode(`${name}\0`), 0));
  const bytes = new TextEncoder().encode(text);
  checked("write to a memory file", libc().write(fd, bytes, BigInt(bytes.length)));
  return `/proc/${Deno.pid}/fd/${fd}`;
}
