/**
 * The objects that `-f` names: files, folders and standard input, with YAML and JSON, several documents, `kind: List`.
 *
 * A folder is read with its sub-folders, `*.yaml`, `*.yml` and `*.json` in the order of their names. What cannot be read
 * at all (no such file, not UTF-8, too large) is told apart from what is read and wrong: the first ends a command with
 * exit code 2. Files are read through an injected port, so that tests need no disk.
 */
import { compareText } from "../../decision/config/config.ts";
import { readObjects, type SourceObject, type YamlProblem } from "../yaml.ts";
import { printable } from "./output.ts";

export interface InputEntry {
  readonly name: string;
  readonly kind: "file" | "folder" | "other";
}

/** What an input reader needs of the disk. Errors are thrown as `Deno.errors`. */
export interface InputFiles {
  /** What stands at a path, links followed. */
  kindOf(path: string): Promise<InputEntry["kind"]>;
  entries(folder: string): Promise<readonly InputEntry[]>;
  /** The whole content, or `undefined` when it is longer than the limit. */
  read(path: string, bytesMax: number): Promise<Uint8Array | undefined>;
  readStandardInput(bytesMax: number): Promise<Uint8Array | undefined>;
}

export interface Input {
  readonly objects: readonly SourceObject[];
  /** Of text that was read and is wrong. */
  readonly problems: readonly YamlProblem[];
  /** One sentence for each thing that could not be read. */
  readonly unreadable: readonly string[];
  /** Files that were read, standard input included, in their order. */
  readonly sources: readonly string[];
}

export const STANDARD_INPUT = "-";
/** As a problem names it. */
const STANDARD_INPUT_NAME = "(standard input)";

/** `kubectl get services -A -o yaml` of ten thousand Services has some 20 MB. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;
const TOTAL_BYTES_MAX = 256 * 1024 * 1024;
const FILES_MAX = 10_000;
const FOLDER_DEPTH_MAX = 16;
const UNREADABLE_MAX = 100;

export async function readInput(filenames: readonly string[], files: InputFiles): Promise<Input> {
  const reading = new Reading(files);
  for (const filename of filenames) await reading.take(filename);
  return reading;
}

/** Text of one file or of standard input, or why there is none. */
export async function readText(
  filename: string,
  files: InputFiles,
): Promise<{ readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string }> {
  if (filename === "") return { ok: false, message: EMPTY_NAME };
  const shown = sourceName(filename);
  try {
    if (filename !== STANDARD_INPUT) {
      const kind = await files.kindOf(filename);
      if (kind !== "file") return { ok: false, message: `${shown}: is ${kind === "folder" ? "a folder" : "no file"}` };
    }
    const bytes = filename === STANDARD_INPUT
      ? await files.readStandardInput(FILE_BYTES_MAX)
      : await files.read(filename, FILE_BYTES_MAX);
    if (bytes === undefined) {
      return { ok: false, message: `${shown}: is larger than ${FILE_BYTES_MAX / 1024 ** 2} MiB` };
    }
    return decodeText(bytes, shown);
  } catch (error) {
    return { ok: false, message: `${shown}: ${reasonOf(error)}` };
  }
}

/** Why there is nothing to read at a path; `undefined` when there is something. */
export async function whyMissing(path: string, files: InputFiles): Promise<string | undefined> {
  if (path === "") return EMPTY_NAME;
  try {
    await files.kindOf(path);
    return undefined;
  } catch (error) {
    return `${sourceName(path)}: ${reasonOf(error)}`;
  }
}

const EMPTY_NAME = "-f: the name of a file is empty";

/** How problems name a file: its name without control characters, or a word for standard input. */
export function sourceName(filename: string): string {
  return filename === STANDARD_INPUT ? STANDARD_INPUT_NAME : printable(filename);
}

/** The other way round: what to type behind `-f` for a source. */
export function fileArgument(source: string): string {
  return source === STANDARD_INPUT_NAME ? STANDARD_INPUT : source;
}

class Reading implements Input {
  readonly objects: SourceObject[] = [];
  readonly problems: YamlProblem[] = [];
  readonly unreadable: string[] = [];
  readonly sources: string[] = [];
  readonly #files: InputFiles;
  readonly #taken = new Set<string>();
  #bytes = 0;

  constructor(files: InputFiles) {
    this.#files = files;
  }

