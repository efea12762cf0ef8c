/** What a bench found, and how it is printed: a plain table, or JSON. */

export type Unit = "us" | "ms" | "MB" | "";

export interface Measurement {
  readonly what: string;
  readonly unit: Unit;
  readonly value: number;
  /** The same thing without Herald, measured in the same run. */
  readonly control?: { readonly what: string; readonly value: number };
  /** In words, and whether it held. Without one the line only informs. */
  readonly bound?: { readonly text: string; readonly holds: boolean };
}

export interface Section {
  readonly name: string;
  readonly durationMs: number;
  readonly measurements: readonly Measurement[];
  /** Why there are no measurements. */
  readonly error?: string;
}

/** `value` must not be above `max`; NaN, which means that nothing was measured, is not. */
export function atMost(value: number, max: number, text: string): { text: string; holds: boolean } {
  return { text, holds: value <= max };
}

/** Times the control; undefined where one of both says nothing. */
export function ratioOf({ value, control }: Measurement): number | undefined {
  return control === undefined || !(control.value > 0) || Number.isNaN(value) ? undefined : value / control.value;
}

export function passed(sections: readonly Section[]): boolean {
  return sections.every(({ error, measurements }) =>
    error === undefined && measurements.every(({ bound }) => bound?.holds ?? true)
  );
}

export function asJson(sections: readonly Section[]): string {
  const withRatios = sections.map((section) => ({
    ...section,
    measurements: section.measurements.map((measurement) => ({ ...measurement, ratio: ratioOf(measurement) ?? null })),
  }));
  return `${JSON.stringify({ passed: passed(sections), sections: withRatios }, null, 2)}\n`;
}

export function asTable(sections: readonly Section[]): string {
  const head = ["", "value", "control", "ratio", "", "bound"];
  const rows = sections.flatMap(({ measurements }) => measurements.map(cells));
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `  ${row.map((cell, column) => align(cell, { width: widths[column]!, column })).join("  ")}`.trimEnd();
  const lines = [line(head)];
  for (const { name, durationMs, measurements, error } of sections) {
    lines.push("", `${name} (${(durationMs / 1000).toFixed(0)} s)`);
    for (const measurement of measurements) lines.push(line(cells(measurement)));
    if (error !== undefined) lines.push(`  FAIL  ${error}`);
  }
  return `${lines.join("\n")}\n`;
}

function cells(measurement: Measurement): string[] {
  const { what, unit, value, control, bound } = measurement;
  const ratio = ratioOf(measurement);
  return [
    what,
    amount(value, unit),
    control === undefined ? "" : `${amount(control.value, unit)} ${control.what}`,
    ratio === undefined ? "" : `${ratio < 10 ? ratio.toFixed(1) : ratio.toFixed(0)}x`,
    bound === undefined ? "" : bound.holds ? "PASS" : "FAIL",
    bound?.text ?? "",
  ];
}

function amount(value: number, unit: Unit): string {
  if (Number.isNaN(value)) return "none";
  const digits = unit === "" || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)}${unit === "" ? "" : ` ${unit}`}`;
}

const RIGHT_ALIGNED = new Set([1, 3]);

function align(cell: string, { width, column }: { width: number; column: number }): string {
  return RIGHT_ALIGNED.has(column) ? cell.padStart(width) : cell.padEnd(width);
}
