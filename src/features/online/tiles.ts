/**
 * Old rows of a view whose windows all hop, added up. Where every window begins at a multiple of the tile's width, no question cuts a tile; and
 * a row that may come no later than the source's lateness after its event is known to every question that lies far enough behind the newest
 * event. From then on its key keeps a tile's totals in place of the rows: what a key takes is bounded by its windows and their hops, and by the
 * rows of the slack and the lateness.
 */
import type { Measure } from "../measure.ts";
import type { ViewPlan } from "../view-plan.ts";
import { describeBlock, END, EVENT, FIRST, isBelow, LAST, MAX_KNOWN, MIN_KNOWN, rowStride, ROWS, TOTALS, type Rows } from "./blocks.ts";

/** In place of a block's id. */
export const tileId = 0;

/** Tiles of the rows of a block, in order. @param end of the block */
export function tilesOf(rows: Rows, end: number, { measures, tileUs }: ViewPlan): Float64Array[] {
  const stride = rowStride(measures.length);
  const tiles: Float64Array[] = [];
  for (let from = 0; from < rows.length;) {
    const tile = Math.floor(rows[from + EVENT]! / tileUs!);
    let to = from + stride;
    while (to < rows.length && Math.floor(rows[to + EVENT]! / tileUs!) === tile) to += stride;
    tiles.push(describeBlock(tileId, to < rows.length ? rows[to + EVENT]! : end, rows.subarray(from, to), measures));
    from = to;
  }
  return tiles;
}

export function isSameTile(a: Float64Array, b: Float64Array, tileUs: number): boolean {
  return Math.floor(a[FIRST]! / tileUs) === Math.floor(b[FIRST]! / tileUs);
}

/** Two parts of one tile as one. @param later its events are not before those of `earlier` */
export function mergedTile(earlier: Float64Array, later: Float64Array, measures: readonly Pick<Measure, "kind">[]): Float64Array {
  const tile = earlier.slice();
  tile[END] = later[END]!;
  tile[LAST] = later[LAST]!;
  tile[MIN_KNOWN] = Math.min(earlier[MIN_KNOWN]!, later[MIN_KNOWN]!);
  tile[MAX_KNOWN] = Math.max(earlier[MAX_KNOWN]!, later[MAX_KNOWN]!);
  tile[ROWS] = earlier[ROWS]! + later[ROWS]!;
  for (const [j, { kind }] of measures.entries()) {
    const at = TOTALS + 3 * j;
    const [had, has] = [earlier[at + 1]!, later[at + 1]!];
    tile[at + 1] = had + has;
    if (kind === "sum") {
      tile[at] = earlier[at]! + later[at]!;
      tile[at + 2] = earlier[at + 2]! + later[at + 2]!;
    } else if (has > 0) {
      if (had === 0 || isBelow(later[at]!, earlier[at]!)) tile[at] = later[at]!;
      if (had === 0 || isBelow(earlier[at + 2]!, later[at + 2]!)) tile[at + 2] = later[at + 2]!;
    }
  }
  return tile;
}
