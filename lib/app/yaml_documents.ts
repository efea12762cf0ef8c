/**
 * From YAML (or JSON) text to plain data, with the line of every field: documents as `kubectl` would read them.
 *
 * Not a parser: js-yaml makes the events, this file builds values from them. It differs from a plain loader in what
 * users' files need: plain words mean what kubectl's reader makes of them (`yes` is true, `1234:30` stays a text,
 * `012` is ten), a key that stands twice is a problem with its line (kubectl keeps the last one in silence), and aliases
 * cannot grow without bounds.
 */
import { type Event, EVENT_ID, getScalarValue, parseEvents, SCALAR_STYLE, YAMLException } from "js-yaml";
import { plainValue } from "./yaml_scalar.ts";

export interface TextProblem {
  /** Offset in the text. */
  readonly offset: number;
  /** Key that the problem is about, e.g. `spec`; empty for none. */
  readonly path: string;
  readonly reason: "notYaml" | "duplicateKey" | "tooManyAliases";
  readonly message: string;
  /** Where the first one of two stands. */
  readonly firstOffset?: number;
}

export interface YamlDocument {
  /** Plain data; `undefined` when the document has problems. */
  readonly value: unknown;
  /** Offset where its first node begins. */
  readonly offset: number;
  readonly problems: readonly TextProblem[];
  /** Offset of the field at a path, or of the nearest one around it that exists. */
  offsetOf(path: readonly (string | number)[]): number;
}

/** Deeper nesting is refused; no manifest comes near it. */
const DEPTH_MAX = 100;
/** Nodes that aliases may add to one document: a file of some lines must not become gigabytes. */
const ALIASED_NODES_MAX = 100_000;
const PROBLEMS_MAX = 100;

/** All documents of `text`. A document that is no YAML leaves the others alone. Never throws. */
export function yamlDocuments(text: string): YamlDocument[] {
  const whole = eventsOf(text);
  if (whole.ok) return compose(text, { events: whole.events, shift: 0 });
  // Document by document, so that every bad one is found and every good one is used.
  const documents: YamlDocument[] = [];
  for (const { start, end } of splitDocuments(text)) {
    const part = text.slice(start, end);
    const parsed = eventsOf(part);
    if (parsed.ok) documents.push(...compose(part, { events: parsed.events, shift: start }));
    else documents.push(brokenDocument({ ...parsed.problem, offset: parsed.problem.offset + start }));
  }
  // The parts may each be readable where the whole is not (a directive without its document).
  if (documents.every(({ problems }) => problems.length === 0)) documents.push(brokenDocument(whole.problem));
  return documents;
}

function brokenDocument(problem: TextProblem): YamlDocument {
  return { value: undefined, offset: problem.offset, problems: [problem], offsetOf: () => problem.offset };
}

function eventsOf(text: string): { ok: true; events: Event[] } | { ok: false; problem: TextProblem } {
  try {
    return { ok: true, events: parseEvents(text, { maxDepth: DEPTH_MAX }) };
  } catch (error) {
    const known = error instanceof YAMLException;
    const reason = known ? error.reason : "it cannot be read";
    // What is missing at the end is told on the last line that says something.
    const offset = Math.min(known ? error.mark?.position ?? 0 : 0, Math.max(0, text.trimEnd().length - 1));
    return { ok: false, problem: { offset, path: "", reason: "notYaml", message: `is not YAML: ${reason}` } };
  }
}

/** Cut before each line that begins with `---`. Nothing inside of a document can begin a line so. */
function splitDocuments(text: string): { start: number; end: number }[] {
  const starts = [0];
  for (const match of text.matchAll(/^---(?=\s|$)/gm)) if (match.index > 0) starts.push(match.index);
  return starts.map((start, index) => ({ start, end: starts[index + 1] ?? text.length }));
}

interface Positions {
  /** Keys of a mapping; absent for a list. */
  readonly keys?: string[];
  readonly offsets: number[];
}

interface Frame {
  readonly kind: "document" | "mapping" | "sequence";
  readonly value: Record<string, unknown> | unknown[];
  readonly positions: Positions;
  readonly anchor: string | undefined;
  readonly start: number;
  /** Offsets of the keys that were met, to tell a double one. */
  readonly seen: Map<string, number>;
  /** Values of `<<`, merged when the mapping ends. */
  readonly merges: unknown[];
  key: string | undefined;
  /** Nodes in it, with those behind aliases. */
  weight: number;
  /** Levels below it, with those behind aliases. */
  height: number;
}

function compose(text: string, options: { events: readonly Event[]; shift: number }): YamlDocument[] {
  const documents: YamlDocument[] = [];
  let composer: DocumentComposer | undefined;
  for (const event of options.events) {
    if (event.type === EVENT_ID.DOCUMENT) composer = new DocumentComposer(text, options.shift);
    else if (composer?.take(event) === "end") documents.push(composer.document());
  }
  return documents;
}

