/**
 * A file descriptor that somebody owns: closed once, and never used again under its old number.
 *
 * After `close()` the number is -1, so a late call fails with EBADF instead of reaching whatever the kernel gave the
 * number to next.
 */
import { MSG_DONTWAIT } from "./abi.ts";
import { checked, ECONNREFUSED, ENETDOWN } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";

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

const TOLD_ONCE: ReadonlySet<number> = new Set([ENETDOWN, ECONNREFUSED]);

/** Above what a receive queue holds, so that `discardQueued` ends under a flood whatever its caller allows. */
const DISCARD_MAX = 100_000;

/** Throws away up to `max` queued frames or datagrams without looking at them; returns how many. */
export function discardQueued(fd: number, max: number): number {
  const limit = Math.min(max, DISCARD_MAX);
  const ignored = new Uint8Array(1);
  let count = 0;
  for (let tries = 0; tries < limit; tries++) {
    if (libc().recv(fd, ignored, 1n, MSG_DONTWAIT) >= 0) count++;
    // These are told once and the queue comes behind them; anything else is the end of the queue.
    else if (!TOLD_ONCE.has(lastErrno())) break;
  }
  return count;
}

/** FFI takes any backing store, shared and WebAssembly memory too (deno-facts §1.4); its types say only ArrayBuffer. */
export function foreignBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
