/**
 * LZW as Go's `compress/lzw` does it with LSB order and 8-bit literals, which is memberlist's compression (wire-facts
 * §1.4): codes grow from 9 to 12 bits, 256 clears the table, 257 ends the data.
 */

export type LzwProblem = "truncated" | "malformed" | "oversized";

const CLEAR = 256;
const END = 257;
const BITS_MIN = 9;
const BITS_MAX = 12;
const CODES = 1 << BITS_MAX;

/** Never gives more than `outputMax` bytes. What follows the end code is ignored. */
export function decompressLzw(input: Uint8Array, outputMax: number): Uint8Array | LzwProblem {
  const prefix = new Uint16Array(CODES);
  const suffix = new Uint8Array(CODES);
  const reversed = new Uint8Array(CODES);
  let output = new Uint8Array(Math.min(outputMax, Math.max(256, input.length * 3)));
  let length = 0;
  let bits = BITS_MIN;
  let highest: number = END;
  let last = -1;
  let window = 0;
  let windowBits = 0;
  let read = 0;
  while (true) {
    while (windowBits < bits) {
      if (read === input.length) return "truncated";
      window |= input[read++]! << windowBits;
      windowBits += 8;
    }
    const code = window & ((1 << bits) - 1);
    window >>>= bits;
    windowBits -= bits;
    if (code === END) return output.subarray(0, length);
    if (code === CLEAR) {
      bits = BITS_MIN;
      highest = END;
      last = -1;
      continue;
    }
    // The one code that is not in the table yet stands for the last text and its own first byte.
    const isNext = code === highest && last >= 0;
    if (code > 255 && code >= highest && !isNext) return "malformed";
    let count = 0;
    let at = isNext ? last : code;
    while (at > 255) {
      reversed[CODES - 1 - count++] = suffix[at]!;
      at = prefix[at]!;
    }
    reversed[CODES - 1 - count++] = at;
    const added = count + (isNext ? 1 : 0);
    if (length + added > outputMax) return "oversized";
    if (length + added > output.length) {
      const grown = new Uint8Array(Math.min(outputMax, Math.max(2 * output.length, length + added)));
      grown.set(output.subarray(0, length));
      output = grown;
    }
    output.set(reversed.subarray(CODES - count), length);
    length += count;
    if (isNext) output[length++] = at;
    if (last >= 0 && highest < CODES) {
      prefix[highest] = last;
      suffix[highest] = at;
    }
    last = code;
    if (highest < CODES) highest++;
    if (highest >= 1 << bits && bits < BITS_MAX) bits++;
  }
}

/** The bytes that Go writes for the same input. */
export function compressLzw(input: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new BitWriter(input.length);
  /** `text's code << 8 | next byte` to the code of both. */
  const codes = new Map<number, number>();
  let bits = BITS_MIN;
  let highest: number = END;
  out.write(CLEAR, bits);
  let text = input[0];
  if (text === undefined) return out.write(END, bits).finish();
  for (let i = 1; i < input.length; i++) {
    const byte = input[i]!;
    const key = text << 8 | byte;
    const known = codes.get(key);
    if (known !== undefined) {
      text = known;
      continue;
    }
    out.write(text, bits);
    text = byte;
    highest++;
    if (highest === 1 << bits) bits++;
    if (highest === CODES - 1) {
      out.write(CLEAR, bits);
      bits = BITS_MIN;
      highest = END;
      codes.clear();
      continue;
    }
    codes.set(key, highest);
  }
  out.write(text, bits);
  highest++;
  if (highest === 1 << bits) bits++;
  if (highest === CODES - 1) {
    out.write(CLEAR, bits);
    bits = BITS_MIN;
  }
  return out.write(END, bits).finish();
}

class BitWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;
  #window = 0;
  #windowBits = 0;

  constructor(inputBytes: number) {
    // In the worst case every byte becomes a code of 12 bits, with a clear now and then.
    this.#bytes = new Uint8Array(Math.ceil(inputBytes * 1.6) + 16);
  }

  write(code: number, bits: number): this {
    this.#window |= code << this.#windowBits;
    this.#windowBits += bits;
    while (this.#windowBits >= 8) {
      this.#bytes[this.#length++] = this.#window & 0xff;
      this.#window >>>= 8;
      this.#windowBits -= 8;
    }
    return this;
  }

  finish(): Uint8Array<ArrayBuffer> {
    if (this.#windowBits > 0) this.#bytes[this.#length++] = this.#window & 0xff;
    return this.#bytes.slice(0, this.#length);
  }
}