  async take(filename: string): Promise<void> {
    if (filename === "") return this.#refuse(EMPTY_NAME);
    if (filename === STANDARD_INPUT) return await this.#file(filename);
    try {
      const kind = await this.#files.kindOf(filename);
      if (kind !== "folder") return await this.#file(filename);
      const before = this.sources.length;
      const refused = this.unreadable.length;
      await this.#folder(filename, 0);
      if (this.sources.length === before && this.unreadable.length === refused) {
        this.#refuse(`${printable(filename)}: holds no *.yaml, *.yml or *.json file`);
      }
    } catch (error) {
      this.#refuse(`${printable(filename)}: ${reasonOf(error)}`);
    }
  }

  async #folder(folder: string, depth: number): Promise<void> {
    if (depth > FOLDER_DEPTH_MAX) {
      return this.#refuse(`${printable(folder)}: folders are nested more than ${FOLDER_DEPTH_MAX} deep`);
    }
    const entries = [...await this.#files.entries(folder)].sort((a, b) => compareText(a.name, b.name));
    for (const { name, kind } of entries) {
      // What begins with a dot is an editor's or a mount's own (`..data` of a ConfigMap volume).
      if (name.startsWith(".")) continue;
      const path = `${folder.replace(/\/+$/, "")}/${name}`;
      if (kind === "folder") await this.#folder(path, depth + 1);
      else if (kind === "file" && /\.(yaml|yml|json)$/.test(name)) await this.#file(path);
    }
  }

  async #file(path: string): Promise<void> {
    // The same file twice would make every object a duplicate of itself.
    if (this.#taken.has(path)) return;
    if (this.#taken.size >= FILES_MAX) {
      if (this.#taken.size === FILES_MAX) this.#refuse(`more than ${FILES_MAX} files are given`);
      this.#taken.add(path);
      return;
    }
    this.#taken.add(path);
    const read = await readText(path, this.#files);
    if (!read.ok) return this.#refuse(read.message);
    this.#bytes += read.text.length;
    if (this.#bytes > TOTAL_BYTES_MAX) {
      return this.#refuse(`${sourceName(path)}: all files together are larger than ${TOTAL_BYTES_MAX / 1024 ** 2} MiB`);
    }
    const source = sourceName(path);
    const { objects, problems } = readObjects(read.text, source);
    for (const object of objects) this.objects.push(object);
    for (const problem of problems) this.problems.push(problem);
    this.sources.push(source);
  }

  #refuse(message: string): void {
    if (this.unreadable.length < UNREADABLE_MAX) this.unreadable.push(message);
  }
}

function decodeText(
  bytes: Uint8Array,
  shown: string,
): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string } {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return { ok: false, message: `${shown}: is UTF-16; save it as UTF-8` };
  }
  if (first === 0x1f && second === 0x8b) {
    return { ok: false, message: `${shown}: is compressed (gzip); unpack it first` };
  }
  try {
    return { ok: true, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { ok: false, message: `${shown}: is not UTF-8 text` };
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file or folder";
  if (error instanceof Deno.errors.PermissionDenied) return "it may not be read (permission denied)";
  if (error instanceof Deno.errors.NotCapable) return "Herald was started without the permission to read it";
  return `it cannot be read: ${error instanceof Error ? error.message : error}`;
}

/** The files of this process. */
export function processFiles(): InputFiles {
  return {
    kindOf: async (path) => {
      const info = await Deno.stat(path);
      // A pipe, as the shell's <(…) gives, is read like a file.
      return info.isDirectory ? "folder" : info.isFile || info.isFifo || info.isCharDevice ? "file" : "other";
    },
    entries: async (folder) => {
      const entries: InputEntry[] = [];
      for await (const entry of Deno.readDir(folder)) {
        const kind = entry.isSymlink ? await targetKind(`${folder}/${entry.name}`) : kindOfEntry(entry);
        entries.push({ name: entry.name, kind });
      }
      return entries;
    },
    read: async (path, bytesMax) => {
      const file = await Deno.open(path);
      return await readAll(file.readable, bytesMax);
    },
    readStandardInput: async (bytesMax) => await readAll(Deno.stdin.readable, bytesMax),
  };
}

function kindOfEntry(entry: { isDirectory: boolean; isFile: boolean }): InputEntry["kind"] {
  return entry.isDirectory ? "folder" : entry.isFile ? "file" : "other";
}

/** A link whose target is gone is passed over, as every other thing that is no file. */
async function targetKind(path: string): Promise<InputEntry["kind"]> {
  try {
    return kindOfEntry(await Deno.stat(path));
  } catch {
    return "other";
  }
}

async function readAll(stream: ReadableStream<Uint8Array>, bytesMax: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    // Leaving the loop closes the stream.
    if (length > bytesMax) return undefined;
    chunks.push(chunk);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
