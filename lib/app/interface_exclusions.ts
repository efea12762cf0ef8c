/**
 * The file that lists interfaces not to announce on, as MetalLB ships it (reference §6.1): YAML with the key
 * `announcedInterfacesToExclude`, a list of Go's regular expressions, which are found anywhere in a name. A missing file
 * excludes nothing.
 */
import { parse } from "@std/yaml/parse";
import { type GoRegExpResult, parseGoRegExp } from "../base/go_regexp.ts";

export type ExclusionsResult =
  | {
    readonly ok: true;
    /** Sources of JavaScript's `RegExp`. */
    readonly patterns: readonly string[];
    /** Keys of the file that mean nothing: a misspelt one would exclude nothing without a word. */
    readonly unknownKeys: readonly string[];
  }
  | { readonly ok: false; readonly message: string };

const NOTHING = { ok: true, patterns: [], unknownKeys: [] } as const;
const KEY = "announcedInterfacesToExclude";

export function readExclusions(path: string, readText = Deno.readTextFileSync): ExclusionsResult {
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return NOTHING;
    return { ok: false, message: `${path} cannot be read: ${error instanceof Error ? error.message : error}` };
  }
  return parseExclusions(text, path);
}

/** `source` names the file in messages. */
export function parseExclusions(text: string, source: string): ExclusionsResult {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    return { ok: false, message: `${source} is not YAML: ${error instanceof Error ? error.message : error}` };
  }
  if (document === null || document === undefined) return NOTHING;
  const map = typeof document === "object" && !Array.isArray(document) ? document as Record<string, unknown> : {};
  const list = map === document ? map[KEY] ?? [] : undefined;
  if (!Array.isArray(list)) return { ok: false, message: `${source}: ${KEY} must be a list of regular expressions` };
  const patterns: string[] = [];
  for (const [index, item] of list.entries()) {
    const pattern = readPattern(item);
    if (!pattern.ok) return { ok: false, message: `${source}: ${KEY}[${index}] ${pattern.message}` };
    patterns.push(pattern.source);
  }
  return { ok: true, patterns, unknownKeys: Object.keys(map).filter((key) => key !== KEY) };
}

function readPattern(item: unknown): GoRegExpResult {
  if (typeof item !== "string") return { ok: false, message: `is ${JSON.stringify(item)}, not a text` };
  if (item === "") return { ok: false, message: 'is empty, which matches every interface; to exclude all write ".*"' };
  const pattern = parseGoRegExp(item);
  return pattern.ok ? pattern : { ok: false, message: `"${item}" ${pattern.message}` };
}
