/**
 * Failures of system calls: the kernel's numbers, their names, and an error that says which operation failed.
 *
 * A call whose failure is part of normal work (nothing queued, interface away) hands out `-errno` as a value; the rest
 * throws {@linkcode SysError}.
 */
import { lastErrno } from "./libc.ts";

export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const ENXIO = 6;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const EOPNOTSUPP = 95;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENETDOWN = 100;
export const ENETUNREACH = 101;
export const ENOBUFS = 105;
export const ETIMEDOUT = 110;
export const ECONNREFUSED = 111;
export const EHOSTUNREACH = 113;
export const EINPROGRESS = 115;

/** asm-generic/errno.h, which x86_64 and aarch64 share. */
const NAMES: Readonly<Record<number, string>> = {
  [EPERM]: "EPERM",
  [ENOENT]: "ENOENT",
  3: "ESRCH",
  [EINTR]: "EINTR",
  5: "EIO",
  [ENXIO]: "ENXIO",
  [EBADF]: "EBADF",
  [EAGAIN]: "EAGAIN",
  [ENOMEM]: "ENOMEM",
  [EACCES]: "EACCES",
  14: "EFAULT",
  16: "EBUSY",
  [EEXIST]: "EEXIST",
  [ENODEV]: "ENODEV",
  20: "ENOTDIR",
  21: "EISDIR",
  [EINVAL]: "EINVAL",
  23: "ENFILE",
  24: "EMFILE",
  28: "ENOSPC",
  30: "EROFS",
  32: "EPIPE",
  34: "ERANGE",
  38: "ENOSYS",
  88: "ENOTSOCK",
  89: "EDESTADDRREQ",
  90: "EMSGSIZE",
  92: "ENOPROTOOPT",
  93: "EPROTONOSUPPORT",
  [EOPNOTSUPP]: "EOPNOTSUPP",
  97: "EAFNOSUPPORT",
  [EADDRINUSE]: "EADDRINUSE",
  [EADDRNOTAVAIL]: "EADDRNOTAVAIL",
  [ENETDOWN]: "ENETDOWN",
  [ENETUNREACH]: "ENETUNREACH",
  104: "ECONNRESET",
  [ENOBUFS]: "ENOBUFS",
  [ETIMEDOUT]: "ETIMEDOUT",
  [ECONNREFUSED]: "ECONNREFUSED",
  112: "EHOSTDOWN",
  [EHOSTUNREACH]: "EHOSTUNREACH",
  [EINPROGRESS]: "EINPROGRESS",
};

/** The symbol of an errno value, `errno 999` for one without a name here. */
export function errnoName(errno: number): string {
  return NAMES[errno] ?? `errno ${errno}`;
}

/** A system call that failed: which operation, and the kernel's reason. */
export class SysError extends Error {
  override name = "SysError";
  /** The call with what it was about, e.g. `bind AF_PACKET to interface 3`. */
  readonly operation: string;
  /** Positive. */
  readonly errno: number;
  /** `EPERM` and the like. */
  readonly code: string;

  constructor(operation: string, errno: number) {
    super(`${operation} failed: ${errnoName(errno)} (errno ${errno})`);
    this.operation = operation;
    this.errno = errno;
    this.code = errnoName(errno);
  }
}

/** Hands on the result of a system call, or throws {@linkcode SysError} when it is negative. */
export function checked(operation: string, result: number): number {
  if (result >= 0) return result;
  throw new SysError(operation, lastErrno());
}

/** -errno of the call that has just failed, which is for the caller to deal with; a broken descriptor is not. */
export function failureOf(operation: string): number {
  const errno = lastErrno();
  if (errno === EBADF) throw new SysError(operation, errno);
  return -errno;
}
