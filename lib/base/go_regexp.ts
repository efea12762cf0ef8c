/**
 * Go's regular expressions (RE2 syntax), as MetalLB's files hold them, put into JavaScript's words.
 *
 * Most expressions are the same in both. Some that Go knows would silently mean something else in JavaScript (`\A` is the
 * letter A there, `[[:digit:]]` a set of colons and letters): those are translated. What JavaScript has and Go refuses
 * (look-ahead, back references) is refused here too, so that a file which works for Herald works for MetalLB, and so is
 * what has no counterpart. The reference is https://pkg.go.dev/regexp/syntax.
 */

export type GoRegExpResult =
  /** Source of a `RegExp` without flags. */
  | { readonly ok: true; readonly source: string }
  /** A part of a sentence that begins with the expression. */
  | { readonly ok: false; readonly message: string };

/** Escapes that mean the same in both, inside and outside of sets. */
const SAME_ESCAPES = "dDwWsStnrfv";
const POSIX_SETS: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  ascii: "\\x00-\\x7f",
  blank: "\\t ",
  cntrl: "\\x00-\\x1f\\x7f",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-\\/:-@\\[-`{-~",
  space: "\\t\\n\\v\\f\\r ",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
};
const REPEAT_MAX = 1000;

export function parseGoRegExp(pattern: string): GoRegExpResult {
  const flags = /^\(\?([ims]+)\)/.exec(pattern);
  const body = flags === null ? pattern : pattern.slice(flags[0].length);
  const scanner = new Scanner(body);
  const translated = scanner.translate();
  if (scanner.problem !== undefined) return { ok: false, message: scanner.problem };
  const source = flags === null ? translated : `(?${flags[1]}:${translated})`;
  try {
    new RegExp(source);
    return { ok: true, source };
  } catch {
    return { ok: false, message: "is not a regular expression" };
  }
}

class Scanner {
  problem: string | undefined;
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  translate(): string {
    let out = "";
    while (this.#at < this.#text.length && this.problem === undefined) {
      const char = this.#text[this.#at]!;
      if (char === "\\") out += this.#escape();
      else if (char === "[") out += this.#set();
      else if (char === "(") out += this.#group();
      else if (char === "{") out += this.#repeat();
      else out += this.#take(1);
    }
    return out;
  }

  #escape(): string {
    const next = this.#text[this.#at + 1];
    switch (next) {
      case "A":
        return this.#replace(2, "^");
      case "z":
        return this.#replace(2, "$");
      case "b":
      case "B":
        return this.#take(2);
      case "Q":
        return this.#literal();
      default:
        return this.#character();
    }
  }

  /** What may stand in a set as well as outside. */
  #character(): string {
    const next = this.#text[this.#at + 1];
    if (next === undefined) return this.#refuse("ends in a single backslash");
    if (SAME_ESCAPES.includes(next) || !/[0-9A-Za-z]/.test(next)) return this.#take(2);
    if (next === "a") return this.#replace(2, "\\x07");
    const hex = this.#match(/\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,4})\})/y);
    if (hex === undefined) return this.#refuse(`uses "\\${next}", which is not supported`);
    return this.#replace(hex[0].length, `\\u${(hex[1] ?? hex[2]!).padStart(4, "0")}`);
  }

  /** `\Q…\E` */
  #literal(): string {
    const end = this.#text.indexOf("\\E", this.#at);
    const literal = this.#text.slice(this.#at + 2, end < 0 ? undefined : end);
    return this.#replace(literal.length + (end < 0 ? 2 : 4), literal.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  }

  #set(): string {
    // A bracket at the start is a member in Go.
    const start = this.#match(/\[\^?\]?/y)![0];
    let out = this.#replace(start.length, start.endsWith("]") ? `${start.slice(0, -1)}\\]` : start);
    while (this.problem === undefined) {
      const char = this.#text[this.#at];
      if (char === undefined) return this.#refuse('lacks a "]"');
      if (char === "]") return out + this.#take(1);
      if (char === "\\") out += this.#character();
      else if (char === "[") out += this.#setMember();
      else out += this.#take(1);
    }
    return out;
  }

  #setMember(): string {
    const named = this.#match(/\[:(\^?)([a-z]+):\]/y);
    if (named === undefined) return this.#replace(1, "\\[");
    const members = Object.hasOwn(POSIX_SETS, named[2]!) ? POSIX_SETS[named[2]!] : undefined;
    if (members === undefined || named[1] !== "") return this.#refuse(`uses "${named[0]}", which is not supported`);
    return this.#replace(named[0].length, members);
  }

  #group(): string {
    const special = this.#match(/\(\?(?:P?<[A-Za-z_][0-9A-Za-z_]*>|[ims]*:)/y)?.[0];
    if (special !== undefined) return this.#replace(special.length, special.replace("?P<", "?<"));
    const unknown = this.#match(/\(\?[^)\s]{0,2}/y)?.[0];
    return unknown === undefined ? this.#take(1) : this.#refuse(`uses "${unknown}", which is not supported`);
  }

  #repeat(): string {
    const counts = this.#match(/\{(\d+)(?:,(\d*))?\}/y);
    if (counts === undefined) return this.#replace(1, "\\{");
    const most = Math.max(Number(counts[1]), Number(counts[2] ?? 0));
    return most > REPEAT_MAX ? this.#refuse(`repeats more than ${REPEAT_MAX} times`) : this.#take(counts[0].length);
  }

  #match(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.#at;
    return expression.exec(this.#text) ?? undefined;
  }

  #take(length: number): string {
    return this.#replace(length, this.#text.slice(this.#at, this.#at + length));
  }

  #replace(length: number, by: string): string {
    this.#at += length;
    return by;
  }

  #refuse(problem: string): string {
    this.problem ??= problem;
    return "";
  }
}
