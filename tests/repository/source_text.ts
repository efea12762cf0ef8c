/**
 * Reads TypeScript just well enough to check rules on it: which modules a file imports, and its code without comments
 * and without the contents of strings, so that a word in a sentence is not mistaken for a word in the program.
 *
 * Not a parser. Offsets are kept (what is removed becomes blanks), so that every finding can name its line.
 */

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Nothing of it is left at run time. */
  readonly typeOnly: boolean;
  /** `export … from`. */
  readonly reExport: boolean;
}

export interface SourceText {
  /** As long as the file; comments and the insides of strings and regular expressions are blank. */
  readonly code: string;
  readonly imports: readonly Import[];
  /** Lines of dynamic imports whose target cannot be read from the source. */
  readonly unreadableImports: readonly number[];
}

/** A `/` after one of these words or marks begins a regular expression, not a division. */
const BEFORE_REGEX =
  /(^|[([{,;=:!&|?+\-*%<>~^}]|\b(return|typeof|case|in|of|do|else|yield|await|void|delete|throw))\s*$/;

export function readSource(text: string): SourceText {
  const code = blank(text);
  return { code, ...readImports(text, code) };
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = 0; i < offset; i++) if (text.charCodeAt(i) === 10) line++;
  return line;
}

function blank(text: string): string {
  const out = [...text.split("")];
  const erase = (from: number, to: number): void => {
    for (let i = from; i < to; i++) if (out[i] !== "\n") out[i] = " ";
  };
  // For each open template literal, how many braces are open inside its present `${`.
  const templates: number[] = [];
  let at = 0;
  if (text.startsWith("#!")) erase(0, at = endOfLine(text, 0));
  while (at < text.length) {
    const char = text[at]!;
    const two = text.slice(at, at + 2);
    if (two === "//") {
      erase(at, at = endOfLine(text, at));
    } else if (two === "/*") {
      const end = text.indexOf("*/", at + 2);
      erase(at, at = end < 0 ? text.length : end + 2);
    } else if (char === '"' || char === "'") {
      const end = endOfString(text, at + 1, char);
      erase(at + 1, end);
      at = end + 1;
    } else if (char === "`" || (char === "}" && templates.at(-1) === 0)) {
      if (char === "}") templates.pop();
      const end = endOfTemplateText(text, at + 1);
      erase(at + 1, end);
      if (text[end] === "$") templates.push(0);
      at = end + (text[end] === "$" ? 2 : 1);
    } else if (char === "/" && BEFORE_REGEX.test(out.slice(Math.max(0, at - 60), at).join(""))) {
      const end = endOfRegex(text, at + 1);
      erase(at + 1, end);
      at = end + 1;
    } else {
      if (templates.length > 0 && char === "{") templates[templates.length - 1]!++;
      if (templates.length > 0 && char === "}") templates[templates.length - 1]!--;
      at++;
    }
  }
  return out.join("");
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

/** A string ends at its quote; an unclosed one at the end of its line, so that one slip does not hide a whole file. */
function endOfString(text: string, from: number, quote: string): number {
  let at = from;
  while (at < text.length && text[at] !== quote && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1;
  return Math.min(at, text.length);
}

function endOfTemplateText(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== "`" && !text.startsWith("${", at)) at += text[at] === "\\" ? 2 : 1;
  return Math.min(at, text.length);
}

function endOfRegex(text: string, from: number): number {
  let at = from;
  let inClass = false;
  while (at < text.length && text[at] !== "\n" && (inClass || text[at] !== "/")) {
    if (text[at] === "[") inClass = true;
    if (text[at] === "]") inClass = false;
    at += text[at] === "\\" ? 2 : 1;
  }
  return Math.min(at, text.length);
}

const FROM = /(?<![.\w$#])(import|export)\b(\s+type\b)?([^;"'`()]*?)\bfrom\s*(["'])/g;
const SIDE_EFFECT = /(?<![.\w$#])import\s*(["'])/g;
const DYNAMIC = /(?<![.\w$#])import\s*\(\s*(["']?)/g;
const WORKER_URL = /(?<![.\w$#])URL\s*\(\s*(["'])[^"'\n]*\1\s*,\s*import\.meta\.url/g;

function readImports(text: string, code: string): Omit<SourceText, "code"> {
  const imports: Import[] = [];
  const unreadableImports: number[] = [];
  const add = (at: number, quoteAt: number, facts: { typeOnly: boolean; reExport: boolean }): void => {
    const specifier = text.slice(quoteAt + 1, text.indexOf(text[quoteAt]!, quoteAt + 1));
    imports.push({ specifier, line: lineAt(text, at), ...facts });
  };
  for (const match of code.matchAll(FROM)) {
    const names = match[3]!;
    const inBraces = names.match(/^\s*\{([^}]*)\}\s*$/)?.[1]?.split(",").map((name) => name.trim()).filter(Boolean);
    const typeOnly = match[2] !== undefined ||
      (inBraces !== undefined && inBraces.length > 0 && inBraces.every((name) => /^type\s/.test(name)));
    add(match.index, match.index + match[0].length - 1, { typeOnly, reExport: match[1] === "export" });
  }
  for (const match of code.matchAll(SIDE_EFFECT)) {
    add(match.index, match.index + match[0].length - 1, { typeOnly: false, reExport: false });
  }
  for (const match of code.matchAll(DYNAMIC)) {
    // `typeof import("…")` and `import("…").T` in a type look the same; both are rare enough to count as imports.
    if (match[1] === "") unreadableImports.push(lineAt(text, match.index));
    else add(match.index, match.index + match[0].length - 1, { typeOnly: false, reExport: false });
  }
  for (const match of code.matchAll(WORKER_URL)) {
    // A Worker's module: `deno info` does not follow it, and the rules hold for it all the same. Folders and data are
    // files that the program reads, not code that it runs.
    const target = text.slice(match.index, match.index + match[0].length);
    if (!/\.(ts|js|mjs|wasm)["']/.test(target)) continue;
    add(match.index, match.index + match[0].search(/["']/), { typeOnly: false, reExport: false });
  }
  return { imports: imports.sort((a, b) => a.line - b.line), unreadableImports };
}
