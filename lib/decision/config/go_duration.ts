/**
 * Durations as Go writes them: `90s`, `1m30s`, `1.5h` (`time.ParseDuration`), because that is what `metav1.Duration`
 * fields hold (reference §1.1).
 *
 * A sign, then numbers with a unit each; `0` alone needs none. What does not fit 64 bits of nanoseconds is no duration.
 */

const UNITS: ReadonlyMap<string, bigint> = new Map([
  ["ns", 1n],
  ["us", 1_000n],
  // The micro sign and the Greek letter are both in use.
  ["\u00b5s", 1_000n],
  ["\u03bcs", 1_000n],
  ["ms", 1_000_000n],
  ["s", 1_000_000_000n],
  ["m", 60_000_000_000n],
  ["h", 3_600_000_000_000n],
]);

const NANOSECONDS_MAX = (1n << 63n) - 1n;
/** Longer texts are refused unread; a duration of all units with all digits that count is shorter. */
const TEXT_MAX = 200;
const FRACTION_DIGITS_MAX = 19;
const PART = /([0-9]*)(?:\.([0-9]*))?([^0-9.]+)/y;

/** Nanoseconds, or `undefined` when the whole text is not one duration. */
export function parseGoDuration(text: string): bigint | undefined {
  if (text.length > TEXT_MAX) return undefined;
  const unsigned = text.replace(/^[-+]/, "");
  if (unsigned === "0") return 0n;
  if (unsigned === "") return undefined;
  let total = 0n;
  PART.lastIndex = 0;
  while (PART.lastIndex < unsigned.length) {
    const part = PART.exec(unsigned);
    if (part === null) return undefined;
    const whole = part[1]!;
    const fraction = part[2] ?? "";
    const unit = UNITS.get(part[3]!);
    if (unit === undefined || whole + fraction === "") return undefined;
    total += BigInt(whole === "" ? 0 : whole) * unit;
    total += fractionOf(unit, fraction);
    if (total > NANOSECONDS_MAX) return undefined;
  }
  return text.startsWith("-") ? -total : total;
}

/** Rounded up to whole milliseconds; `undefined` for what is no duration, or one that runs backwards. */
export function parseGoDurationMs(text: string): number | undefined {
  const nanoseconds = parseGoDuration(text);
  if (nanoseconds === undefined || nanoseconds < 0n) return undefined;
  return Number((nanoseconds + 999_999n) / 1_000_000n);
}

/** In floating point and with the digits that fit 63 bits, because that is how Go rounds. */
function fractionOf(unit: bigint, fraction: string): bigint {
  let digits = fraction.slice(0, FRACTION_DIGITS_MAX);
  if (BigInt(digits === "" ? 0 : digits) > 1n << 63n) digits = digits.slice(0, -1);
  if (digits === "") return 0n;
  return BigInt(Math.trunc(Number(BigInt(digits)) * (Number(unit) / 10 ** digits.length)));
}
