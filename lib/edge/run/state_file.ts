/**
 * A small file that is written as a whole: whoever reads it, also after a power cut, finds the text before or the text
 * after and never half of one. The new text is written beside it, flushed to the disk and renamed.
 *
 * Reading is synchronous, for the start of a program. Writing is not: a slow disk delays nobody.
 */

export type StateRead =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: "missing" | "tooLarge" | "unreadable"; readonly message: string };

export type StateWritten =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: "tooLarge" | "unwritable"; readonly message: string };

export interface StateFile {
  read(): StateRead;
  /** One at a time. */
  write(text: string): Promise<StateWritten>;
}

export class StateFileOnDisk implements StateFile {
  readonly #folder: string;
  readonly #path: string;
  readonly #bytesMax: number;

  constructor(options: { readonly folder: string; readonly name: string; readonly bytesMax: number }) {
    this.#folder = options.folder;
    this.#path = `${options.folder}/${options.name}`;
    this.#bytesMax = options.bytesMax;
  }

  read(): StateRead {
    try {
      const { size } = Deno.statSync(this.#path);
      if (size > this.#bytesMax) return { ok: false, reason: "tooLarge", message: this.#tooLarge(size) };
      return { ok: true, text: Deno.readTextFileSync(this.#path) };
    } catch (error) {
      const reason = error instanceof Deno.errors.NotFound ? "missing" : "unreadable";
      return { ok: false, reason, message: messageOf(error) };
    }
  }

  async write(text: string): Promise<StateWritten> {
    const bytes = new TextEncoder().encode(text);
    if (bytes.length > this.#bytesMax) {
      return { ok: false, reason: "tooLarge", message: this.#tooLarge(bytes.length) };
    }
    try {
      const next = `${this.#path}.new`;
      const file = await Deno.open(next, { write: true, create: true, truncate: true, mode: 0o600 });
      try {
        for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
        await file.sync();
      } finally {
        file.close();
      }
      await Deno.rename(next, this.#path);
      await this.#syncFolder();
      return { ok: true };
    } catch (error) {
      return { ok: false, reason: "unwritable", message: messageOf(error) };
    }
  }

  /** The new name is on the disk only when the folder is; some file systems cannot do that, and need not. */
  async #syncFolder(): Promise<void> {
    try {
      const folder = await Deno.open(this.#folder);
      await folder.sync().finally(() => folder.close());
    } catch {
      // The rename has happened all the same.
    }
  }

  #tooLarge(bytes: number): string {
    return `${this.#path} takes ${bytes} bytes, and ${this.#bytesMax} are allowed`;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
