/**
 * The C library, reduced to the calls that Herald makes. The only file that opens a shared object.
 *
 * It works with a narrow permission (`--allow-ffi` with `LIBC_PATHS`), so nothing of Deno's unrestricted FFI is used:
 * addresses of buffers and reads at an address go through memcpy (deno-facts §1.2). Lengths are `usize` and want a
 * bigint that is made once; a JS number there costs 200 ns (deno-facts §1.3). All calls of a
 * thread's own but `poll` return at once, because every socket is nonblocking or answered by the kernel in the same call.
 */
import { ABI_ARCHITECTURES } from "./abi.ts";

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  recvfrom: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  /** On a thread of the runtime's, for calls that wait. Why one failed is not told: errno stays there. */
  recvWaiting: { name: "recv", parameters: ["i32", "buffer", "usize", "i32"], result: "i32", nonblocking: true },
  sendWaiting: { name: "send", parameters: ["i32", "buffer", "usize", "i32"], result: "i32", nonblocking: true },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  execvp: { parameters: ["buffer", "buffer"], result: "i32" },
  unshare: { parameters: ["i32"], result: "i32" },
  setns: { parameters: ["i32", "i32"], result: "i32" },
  /** Where this thread keeps errno; constant for the life of the thread. */
  errnoLocation: { name: "__errno_location", parameters: [], result: "usize" },
  /** Address of a buffer: memcpy of nothing returns its destination. */
  addressOf: { name: "memcpy", parameters: ["buffer", "buffer", "usize"], result: "usize" },
  /** Copies from an address into a buffer. */
  peek: { name: "memcpy", parameters: ["buffer", "usize", "usize"], result: "usize" },
} as const satisfies Deno.ForeignLibraryInterface;

export type Libc = Deno.StaticForeignLibraryInterface<typeof SYMBOLS>;

/**
 * Absolute paths where a glibc may be, for this architecture: give all of them to `--allow-ffi`, the first that opens is
 * used. Permission is by literal path, so both sides of a symbolic link are listed (deno-facts §1.1).
 */
export const LIBC_PATHS: readonly string[] = libcPaths(Deno.build.arch);

export function libcPaths(architecture: keyof typeof ABI_ARCHITECTURES): string[] {
  const triplet = ABI_ARCHITECTURES[architecture];
  return [
    `/lib/${triplet}/libc.so.6`,
    `/usr/lib/${triplet}/libc.so.6`,
    "/usr/local/lib/glibc/libc.so.6",
    "/lib64/libc.so.6",
    "/usr/lib64/libc.so.6",
  ];
}

/**
 * The library of this thread, opened at the first use so that importing this file needs no permission. It is a constant
 * once opened (the library is never closed), not state that two speakers in one process could share by mistake.
 */
class LoadedLibc {
  static #loaded: LoadedLibc | undefined;
  readonly symbols = openLibc();
  readonly #errnoAddress = this.symbols.errnoLocation();
  readonly #errnoWord = new Int32Array(1);

  static get(): LoadedLibc {
    return this.#loaded ??= new LoadedLibc();
  }

  errno(): number {
    this.symbols.peek(this.#errnoWord, this.#errnoAddress, 4n);
    return this.#errnoWord[0]!;
  }
}

/** Throws an `Error` that lists what was tried when no C library can be opened. */
export function libc(): Libc {
  return LoadedLibc.get().symbols;
}

/**
 * errno of the FFI call just made. It must be the very next FFI call after the one that failed, with no allocation in
 * between: the runtime's own system calls change errno too (deno-facts §1.3 counted wrong values).
 */
export function lastErrno(): number {
  return LoadedLibc.get().errno();
}

function openLibc(): Libc {
  if (Deno.build.os !== "linux" || !(Deno.build.arch in ABI_ARCHITECTURES)) {
    throw new Error(`Herald's sockets need Linux on x86_64 or aarch64, this is ${Deno.build.os} on ${Deno.build.arch}`);
  }
  const failures: string[] = [];
  for (const path of LIBC_PATHS) {
    try {
      return Deno.dlopen(path, SYMBOLS).symbols;
    } catch (error) {
      failures.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`No C library could be opened; allow one of these by --allow-ffi: ${failures.join("; ")}`);
}
