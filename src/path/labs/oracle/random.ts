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
