/**
 * Becomes another program (execvp(3)): same process id, same terminal, and no parent that could be left behind.
 */
import { checked } from "./errno.ts";
import { libc } from "./libc.ts";

/** Does not return. Throws `SysError` when the program cannot be started, e.g. ENOENT. `args` excludes the name. */
export function becomeProgram(file: string, args: readonly string[]): never {
  const texts = [file, ...args].map((text) => new TextEncoder().encode(`${text}\0`));
  const pointers = new BigUint64Array(texts.length + 1);
  for (const [index, text] of texts.entries()) pointers[index] = libc().addressOf(text, text, 0n);
  checked(`execvp ${file}`, libc().execvp(texts[0]!, pointers));
  throw new Error(`execvp ${file} returned`);
}
