import type { FeatureInfo } from "../learn/dataset.ts";
import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { slotPsi } from "./slot-psi.ts";
import { numericEdges, topCategories, vectorBinner, type SlotProfile, type VectorBinner } from "./slot-bins.ts";

/** A figure of the holdout with its confidence interval. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** How the version did on rows it was not trained on: what live quality is held against. */
export interface HoldoutQuality {
  readonly rows: number;
  readonly auc: Interval;
  readonly logLoss: Interval;
  readonly brier: Interval;
}

/** What a model version saw when it was made, in bounded size: kept beside the version as `profile.json` and never changed. */
export interface ReferenceProfile {
  readonly formatVersion: 1;
  readonly numRows: number;
  readonly slots: readonly SlotProfile[];
  /** Bins of the calibrated score. */
  readonly score: SlotProfile;
  readonly labelRate: number | null;
  readonly holdout: HoldoutQuality;
  /** Length and number of the reference windows behind `windowPsi`; absent if the rows' times were not given. */
  readonly windows?: { readonly lengthUs: Micros; readonly count: number };
}

export interface ReferenceRows {
  readonly slots: readonly FeatureInfo[];
  /** columns[s] has shape [numRows], null is NaN. */
  readonly columns: readonly Float64Array[];
  /** shape [numRows], the version's calibrated scores of these rows */
  readonly scores: Float64Array;
  /** shape [numRows], 0 or 1 */
  readonly labels?: Uint8Array;
  readonly holdout: HoldoutQuality;
  /**
   * Event time of each row, shape [numRows], with the monitor's window length. With it, the profile learns how far single windows of the
   * reference stray from the rest, and drift is alarmed only beyond that. Without, windowed features of one day alarm every day: their rows
   * are not independent, and the sampling floor assumes that they are.
   */
  readonly times?: { readonly us: Float64Array; readonly windowUs: Micros };
}

/** A reference window with fewer rows says nothing. */
const minWindowRows = 100;

/** @throws KarkhanaError SHAPE_MISMATCH, INVALID_ARGUMENT for no rows */
export function buildReferenceProfile(rows: ReferenceRows): ReferenceProfile {
  const numRows = rows.scores.length;
  checkRows(rows, numRows);
  const infos: readonly FeatureInfo[] = [...rows.slots, { name: "score", type: "numeric" }];
  const columns = [...rows.columns, rows.scores];
  const bins = infos.map((info, s) => freezeBins(info, columns[s]!));
  const binner = vectorBinner(bins);
  const whole = countRows(binner, columns, 0, numRows);
  const spread = rows.times === undefined ? undefined : windowSpread(binner, columns, whole, rows.times);
  const profiles = bins.map((bin, s): SlotProfile => {
    const counts = [...whole.subarray(binner.offsets[s], binner.offsets[s + 1])];
    return spread === undefined || spread.count === 0
      ? { ...bin, counts }
      : { ...bin, counts, windowPsi: spread.psi[s]!, windowNullShare: spread.nullShare[s]! };
  });
  const windows =
    rows.times !== undefined && spread !== undefined && spread.count > 0 ? { windows: { lengthUs: rows.times.windowUs, count: spread.count } } : {};
  return {
    formatVersion: 1,
    numRows,
    slots: profiles.slice(0, -1),
    score: profiles.at(-1)!,
    labelRate: labelRate(rows.labels),
    holdout: rows.holdout,
    ...windows,
  };
}

type FrozenBins = Pick<SlotProfile, "name" | "type" | "edges" | "categories">;

function freezeBins(info: FeatureInfo, column: Float64Array): FrozenBins {
  if (info.type === "categorical") return { name: info.name, type: info.type, edges: [], categories: topCategories(column) };
  return { name: info.name, type: info.type, edges: numericEdges(column.filter((value) => !Number.isNaN(value)).sort()), categories: [] };
}

function countRows(binner: VectorBinner, columns: readonly Float64Array[], from: number, to: number, order?: Uint32Array): Uint32Array {
  const counts = new Uint32Array(binner.offsets[binner.numSlots]!);
  for (let s = 0; s < columns.length; s++) {
    const column = columns[s]!;
    for (let i = from; i < to; i++) {
      const cell = binner.cellOf(s, column[order === undefined ? i : order[i]!]!);
      counts[cell] = counts[cell]! + 1;
    }
  }
  return counts;
}

/** Each window of the reference against all its other rows. */
function windowSpread(
  binner: VectorBinner,
  columns: readonly Float64Array[],
  whole: Uint32Array,
  times: NonNullable<ReferenceRows["times"]>,
): { psi: Float64Array; nullShare: Float64Array; count: number } {
  const { us, windowUs } = times;
  const order = Uint32Array.from(us, (_, i) => i).sort((a, b) => us[a]! - us[b]! || a - b);
  const psi = new Float64Array(binner.numSlots);
  const nullShare = new Float64Array(binner.numSlots);
  let count = 0;
  for (let from = 0; from < order.length;) {
    const index = Math.floor(us[order[from]!]! / windowUs);
    let to = from;
    while (to < order.length && Math.floor(us[order[to]!]! / windowUs) === index) to++;
    if (to - from >= minWindowRows && order.length - (to - from) >= minWindowRows) {
      const inside = countRows(binner, columns, from, to, order);
      const outside = whole.map((n, cell) => n - inside[cell]!);
      for (let s = 0; s < binner.numSlots; s++) {
        const begin = binner.offsets[s]!;
        const end = binner.offsets[s + 1]!;
        psi[s] = Math.max(psi[s]!, slotPsi(outside.subarray(begin, end), inside.subarray(begin, end)));
        nullShare[s] = Math.max(nullShare[s]!, inside[end - 1]! / (to - from));
      }
      count++;
    }
    from = to;
  }
  return { psi, nullShare, count };
}

function labelRate(labels: Uint8Array | undefined): number | null {
  if (labels === undefined) return null;
  let positives = 0;
  for (const label of labels) positives += label;
  return positives / labels.length;
}

function checkRows(rows: ReferenceRows, numRows: number): void {
  if (numRows === 0) throw new KarkhanaError("INVALID_ARGUMENT", { field: "scores", problem: "a reference needs at least one row", value: [] });
  if (rows.columns.length !== rows.slots.length)
    throw new KarkhanaError("SHAPE_MISMATCH", { field: "columns", expected: [rows.slots.length], actual: [rows.columns.length] });
  for (const [s, column] of rows.columns.entries()) {
    if (column.length !== numRows)
      throw new KarkhanaError("SHAPE_MISMATCH", { field: `columns.${rows.slots[s]!.name}`, expected: [numRows], actual: [column.length] });
  }
  if (rows.labels !== undefined && rows.labels.length !== numRows)
    throw new KarkhanaError("SHAPE_MISMATCH", { field: "labels", expected: [numRows], actual: [rows.labels.length] });
  if (rows.times !== undefined && rows.times.us.length !== numRows)
    throw new KarkhanaError("SHAPE_MISMATCH", { field: "times", expected: [numRows], actual: [rows.times.us.length] });
  if (rows.times !== undefined && !(rows.times.windowUs > 0))
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "times.windowUs", problem: "expected a length above 0", value: rows.times.windowUs });
}
