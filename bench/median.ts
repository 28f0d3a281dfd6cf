/** Returns the middle of `values`, or the mean of the two in the middle. @throws {Error} if there are none */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)];
  const high = sorted[Math.ceil((sorted.length - 1) / 2)];
  if (low === undefined || high === undefined) {
    throw new Error('There is no median of nothing');
  }
  return (low + high) / 2;
}

/**
 * Returns the median of the ratios of `ours` to `theirs`, round by round. Both sides of a round ran next to each
 * other, so a machine that is slow for a while slows both and leaves their ratio alone.
 */
export function medianRatio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
}
