/**
 * YAML and JSON as users type them: the one place where text becomes Kubernetes objects, each with the place where it
 * stands.
 *
 * A file may hold several documents and `kind: List`; empty documents are skipped. Duplicate keys are an error here,
 * though kubectl keeps the last one in silence. Nothing is judged beyond "is this an object with a kind and a name".
 */
import { dump } from "js-yaml";
import type { Json, JsonObject } from "../base/json.ts";
import type { KubeObject } from "../base/kube.ts";
import { type YamlDocument, yamlDocuments } from "./yaml_documents.ts";

/** Closed set. */
export type YamlReason = "notYaml" | "duplicateKey" | "tooManyAliases" | "notAnObject" | "missingField";

export interface YamlProblem {
  /** The file's name as the user gave it. */
  readonly source: string;
  /** From 1, as far as the text could be split into documents. */
  readonly document: number;
  /** From 1. */
  readonly line: number;
  /** Field that is meant, e.g. `items[0].kind`; empty for the document as a whole. */
  readonly path: string;
  readonly reason: YamlReason;
  /** Without the place. */
  readonly message: string;
  /** As far as they can be read. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** An object and where it stands. */
export interface SourceObject {
  readonly object: KubeObject;
  readonly source: string;
  /** From 1. */
  readonly document: number;
  /** Where the object begins, from 1. */
  readonly line: number;
  /** Line of a field such as `spec.addresses[1]`, or of the nearest one around it that is there. */
  lineOf(path: string): number;
}

export interface YamlObjects {
  readonly objects: readonly SourceObject[];
  readonly problems: readonly YamlProblem[];
}

/** All objects of `text`, and everything in it that is none. Never throws. */
export function readObjects(text: string, source: string): YamlObjects {
  const objects: SourceObject[] = [];
  const problems: YamlProblem[] = [];
  const lines = new LineIndex(text);
  for (const [index, document] of yamlDocuments(text).entries()) {
    const place = { source, document: index + 1 };
    for (const { offset, firstOffset, path, reason, message } of document.problems) {
      const also = firstOffset === undefined ? "" : ` (the first is on line ${lines.lineAt(firstOffset)})`;
      problems.push({ ...place, ...NOBODY, path, reason, message: message + also, line: lines.lineAt(offset) });
    }
    if (document.value === null || document.value === undefined) continue;
    collect(document.value, { path: [], place, document, lines, objects, problems });
  }
  return { objects, problems };
}

export interface YamlData {
  /** Of the only document; `undefined` when it cannot be read. */
  readonly value: unknown;
  readonly problems: readonly { readonly line: number; readonly path: string; readonly message: string }[];
  lineOf(path: string): number;
}

/** Text that holds one document of any shape, such as a value of a ConfigMap. Never throws. */
export function readData(text: string): YamlData {
  const lines = new LineIndex(text);
  const documents = yamlDocuments(text);
  const problems = documents.flatMap((document) =>
    document.problems.map(({ offset, path, message }) => ({ line: lines.lineAt(offset), path, message }))
  );
  const filled = documents.filter(({ value }) => value !== undefined && value !== null);
  if (filled.length > 1) {
    const line = lines.lineAt(filled[1]!.offset);
    problems.push({ line, path: "", message: "a second document begins here; there may be only one" });
  }
  const [document] = filled;
  return {
    value: problems.length === 0 ? document?.value ?? null : undefined,
    problems,
    lineOf: (path) => document === undefined ? 1 : lines.lineAt(document.offsetOf(parsePath(path))),
  };
}

/** The same without the places, for what is known to be good. */
export function parseManifest(
  text: string,
  source: string,
): { readonly objects: readonly KubeObject[]; readonly problems: readonly YamlProblem[] } {
  const { objects, problems } = readObjects(text, source);
  return { objects: objects.map(({ object }) => object), problems };
}

/** Block-style YAML of plain data; texts that some reader takes for a number or a boolean are quoted. */
export function formatYaml(value: Json): string {
  return dump(value, { noRefs: true, seqNoIndent: true, lineWidth: -1 });
}

/** Lists in lists are allowed this deep, so that hostile text cannot exhaust the stack. */
const LIST_DEPTH_MAX = 8;
const NOBODY = { kind: "", namespace: "", name: "" } as const;

type Path = readonly (string | number)[];

interface Collection {
  /** Where the value stands in its document. */
  readonly path: Path;
  readonly place: { readonly source: string; readonly document: number };
  readonly document: YamlDocument;
  readonly lines: LineIndex;
  readonly objects: SourceObject[];
  readonly problems: YamlProblem[];
}

function collect(value: unknown, collection: Collection): void {
  const { path, place, document, lines } = collection;
  const lineOf = (below: Path) => lines.lineAt(document.offsetOf([...path, ...below]));
  const refuse = (below: Path, { reason, message }: { reason: YamlReason; message: string }) => {
    const identity = identityOf(value);
    const shown = formatPath([...path, ...below]);
    collection.problems.push({ ...place, ...identity, line: lineOf(below), path: shown, reason, message });
  };
  if (path.length > 2 * LIST_DEPTH_MAX) {
    return refuse([], { reason: "notAnObject", message: `lists are nested more than ${LIST_DEPTH_MAX} deep` });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const what = Array.isArray(value) ? "a list" : value === null ? "empty" : `a ${typeof value}`;
    const message = `it is ${what}, not an object; it should begin with "apiVersion:"`;
    return refuse([], { reason: "notAnObject", message });
  }
  const object = value as JsonObject;
  for (const member of ["apiVersion", "kind"]) {
    if (typeof object[member] !== "string" || object[member] === "") {
      return refuse([member], {
        reason: "missingField",
        message: `${formatPath([...path, member])}: is missing or not a text`,
      });
    }
  }
  if (object["kind"] === "List" || isTypedList(object)) {
    const items = object["items"];
    if (!Array.isArray(items)) {
      return refuse(["items"], { reason: "notAnObject", message: `${formatPath([...path, "items"])}: is not a list` });
    }
    for (const [index, item] of items.entries()) collect(item, { ...collection, path: [...path, "items", index] });
    return;
  }
  const metadata = object["metadata"] as JsonObject | null | undefined;
  if (typeof metadata?.["name"] !== "string" || metadata["name"] === "") {
    const below = ["metadata", "name"];
    return refuse(below, {
      reason: "missingField",
      message: `${formatPath([...path, ...below])}: is missing or not a text`,
    });
  }
  collection.objects.push({
    ...place,
    object: object as unknown as KubeObject,
    line: lineOf([]),
    lineOf: (text) => lineOf(parsePath(text)),
  });
}

/** `IPAddressPoolList` and the like, as the API itself answers. */
function isTypedList(object: JsonObject): boolean {
  return String(object["kind"]).endsWith("List") && Array.isArray(object["items"]) &&
    !Object.hasOwn((object["metadata"] ?? {}) as object, "name");
}

function identityOf(value: unknown): { kind: string; namespace: string; name: string } {
  const text = (text: unknown) => typeof text === "string" ? text.slice(0, 253) : "";
  const object = value as { kind?: unknown; metadata?: { namespace?: unknown; name?: unknown } } | null;
  return {
    kind: text(object?.kind),
    namespace: text(object?.metadata?.namespace),
    name: text(object?.metadata?.name),
  };
}

function formatPath(path: Path): string {
  let text = "";
  for (const part of path) text += typeof part === "number" ? `[${part}]` : text === "" ? part : `.${part}`;
  return text;
}

/** `spec.addresses[1]`, `metadata.annotations["a.b/c"]` and `metadata.labels[a.b/c]`, cut into steps. */
export function parsePath(text: string): (string | number)[] {
  const steps: (string | number)[] = [];
  for (const match of text.matchAll(/\[("(?:[^"\\]|\\.)*"|[^\]]*)\]|[^.[\]]+/g)) {
    const inside = match[1];
    if (inside === undefined) steps.push(match[0]);
    else if (/^[0-9]+$/.test(inside)) steps.push(Number(inside));
    else steps.push(inside.startsWith('"') ? unquoted(inside) : inside);
  }
  return steps;
}

function unquoted(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return text.slice(1, -1);
  }
}

/** Line numbers of offsets, from 1; computed on the first question. */
class LineIndex {
  readonly #text: string;
  #starts: number[] | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  lineAt(offset: number): number {
    const starts = this.#starts ??= startsOfLines(this.#text);
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }
}

function startsOfLines(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}
