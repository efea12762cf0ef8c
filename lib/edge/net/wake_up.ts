/**
 * An eventfd: how another thread of this process ends the packet thread's sleep.
 *
 * The number is valid in every thread, so the sleeper makes it, posts `fd` to the other side, and that side takes it by
 * `from` and calls `wake`. Wakes add up until `drain`; none is lost and none blocks.
 */
import { EFD_CLOEXEC, EFD_NONBLOCK } from "./abi.ts";
import { Descriptor } from "./descriptor.ts";
import { checked, EAGAIN, SysError } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";

export class WakeUp {
  readonly #descriptor: Descriptor;
  readonly #one = new Uint8Array(new BigUint64Array([1n]).buffer);
  readonly #counter = new Uint8Array(8);

  private constructor(fd: number) {
    this.#descriptor = new Descriptor(fd);
  }

  static create(): WakeUp {
    return new WakeUp(checked("eventfd", libc().eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)));
  }

  /** The end that only wakes; closing stays with the thread that created it. */
  static from(fd: number): WakeUp {
    return new WakeUp(fd);
  }

  get fd(): number {
    return this.#descriptor.fd;
  }

  wake(): void {
    this.#tolerateFull("write eventfd", libc().write(this.#descriptor.fd, this.#one, 8n));
  }

  /** Makes the descriptor unreadable until the next `wake`. */
  drain(): void {
    this.#tolerateFull("read eventfd", libc().read(this.#descriptor.fd, this.#counter, 8n));
  }

  close(): void {
    this.#descriptor.close();
  }

  /** EAGAIN means a full counter on write (the sleeper is woken anyway) and an empty one on read. */
  #tolerateFull(operation: string, result: number): void {
    if (result >= 0) return;
    const errno = lastErrno();
    if (errno !== EAGAIN) throw new SysError(operation, errno);
  }
}
