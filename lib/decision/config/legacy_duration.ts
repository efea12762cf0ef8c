/**
 * Durations as Go writes them (`time.Duration.String`): `90s` is `1m30s`. What reads one is in go_duration.ts.
 */
const SECOND = 1_000_000_000n;

export function formatGoDuration(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return "0s";
  const sign = nanoseconds < 0n ? "-" : "";
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  if (size < SECOND) {
    for (const [unit, scale] of [["ms", 1_000_000n], ["µs", 1_000n]] as const) {
      if (size >= scale) return `${sign}${decimal(size, scale)}${unit}`;
    }
    return `${sign}${size}ns`;
  }
  const minutes = size / (60n * SECOND);
  const seconds = `${decimal(size % (60n * SECOND), SECOND)}s`;
  if (minutes === 0n) return sign + seconds;
  const hours = minutes / 60n;
  return hours === 0n ? `${sign}${minutes}m${seconds}` : `${sign}${hours}h${minutes % 60n}m${seconds}`;
}

/** `size / scale` without trailing zeros. */
function decimal(size: bigint, scale: bigint): string {
  const rest = (size % scale).toString().padStart(scale.toString().length - 1, "0").replace(/0+$/, "");
  return rest === "" ? `${size / scale}` : `${size / scale}.${rest}`;
}
