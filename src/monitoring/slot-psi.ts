import { psi } from "../math/psi.ts";
import { smoothProportions } from "../math/proportions.ts";

/**
 * PSI of one slot from its cell counts, as every part of monitoring computes it: the reference smoothed evenly, the window towards the reference.
 * @param reference shape [numCells], counts @param current shape [numCells], counts
 */
export function slotPsi(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const expected = smoothProportions(reference);
  return psi(expected, smoothProportions(current, expected));
}
