/**
 * Host side of the codecs' calling convention: windows as views, statuses as reasons. The other side is codecs/abi.ts.
 *
 * A module's memory is fixed, so a view made once stays valid. The windows belong to whoever is between filling IN and
 * reading OUT; calls are synchronous and nothing yields in between, so that is one caller at a time per thread.
 */
import { invariant } from "../base/assert.ts";

/** The convention that this page speaks; a module of another one is a broken build. */
const ABI_VERSION = 1;

const STATUS_OFFSET_BITS = 20;

/** What each codec module exports besides its calls. */
export interface CodecModule {
  readonly memory: WebAssembly.Memory;
  readonly abiVersion: number;
  /** Address and size of the IN window, in bytes. */
  readonly inOffset: number;
  readonly inSize: number;
  /** Address and size of the OUT window, in bytes. */
  readonly outOffset: number;
  readonly outSize: number;
}

/** Both windows of one module, as bytes and as the doubles of a record. */
export interface CodecWindows {
  readonly inBytes: Uint8Array<ArrayBuffer>;
  readonly inFields: Float64Array;
  readonly outBytes: Uint8Array<ArrayBuffer>;
  readonly outFields: Float64Array;
}

/** Views of a module's windows. */
export function codecWindows(module: CodecModule): CodecWindows {
  const { memory: { buffer }, abiVersion, inOffset, inSize, outOffset, outSize } = module;
  invariant(abiVersion === ABI_VERSION, `Codec speaks ABI version ${abiVersion}, the host speaks ${ABI_VERSION}`);
  invariant(
    buffer instanceof ArrayBuffer,
    "Codec memory is shared; the calls of two threads would meet in its windows",
  );
  return {
    inBytes: new Uint8Array(buffer, inOffset, inSize),
    inFields: new Float64Array(buffer, inOffset, inSize / Float64Array.BYTES_PER_ELEMENT),
    outBytes: new Uint8Array(buffer, outOffset, outSize),
    outFields: new Float64Array(buffer, outOffset, outSize / Float64Array.BYTES_PER_ELEMENT),
  };
}

/** A decoded value, or which check failed and at which byte of the input. */
export type DecodeResult<Value, Reason> =
  | { readonly ok: true; readonly value: Value }
  | DecodeFailure<Reason>;

export interface DecodeFailure<Reason> {
  readonly ok: false;
  readonly reason: Reason;
  /** Where the failed field starts; for `truncated` the length that was there, for `oversize` the length allowed. */
  readonly offset: number;
}

/** Takes a negative status apart. `reasons` names the module's checks by their number. */
export function decodeFailure<Reason>(status: number, reasons: ReadonlyMap<number, Reason>): DecodeFailure<Reason> {
  const reason = reasons.get(-status >>> STATUS_OFFSET_BITS);
  invariant(reason !== undefined, `Codec returned status ${status}, which names no check of decode`);
  return { ok: false, reason, offset: statusOffset(status) };
}

/** The offset in a negative status. */
export function statusOffset(status: number): number {
  return -status & ((1 << STATUS_OFFSET_BITS) - 1);
}