class DocumentComposer {
  readonly #text: string;
  readonly #shift: number;
  readonly #stack: Frame[] = [frame("document", { anchor: undefined, start: 0 })];
  readonly #positions = new Map<unknown, Positions>();
  readonly #anchors = new Map<string, { value: unknown; weight: number; height: number }>();
  readonly #problems: TextProblem[] = [];
  #aliased = 0;
  #offset: number | undefined;

  constructor(text: string, shift: number) {
    this.#text = text;
    this.#shift = shift;
  }

  /** `end` when the document is complete. */
  take(event: Event): "more" | "end" {
    switch (event.type) {
      case EVENT_ID.SCALAR:
        this.#scalar(event);
        return "more";
      case EVENT_ID.ALIAS:
        this.#alias(event);
        return "more";
      case EVENT_ID.MAPPING:
      case EVENT_ID.SEQUENCE: {
        const kind = event.type === EVENT_ID.MAPPING ? "mapping" : "sequence";
        this.#offset ??= event.start;
        this.#checkTag(event, [kind === "mapping" ? "map" : "seq"]);
        this.#stack.push(frame(kind, { anchor: this.#anchorOf(event), start: event.start }));
        return "more";
      }
      case EVENT_ID.POP:
        return this.#pop();
      default:
        return "more";
    }
  }

  document(): YamlDocument {
    const root = (this.#stack[0]!.value as unknown[])[0];
    const offset = this.#shift + (this.#offset ?? 0);
    return {
      value: this.#problems.length === 0 ? root ?? null : undefined,
      offset,
      problems: this.#problems,
      offsetOf: (path) => {
        let found = offset;
        let value: unknown = root;
        for (const part of path) {
          const positions = this.#positions.get(value);
          if (positions === undefined) break;
          const index = positions.keys === undefined ? Number(part) : positions.keys.indexOf(String(part));
          const next = positions.offsets[index];
          if (next === undefined) break;
          found = this.#shift + next;
          value = (value as Record<string | number, unknown>)[part];
        }
        return found;
      },
    };
  }

  #pop(): "more" | "end" {
    const closed = this.#stack.pop()!;
    if (closed.kind === "document") {
      this.#stack.push(closed);
      return "end";
    }
    for (const merge of closed.merges) mergeInto(closed.value as Record<string, unknown>, merge);
    this.#positions.set(closed.value, closed.positions);
    const { value, weight, height } = closed;
    if (closed.anchor !== undefined) this.#anchors.set(closed.anchor, { value, weight, height });
    this.#add(value, { offset: closed.start, weight, height: height + 1 });
    return "more";
  }

  #scalar(event: Extract<Event, { type: typeof EVENT_ID.SCALAR }>): void {
    const text = event.valueStart < 0 ? "" : getScalarValue(this.#text, event);
    const offset = event.valueStart < 0 ? undefined : event.valueStart;
    this.#offset ??= offset;
    const tag = this.#checkTag(event, ["str", "int", "float", "bool", "null", "binary", "timestamp"]);
    const plain = event.style === SCALAR_STYLE.PLAIN && tag === undefined;
    const value = plain || ["int", "float", "bool", "null"].includes(tag ?? "") ? plainValue(text) : text;
    const anchor = this.#anchorOf(event);
    if (anchor !== undefined) this.#anchors.set(anchor, { value, weight: 1, height: 0 });
    const parent = this.#stack.at(-1)!;
    if (parent.kind === "mapping" && parent.key === undefined && plain && text === "<<") {
      parent.key = MERGE;
      parent.positions.keys!.push("<<");
      parent.positions.offsets.push(offset ?? 0);
      return;
    }
    this.#add(value, { offset, weight: 1, height: 0 });
  }

