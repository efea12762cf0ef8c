/**
 * What all codecs share: the version of the calling convention, the shape of a status, and big-endian access.
 *
 * A codec module has one IN and one OUT window at fixed addresses. The host puts bytes or a record into IN, makes one
 * call per packet, and reads OUT. The result is n >= 0, or the negated sum of a check's number (from bit 20 up) and the
 * offset of the byte that failed it (the low 20 bits). The other side of this page is lib/wire/_abi.ts.
 *
 * Numbers of a record are doubles: all fields up to 53 bits are exact, and the host reads them without unpacking.
 * No decorators here, the formatter deletes them; the optimizer inlines these functions anyway.
 */

/** Goes up when windows, statuses or an existing record change their meaning. */
export const ABI_VERSION: i32 = 1;

const STATUS_OFFSET_BITS: i32 = 20;

/** The status of a failed check; `check` is at least 1. */
export function failed(check: i32, offset: i32): i32 {
  return -((check << STATUS_OFFSET_BITS) | offset);
}

export function loadU16(address: usize): u32 {
  return bswap<u16>(load<u16>(address));
}

export function loadU32(address: usize): u32 {
  return bswap<u32>(load<u32>(address));
}

export function loadMac(address: usize): u64 {
  return ((<u64> loadU32(address)) << 16) | (<u64> loadU16(address + 4));
}

export function storeU16(address: usize, value: u32): void {
  store<u16>(address, bswap<u16>(<u16> value));
}

export function storeU32(address: usize, value: u32): void {
  store<u32>(address, bswap<u32>(value));
}

export function storeMac(address: usize, value: u64): void {
  storeU32(address, <u32> (value >> 16));
  storeU16(address + 4, <u32> value);
}

/** True when `value` is a whole number in [0, 2^bits); false for NaN, which compares false with everything. */
export function isUnsigned(value: f64, bits: i32): bool {
  return value >= 0 && value < <f64> ((<u64> 1) << bits) && value == Math.floor(value);
}
