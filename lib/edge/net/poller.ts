/**
 * poll(2) over a few descriptors: the one place where the packet thread sleeps.
 *
 * Not epoll: with a dozen descriptors it gains nothing, and its event structure differs between architectures. The
 * result says "ready or in error" without telling which, because reading or writing the descriptor tells it anyway.
 */
import { POLLFD_BYTES, POLLIN, POLLOUT } from "./abi.ts";
import { EINTR, SysError } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";

const WAIT_MS_MAX = 0x7fff_ffff;
const FD_OFFSET = 0;
const EVENTS_OFFSET = 4;
const RETURNED_EVENTS_OFFSET = 6;

export class Poller {
  #fds: number[] = [];
  /** Those that are also awaited to take more bytes. */
  readonly #writers = new Set<number>();
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #count = 0n;

  add(fd: number): void {
    if (!this.#fds.includes(fd)) this.#watch([...this.#fds, fd]);
  }

  /** Remove a descriptor before it is closed; one that is closed while watched is reported at every wait. */
  remove(fd: number): void {
    this.#writers.delete(fd);
    this.#watch(this.#fds.filter((watched) => watched !== fd));
  }

  /** Whether the descriptor, which was added, also counts as ready when it takes bytes. */
  awaitWritable(fd: number, isAwaited: boolean): void {
    if (isAwaited === this.#writers.has(fd)) return;
    if (isAwaited) this.#writers.add(fd);
    else this.#writers.delete(fd);
    this.#watch(this.#fds);
  }

  /**
   * Sleeps until a descriptor is ready or in error, or until `timeoutMs` are over (rounded up to whole milliseconds,
   * so that a deadline has come when it returns; `Infinity` sleeps without limit; 0 or less only looks).
   * Returns the descriptors in the order in which they were added, and none after a timeout or a signal.
   */
  wait(timeoutMs: number): readonly number[] {
    const timeout = timeoutMs === Infinity ? -1 : Math.min(Math.max(Math.ceil(timeoutMs), 0), WAIT_MS_MAX);
    const ready = libc().poll(this.#bytes, this.#count, timeout);
    if (ready < 0) {
      const errno = lastErrno();
      if (errno === EINTR) return [];
      throw new SysError(`poll ${this.#fds.length} descriptors`, errno);
    }
    if (ready === 0) return [];
    return this.#fds.filter((_, index) =>
      this.#view.getUint16(index * POLLFD_BYTES + RETURNED_EVENTS_OFFSET, true) !== 0
    );
  }

  #watch(fds: number[]): void {
    this.#fds = fds;
    this.#bytes = new Uint8Array(fds.length * POLLFD_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
    this.#count = BigInt(fds.length);
    for (const [index, fd] of fds.entries()) {
      this.#view.setInt32(index * POLLFD_BYTES + FD_OFFSET, fd, true);
      const events = this.#writers.has(fd) ? POLLIN | POLLOUT : POLLIN;
      this.#view.setUint16(index * POLLFD_BYTES + EVENTS_OFFSET, events, true);
    }
  }
}
