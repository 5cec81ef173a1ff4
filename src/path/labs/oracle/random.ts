import type { Rng } from "../../../kernel/rng.ts";

/** Standard normal, Box and Muller. */
export function gaussian(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}

export function gaussians(rng: Rng, count: number): number[] {
  return Array.from({ length: count }, () => gaussian(rng));
}

export function gaussianMatrix(rng: Rng, rows: number, columns: number): number[][] {
  return Array.from({ length: rows }, () => gaussians(rng, columns));
}

export function between(rng: Rng, low: number, high: number): number {
  return low + (high - low) * rng.next();
}

/** Whole number in [low, high]. */
export function integer(rng: Rng, low: number, high: number): number {
  return low + rng.int(high - low + 1);
}

export function pick<T>(rng: Rng, items: readonly [T, ...T[]] | readonly T[]): T {
  return items[rng.int(items.length)] as T;
}

export function shuffled<T>(rng: Rng, items: readonly T[]): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = rng.int(i + 1);
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}
