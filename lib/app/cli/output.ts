/**
 * Where a command writes, and how it looks there: colour and width only on a terminal, plain text everywhere else.
 *
 * `NO_COLOR` (https://no-color.org) and `TERM=dumb` turn colours off. Text that came from a user's file is shown
 * without control characters, so that a hostile name cannot move the cursor.
 */
import type { Json } from "../../base/json.ts";
import { lineWriter } from "../../edge/run/log_output.ts";

export interface Output {
  write(text: string): void;
  readonly color: boolean;
  /** Characters in a line of the terminal; `undefined` when it is none. */
  readonly columns: number | undefined;
}

const CODES = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33", cyan: "36" } as const;

export type Style = keyof typeof CODES;

/** `text` in a style, where the output shows styles. */
export function styled(output: Pick<Output, "color">, text: string, ...styles: readonly Style[]): string {
  if (!output.color || styles.length === 0) return text;
  return `\x1b[${styles.map((style) => CODES[style]).join(";")}m${text}\x1b[0m`;
}

/** For programs: two blanks of indentation, one line feed at the end. */
export function writeJson(output: Output, value: Json): void {
  output.write(`${JSON.stringify(value, null, 2)}\n`);
}

// deno-lint-ignore no-control-regex -- it is about control characters
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** One line of text from a file that nobody has checked. */
export function printable(text: string): string {
  return text.replace(CONTROL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Rows as aligned columns, two blanks between them; the last column is not padded. Cells carry no styles. */
export function columnsOf(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row.map((cell, index) => index === row.length - 1 ? cell : cell.padEnd(widths[index]!)).join("  ").trimEnd()
  );
}

/** Breaks text at blanks, as if `indent` stood before every line; the first goes without. No width, no breaks. */
export function wrapped(text: string, options: { columns: number | undefined; indent: string }): string {
  const { columns, indent } = options;
  if (columns === undefined || columns < indent.length + 20) return text;
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const room = columns - indent.length;
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${indent}`);
}

interface TerminalFile {
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

/** Standard output or standard error of this process. */
export function processOutput(file: TerminalFile, env: (name: string) => string | undefined): Output {
  const terminal = file.isTerminal();
  const write = lineWriter(file);
  return {
    write,
    color: terminal && env("NO_COLOR") === undefined && env("TERM") !== "dumb",
    columns: terminal ? columnsOfTerminal() : undefined,
  };
}

function columnsOfTerminal(): number | undefined {
  try {
    const { columns } = Deno.consoleSize();
    return columns > 0 ? columns : undefined;
  } catch {
    return undefined;
  }
}
