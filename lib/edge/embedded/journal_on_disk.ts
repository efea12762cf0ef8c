/** The journal's file on a real file system. Calls are synchronous: an answer goes out after its line is written. */
import type { JournalFile } from "./journal.ts";

export class JournalOnDisk implements JournalFile {
  readonly #path: string;
  #file: Deno.FsFile | undefined;

  constructor(options: { path: string }) {
    this.#path = options.path;
  }

  read(): string | undefined {
    try {
      return Deno.readTextFileSync(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  append(text: string): void {
    this.#file ??= Deno.openSync(this.#path, { append: true, create: true, mode: 0o600 });
    writeAll(this.#file, text);
  }

  replace(chunks: Iterable<string>): void {
    this.#file?.close();
    this.#file = undefined;
    const next = `${this.#path}.new`;
    const file = Deno.openSync(next, { write: true, create: true, truncate: true, mode: 0o600 });
    try {
      for (const chunk of chunks) writeAll(file, chunk);
    } finally {
      file.close();
    }
    Deno.renameSync(next, this.#path);
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

function writeAll(file: Deno.FsFile, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
}
