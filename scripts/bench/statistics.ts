/** The few figures the report needs from lists of samples. */

/** The value below which `share` (0 to 1) of the samples lie (nearest rank). Throws on an empty list. */
export function percentile(samples: readonly number[] | Float64Array, share: number): number {
  const sorted = Float64Array.from(samples).sort();
  const value = sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
  if (value === undefined) {
    throw new Error('no samples');
  }
  return value;
}

/** The middle value; the mean of the two middle ones when their number is even. Throws on an empty list. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) {
    throw new Error('no samples');
  }
  return (upper + lower) / 2;
}
