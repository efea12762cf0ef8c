/**
 * A file descriptor that somebody owns: closed once, and never used again under its old number.
 *
 * After `close()` the number is -1, so a late call fails with EBADF instead of reaching whatever the kernel gave the
 * number to next.
 */
import { checked } from "./errno.ts";
import { libc } from "./libc.ts";

export class Descriptor {
  #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** -1 after `close()`. */
  get fd(): number {
    return this.#fd;
  }

  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    checked(`close descriptor ${fd}`, libc().close(fd));
  }
}

/** Sets an integer option. */
export function setOption(fd: number, option: { name: string; level: number; option: number; value: number }): void {
  const value = new Int32Array([option.value]);
  checked(`setsockopt ${option.name}`, libc().setsockopt(fd, option.level, option.option, value, 4));
}
