/** The few statistics that the benches print. Nearest rank, so that every printed number is one that was measured. */

/** The smallest sample that at least `percent` of all samples do not exceed; NaN of no samples. */
export function percentile(samples: ArrayLike<number>, percent: number): number {
  const sorted = Float64Array.from(samples).sort();
  if (sorted.length === 0) return NaN;
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.min(Math.max(rank, 1), sorted.length) - 1]!;
}

export function median(samples: ArrayLike<number>): number {
  return percentile(samples, 50);
}

/** NaN of no samples. */
export function worst(samples: ArrayLike<number>): number {
  return percentile(samples, 100);
}

export function sum(samples: readonly number[]): number {
  return samples.reduce((total, sample) => total + sample, 0);
}
