/**
 * Exponential moving average, corrected for its start as TensorBoard's is.
 * @param weight of what came before: 0 leaves the values as they are, below 1
 */
export function smoothed(values: readonly (number | null)[], weight: number): (number | null)[] {
  if (weight === 0) return [...values];
  let last = 0;
  let seen = 0;
  return values.map((v) => {
    if (v === null) return null;
    last = last * weight + (1 - weight) * v;
    seen++;
    return last / (1 - weight ** seen);
  });
}
