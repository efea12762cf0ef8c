/**
 * What a plain (unquoted) word of YAML means to `kubectl`: YAML 1.1 as its reader (go-yaml v2 in sigs.k8s.io/yaml)
 * understands it, observed with `kubectl annotate --local -o json`.
 *
 * Not YAML 1.1 to the letter: there are no base-60 numbers (a community `1234:30` stays a text) and no dates.
 */

const TRUE = new Set(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"]);
const FALSE = new Set(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"]);
const NULL = new Set(["", "~", "null", "Null", "NULL"]);

const DECIMAL = /^[-+]?(0|[1-9][0-9]*)$/;
const OCTAL = /^([-+]?)0[oO]?([0-7]+)$/;
const HEXADECIMAL = /^([-+]?)0[xX]([0-9a-fA-F]+)$/;
const BINARY = /^([-+]?)0[bB]([01]+)$/;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;

export function plainValue(text: string): string | number | boolean | null {
  if (NULL.has(text)) return null;
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  // Underscores may stand between digits, as in 1_000.
  const digits = /^[-+.0-9]/.test(text) ? text.replaceAll("_", "") : "";
  if (digits === "") return text;
  if (DECIMAL.test(digits)) return wholeNumber(digits, { sign: "", base: 10 });
  for (const [pattern, base] of [[OCTAL, 8], [HEXADECIMAL, 16], [BINARY, 2]] as const) {
    const match = pattern.exec(digits);
    if (match !== null) return wholeNumber(match[2]!, { sign: match[1]!, base });
  }
  if (!FLOAT.test(digits)) return text;
  const value = Number(digits);
  // A number beyond a double has no JSON; as a text it is refused where a number is wanted.
  return Number.isFinite(value) ? value + 0 : text;
}

function wholeNumber(digits: string, { sign, base }: { sign: string; base: number }): number {
  const value = base === 10 ? Number(digits) : parseInt(digits, base);
  // Adding 0 makes -0 a plain 0, as it is in JSON.
  return (sign === "-" ? -value : value) + 0;
}
