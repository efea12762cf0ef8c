/**
 * The objects on disk: one JSON line per change, written before the answer goes out, so that a killed server comes back
 * with what it had promised. Not a database: the whole file is read at start and written anew (compacted).
 *
 * A last line without its end was being written when the process died and was never answered for: it is dropped. Any
 * other damage is refused, because going on would lose objects in silence. There is no fsync: a killed process loses
 * nothing, a machine without power may.
 */
import { isMap, parseJson, textAt } from "./json_map.ts";
import { StoredObject } from "./stored_object.ts";

/** What the journal needs of a file system; calls are synchronous and throw what the system throws. */
export interface JournalFile {
  /** `undefined` when there is no file yet. */
  read(): string | undefined;
  append(text: string): void;
  /** Puts a new file in place of the old one in one step. */
  replace(chunks: Iterable<string>): void;
}

export interface JournalEntry {
  readonly resourceVersion: number;
  readonly storage: string;
  readonly key: string;
  /** JSON of the body; `undefined` for a deletion. */
  readonly text: string | undefined;
}

/** Compacted while running after so many lines. */
const LINES_MAX = 100_000;

const FORMAT = "herald-embedded-api/1";

export class Journal {
  readonly restored: { readonly resourceVersion: number; readonly objects: readonly StoredObject[] };
  readonly #file: JournalFile;
  #lines = 0;

  /** Reads and compacts the file. Throws when it is damaged before its last line. */
  constructor(deps: { file: JournalFile }) {
    this.#file = deps.file;
    this.restored = restore(deps.file.read() ?? "");
    this.compact(this.restored.resourceVersion, this.restored.objects);
  }

  get wantsCompaction(): boolean {
    return this.#lines >= LINES_MAX;
  }

  append(entry: JournalEntry): void {
    this.#file.append(entryLine(entry));
    this.#lines++;
  }

  compact(resourceVersion: number, objects: Iterable<StoredObject>): void {
    this.#file.replace(compactLines(resourceVersion, objects));
    this.#lines = 0;
  }
}

function* compactLines(resourceVersion: number, objects: Iterable<StoredObject>): Iterable<string> {
  yield `${JSON.stringify({ format: FORMAT, resourceVersion })}\n`;
  for (const { resourceVersion, storage, key, text } of objects) {
    yield entryLine({ resourceVersion, storage, key, text });
  }
}

function entryLine({ resourceVersion, storage, key, text }: JournalEntry): string {
  const body = text === undefined ? "" : `,"body":${text}`;
  return `{"version":${resourceVersion},"storage":${JSON.stringify(storage)},"key":${JSON.stringify(key)}${body}}\n`;
}

function restore(text: string): { resourceVersion: number; objects: StoredObject[] } {
  const objects = new Map<string, StoredObject>();
  let resourceVersion = 0;
  const lines = text.split("\n");
  // Behind the last line end is nothing, or the torn line.
  lines.pop();
  for (const [index, line] of lines.entries()) {
    const parsed = parseJson(line);
    if (!parsed.ok || !isMap(parsed.value)) throw damaged(index, parsed.ok ? "not an object" : parsed.message);
    const entry = parsed.value;
    if (index === 0) {
      if (entry.format !== FORMAT) throw damaged(index, `not a file of format ${FORMAT}`);
      resourceVersion = typeof entry.resourceVersion === "number" ? entry.resourceVersion : 0;
      continue;
    }
    if (typeof entry.version !== "number") throw damaged(index, "no version");
    const storage = textAt(entry, "storage");
    const id = `${storage} ${textAt(entry, "key")}`;
    if (isMap(entry.body)) {
      objects.set(id, new StoredObject(entry.body, { storage, resourceVersion: entry.version }));
    } else {
      objects.delete(id);
    }
    resourceVersion = Math.max(resourceVersion, entry.version);
  }
  return { resourceVersion, objects: [...objects.values()] };
}

function damaged(index: number, why: string): Error {
  return new Error(`The journal is damaged at line ${index + 1}: ${why}. Move the file away to start empty.`);
}
