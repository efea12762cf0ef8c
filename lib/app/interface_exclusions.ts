/**
 * The file that lists interfaces not to announce on, as MetalLB ships it (reference §6.1): YAML with the key
 * `announcedInterfacesToExclude`, a list of regular expressions. A missing file excludes nothing.
 */
import { parse } from "@std/yaml/parse";

export type ExclusionsResult =
  | { readonly ok: true; readonly patterns: readonly string[] }
  | { readonly ok: false; readonly message: string };

const KEY = "announcedInterfacesToExclude";

export function readExclusions(path: string): ExclusionsResult {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { ok: true, patterns: [] };
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
  if (document === null || document === undefined) return { ok: true, patterns: [] };
  const isMap = typeof document === "object" && !Array.isArray(document);
  const list = isMap ? (document as Record<string, unknown>)[KEY] ?? [] : undefined;
  if (!Array.isArray(list)) return { ok: false, message: `${source}: ${KEY} must be a list of regular expressions` };
  for (const [index, pattern] of list.entries()) {
    const problem = problemOf(pattern);
    if (problem !== undefined) return { ok: false, message: `${source}: ${KEY}[${index}] ${problem}` };
  }
  return { ok: true, patterns: list as string[] };
}

function problemOf(pattern: unknown): string | undefined {
  if (typeof pattern !== "string") return `is ${JSON.stringify(pattern)}, not a text`;
  try {
    new RegExp(pattern);
    return undefined;
  } catch {
    return `"${pattern}" is not a regular expression`;
  }
}
