import type { FeatureInfo } from "../learn/dataset.ts";
import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { slotPsi } from "./slot-psi.ts";
import { numericEdges, topCategories, vectorBinner, type SlotProfile } from "./slot-bins.ts";

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
  /**
   * shape [numRows], the version's calibrated scores of these rows. NaN leaves a row out of the score's reference: pass it for rows the
   * version was trained on, whose scores are surer than any live one will be.
   */
  readonly scores: Float64Array;
  /** shape [numRows], 0 or 1 */
  readonly labels?: Uint8Array;
  readonly holdout: HoldoutQuality;
  /**
   * Event time of each row, shape [numRows], with the monitor's window length. With it, the profile learns how far single windows of the
   * reference stray from the rest, and drift is alarmed only beyond that. Without, windowed features of one day alarm every day: their rows
   * are not independent, and the sampling floor assumes that they are. Measured on the flights among 12 airports, reference 9 January to March:
   * of the 91 days of April to June, 91 had a slot beyond 0.25 (21 of 48 slots on average) without it, 15 with it (0.3 slots).
   */
  readonly times?: { readonly us: Float64Array; readonly windowUs: Micros };
}

/** A reference window with fewer rows says nothing. */
const minWindowRows = 100;

/** @throws KarkhanaError SHAPE_MISMATCH, INVALID_ARGUMENT for no rows */
export function buildReferenceProfile(rows: ReferenceRows): ReferenceProfile {
  const numRows = rows.scores.length;
  checkRows(rows, numRows);
  const windows = rows.times === undefined ? undefined : splitWindows(rows.times);
  const slots = rows.slots.map((info, s) => profileSlot(info, rows.columns[s]!, windows));
  const score = profileScore(rows);
  const known =
    rows.times === undefined || windows === undefined || windows.numJudged === 0
      ? {}
      : { windows: { lengthUs: rows.times.windowUs, count: windows.numJudged } };
  return { formatVersion: 1, numRows, slots, score, labelRate: labelRate(rows.labels), holdout: rows.holdout, ...known };
}

function profileScore({ scores, times }: ReferenceRows): SlotProfile {
  const scored = scores.filter((score) => !Number.isNaN(score));
  const scoredTimes = times === undefined ? undefined : { ...times, us: times.us.filter((_, i) => !Number.isNaN(scores[i]!)) };
  return profileSlot({ name: "score", type: "numeric" }, scored, scoredTimes === undefined ? undefined : splitWindows(scoredTimes));
}

interface ReferenceWindows {
  /** Window of each row, shape [numRows] */
  readonly ofRow: Uint32Array;
  /** Rows of each window, shape [numWindows] */
  readonly rows: Uint32Array;
  /** Windows with enough rows in them, and enough outside to be held against. */
  readonly numJudged: number;
}

function splitWindows({ us, windowUs }: NonNullable<ReferenceRows["times"]>): ReferenceWindows {
  const ids = new Map<number, number>();
  const sizes: number[] = [];
  const ofRow = Uint32Array.from(us, (atUs) => {
    const index = Math.floor(atUs / windowUs);
    let id = ids.get(index);
    if (id === undefined) {
      id = ids.size;
      ids.set(index, id);
      sizes.push(0);
    }
    sizes[id]! += 1;
    return id;
  });
  const rows = Uint32Array.from(sizes);
  return { ofRow, rows, numJudged: rows.filter((n) => isJudged(n, us.length)).length };
}

function isJudged(rows: number, numRows: number): boolean {
  return rows >= minWindowRows && numRows - rows >= minWindowRows;
}

function profileSlot(info: FeatureInfo, column: Float64Array, windows: ReferenceWindows | undefined): SlotProfile {
  const bins = freezeBins(info, column);
  const binner = vectorBinner([bins]);
  const numCells = binner.offsets[1]!;
  // shape [numWindows, numCells]; one window if the rows' times are unknown
  const cells = new Uint32Array((windows?.rows.length ?? 1) * numCells);
  for (let i = 0; i < column.length; i++) {
    const at = (windows === undefined ? 0 : windows.ofRow[i]! * numCells) + binner.cellOf(0, column[i]!);
    cells[at] = cells[at]! + 1;
  }
  const whole = new Uint32Array(numCells);
  for (let at = 0; at < cells.length; at++) whole[at % numCells]! += cells[at]!;
  const profile = { ...bins, counts: [...whole] };
  return windows === undefined || windows.numJudged === 0 ? profile : { ...profile, ...windowSpread(cells, whole, windows, column.length) };
}

/** Quantiles of so many rows, evenly picked, are as good as those of all: a decile is off by some 0.2% of the rows. */
const maxSortedRows = 50_000;

function freezeBins(info: FeatureInfo, column: Float64Array): Pick<SlotProfile, "name" | "type" | "edges" | "categories"> {
  if (info.type === "categorical") return { name: info.name, type: info.type, edges: [], categories: topCategories(column) };
  const stride = Math.ceil(column.length / maxSortedRows);
  const picked = stride === 1 ? column : Float64Array.from({ length: Math.ceil(column.length / stride) }, (_, i) => column[i * stride]!);
  return { name: info.name, type: info.type, edges: numericEdges(picked.filter((value) => !Number.isNaN(value)).sort()), categories: [] };
}

/** Each window of the reference against all its other rows: the largest PSI and share of nulls. */
function windowSpread(cells: Uint32Array, whole: Uint32Array, windows: ReferenceWindows, numRows: number): { windowPsi: number; windowNullShare: number } {
  const numCells = whole.length;
  let windowPsi = 0;
  let windowNullShare = 0;
  for (const [w, rows] of windows.rows.entries()) {
    if (!isJudged(rows, numRows)) continue;
    const inside = cells.subarray(w * numCells, (w + 1) * numCells);
    const outside = whole.map((n, cell) => n - inside[cell]!);
    windowPsi = Math.max(windowPsi, slotPsi(outside, inside));
    windowNullShare = Math.max(windowNullShare, inside[numCells - 1]! / rows);
  }
  return { windowPsi, windowNullShare };
}

function labelRate(labels: Uint8Array | undefined): number | null {
  if (labels === undefined) return null;
  let positives = 0;
  for (const label of labels) positives += label;
  return positives / labels.length;
}

function checkRows(rows: ReferenceRows, numRows: number): void {
  if (rows.scores.every((score) => Number.isNaN(score)))
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "scores", problem: "a reference needs at least one row with a score", value: [] });
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