  #alias(event: Extract<Event, { type: typeof EVENT_ID.ALIAS }>): void {
    const name = this.#text.slice(event.anchorStart, event.anchorEnd);
    const anchor = this.#anchors.get(name);
    if (anchor === undefined) {
      const inside = this.#stack.some((frame) => frame.anchor === name);
      const message = inside ? `the alias *${cut(name)} contains itself` : `the alias *${cut(name)} has no anchor`;
      this.#problem({ offset: event.anchorStart, reason: "notYaml", message: `is not YAML: ${message}` });
      this.#add(null, { offset: event.anchorStart, weight: 1, height: 0 });
      return;
    }
    this.#aliased += anchor.weight;
    const deep = this.#stack.length + anchor.height > DEPTH_MAX;
    if (deep || this.#aliased > ALIASED_NODES_MAX) {
      if (this.#problems.every(({ reason }) => reason !== "tooManyAliases")) {
        const limit = deep ? `nest more than ${DEPTH_MAX} deep` : `add more than ${ALIASED_NODES_MAX} values`;
        this.#problem({ offset: event.anchorStart, reason: "tooManyAliases", message: `aliases ${limit}` });
      }
      this.#add(null, { offset: event.anchorStart, weight: 1, height: 0 });
      return;
    }
    this.#add(anchor.value, { offset: event.anchorStart, weight: anchor.weight, height: anchor.height });
  }

  /** Puts a finished node into what is open: as a key, as the value of one, or as an item. */
  #add(value: unknown, node: { offset: number | undefined; weight: number; height: number }): void {
    const parent = this.#stack.at(-1)!;
    parent.weight += node.weight;
    parent.height = Math.max(parent.height, node.height);
    if (Array.isArray(parent.value)) {
      parent.value.push(value);
      parent.positions.offsets.push(node.offset ?? parent.positions.offsets.at(-1) ?? parent.start);
      return;
    }
    if (parent.key === undefined) {
      parent.key = this.#key(value, { offset: node.offset, parent });
      return;
    }
    if (parent.key === MERGE) parent.merges.push(value);
    else setOwn(parent.value, parent.key, value);
    parent.key = undefined;
  }

  #key(value: unknown, { offset, parent }: { offset: number | undefined; parent: Frame }): string {
    const at = offset ?? parent.positions.offsets.at(-1) ?? parent.start;
    if (value === null || typeof value === "object") {
      const what = value === null ? "empty" : Array.isArray(value) ? "a list" : "an object";
      this.#problem({ offset: at, reason: "notYaml", message: `is not YAML: a key must be a text, but is ${what}` });
    }
    const key = typeof value === "object" ? "" : String(value);
    const first = parent.seen.get(key);
    if (first === undefined) parent.seen.set(key, at);
    else this.#duplicate({ key, offset: at, first });
    parent.positions.keys!.push(key);
    parent.positions.offsets.push(at);
    return key;
  }

  #duplicate({ key, offset, first }: { key: string; offset: number; first: number }): void {
    const path = [...this.#stack.slice(1, -1).map(({ key, value }) => Array.isArray(value) ? value.length : key), key];
    const atRoot = this.#stack.length === 2 && (key === "apiVersion" || key === "kind");
    const hint = atRoot ? '; a line "---" must stand between two objects' : "; keep one of the two";
    const message = `the key ${JSON.stringify(cut(key))} stands twice in one object${hint}`;
    const firstOffset = first + this.#shift;
    this.#problem({ offset, path: pathText(path), reason: "duplicateKey", message, firstOffset });
  }

  /** The tag without its prefix; `undefined` for none. An unknown one is a problem. */
  #checkTag(event: { tagStart: number; tagEnd: number }, known: readonly string[]): string | undefined {
    if (event.tagStart < 0) return undefined;
    const text = this.#text.slice(event.tagStart, event.tagEnd);
    const tag = /^(?:!!|!<tag:yaml\.org,2002:)([a-z]+)>?$/.exec(text)?.[1];
    if (tag !== undefined && known.includes(tag)) return tag;
    if (text === "!") return "str";
    const message = `is not YAML: the tag ${JSON.stringify(cut(text))} has no meaning here`;
    this.#problem({ offset: event.tagStart, reason: "notYaml", message });
    return undefined;
  }

  #anchorOf(event: { anchorStart: number; anchorEnd: number }): string | undefined {
    return event.anchorStart < 0 ? undefined : this.#text.slice(event.anchorStart, event.anchorEnd);
  }

  #problem(problem: Omit<TextProblem, "path"> & { path?: string }): void {
    if (this.#problems.length >= PROBLEMS_MAX) return;
    this.#problems.push({ path: "", ...problem, offset: problem.offset + this.#shift });
  }
}

/** Stands for the merge key `<<`, which no text can be. */
const MERGE = "\u0000<<";

function frame(kind: Frame["kind"], options: { anchor: string | undefined; start: number }): Frame {
  return {
    ...options,
    kind,
    value: kind === "mapping" ? {} : [],
    positions: kind === "mapping" ? { keys: [], offsets: [] } : { offsets: [] },
    seen: new Map(),
    merges: [],
    key: undefined,
    weight: 1,
    height: 0,
  };
}

/** What the mapping says itself wins, then the first of several merged ones. */
function mergeInto(target: Record<string, unknown>, merge: unknown): void {
  for (const source of Array.isArray(merge) ? merge : [merge]) {
    if (typeof source !== "object" || source === null || Array.isArray(source)) continue;
    for (const [key, value] of Object.entries(source)) if (!Object.hasOwn(target, key)) setOwn(target, key, value);
  }
}

/** Also for `__proto__`, which is a key like any other. */
function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  } else target[key] = value;
}

function cut(text: string): string {
  return text.slice(0, 64);
}

function pathText(path: readonly (string | number | undefined)[]): string {
  let text = "";
  for (const part of path) {
    if (part === undefined) continue;
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_-]{0,62}$/.test(part)) text += text === "" ? part : `.${part}`;
    else text += `[${JSON.stringify(part.slice(0, 253))}]`;
  }
  return text;
}
