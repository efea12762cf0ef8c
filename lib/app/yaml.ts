/**
 * YAML as users type it: the one place where text becomes Kubernetes objects.
 *
 * A file may hold several documents and `kind: List`; empty documents are skipped. Duplicate keys are an error here,
 * though kubectl keeps the last one in silence. Nothing is judged beyond "is this an object with a kind and a name".
 */
import { parseAll } from "@std/yaml/parse";
import { stringify } from "@std/yaml/stringify";
import type { KubeObject } from "../base/kube.ts";
import type { Json, JsonObject } from "../base/json.ts";

export interface YamlProblem {
  /** The file's name as the user gave it. */
  readonly source: string;
  /** From 1; 0 when the whole text could not be parsed. */
  readonly document: number;
  readonly message: string;
}

export interface YamlResult {
  readonly objects: readonly KubeObject[];
  readonly problems: readonly YamlProblem[];
}

/** All objects of `text`, and every document that is none. Never throws. */
export function parseManifest(text: string, source: string): YamlResult {
  const objects: KubeObject[] = [];
  const problems: YamlProblem[] = [];
  let documents: unknown[];
  try {
    // The core schema keeps `1234:30` a text; YAML 1.1's base-60 numbers would turn a community into a number.
    documents = parseAll(text, { schema: "core" }) as unknown[];
  } catch (error) {
    const message = `is not YAML: ${error instanceof Error ? error.message : error}`;
    return { objects, problems: [{ source, document: 0, message }] };
  }
  for (const [index, document] of documents.entries()) {
    if (document === null || document === undefined) continue;
    const problem = collect(document, objects);
    if (problem !== undefined) problems.push({ source, document: index + 1, message: problem });
  }
  return { objects, problems };
}

/** Block-style YAML of plain data. */
export function formatYaml(value: Json): string {
  return stringify(value) as string;
}

/** Lists in lists are allowed this deep, so that hostile text cannot exhaust the stack. */
const LIST_DEPTH_MAX = 8;

function collect(value: unknown, objects: KubeObject[], depth = 0): string | undefined {
  if (depth > LIST_DEPTH_MAX) return `lists are nested more than ${LIST_DEPTH_MAX} deep`;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return `is ${Array.isArray(value) ? "a list" : typeof value}, not an object; it should begin with "apiVersion:"`;
  }
  const object = value as JsonObject;
  for (const member of ["apiVersion", "kind"]) {
    if (typeof object[member] !== "string" || object[member] === "") return `${member}: is missing or not a text`;
  }
  if (object["kind"] === "List") {
    if (!Array.isArray(object["items"])) return "items: is not a list";
    for (const [index, item] of object["items"].entries()) {
      const problem = collect(item, objects, depth + 1);
      if (problem !== undefined) return `items[${index}]: ${problem}`;
    }
    return undefined;
  }
  const metadata = object["metadata"] as JsonObject | null | undefined;
  if (typeof metadata?.["name"] !== "string" || metadata["name"] === "") {
    return "metadata.name: is missing or not a text";
  }
  objects.push(object as unknown as KubeObject);
  return undefined;
}
