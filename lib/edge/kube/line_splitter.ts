/**
 * Cuts a stream of bytes into lines: a watch is one JSON document a line.
 *
 * A line may arrive in any number of pieces, also cut inside a UTF-8 sequence. What stands behind the last newline when
 * the stream ends is no line: the connection broke in the middle of it.
 */

const NEWLINE = 0x0a;

export class LineSplitter {
  readonly #decoder = new TextDecoder();
  readonly #lineBytesMax: number;
  #pieces: Uint8Array[] = [];
  #size = 0;

  constructor(options: { readonly lineBytesMax: number }) {
    this.#lineBytesMax = options.lineBytesMax;
  }

  /** Bytes of an unfinished line. */
  get pendingBytes(): number {
    return this.#size;
  }

  /** The lines that `chunk` completes, without blank ones, or `"tooLong"`; after that the splitter is useless. */
  push(chunk: Uint8Array): string[] | "tooLong" {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (this.#size + end - start > this.#lineBytesMax) return "tooLong";
      const line = this.#decode(chunk.subarray(start, end));
      if (line.trim() !== "") lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) {
      this.#pieces.push(chunk.slice(start));
      this.#size += chunk.length - start;
    }
    return this.#size > this.#lineBytesMax ? "tooLong" : lines;
  }

  #decode(last: Uint8Array): string {
    if (this.#pieces.length === 0) return this.#decoder.decode(last);
    const whole = new Uint8Array(this.#size + last.length);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    whole.set(last, at);
    this.#pieces = [];
    this.#size = 0;
    return this.#decoder.decode(whole);
  }
}
