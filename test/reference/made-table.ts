import { seededRng } from "../../src/kernel/rng.ts";
import { sigmoid } from "../../src/math/sigmoid.ts";
import type { TrainingTable } from "../../src/learn/dataset.ts";

/**
 * Rows whose label depends on all four features: a smooth one, one with missing values that matter, one of few values, and
 * a category of twelve. Numbers are rounded, so that values repeat.
 */
export function madeTable(numRows: number, seed: number | string): TrainingTable {
  const rng = seededRng(seed, "made-table");
  const smooth = new Float64Array(numRows);
  const gappy = new Float64Array(numRows);
  const few = new Float64Array(numRows);
  const kind = new Float64Array(numRows);
  const labels = new Uint8Array(numRows);
  for (let i = 0; i < numRows; i++) {
    smooth[i] = Math.round(rng.next() * 1000) / 100;
    gappy[i] = rng.next() < 0.2 ? Number.NaN : Math.round(rng.next() * 200 - 100);
    few[i] = rng.int(5);
    kind[i] = rng.int(12);
    const score = Math.sin(smooth[i]!) + (Number.isNaN(gappy[i]) ? 1 : gappy[i]! / 50) + (few[i]! - 2) / 3 + (kind[i]! % 3 === 0 ? 1 : -0.5);
    labels[i] = rng.next() < sigmoid(score) ? 1 : 0;
  }
  const features = [
    { name: "smooth", type: "numeric" },
    { name: "gappy", type: "numeric" },
    { name: "few", type: "numeric" },
    { name: "kind", type: "categorical" },
  ] as const;
  return { numRows, features, columns: [smooth, gappy, few, kind], labels };
}

/** The rows in the order given. */
export function takeRows(table: TrainingTable, rows: readonly number[]): TrainingTable {
  return {
    numRows: rows.length,
    features: table.features,
    columns: table.columns.map((column) => Float64Array.from(rows, (i) => column[i]!)),
    labels: Uint8Array.from(rows, (i) => table.labels[i]!),
  };
}

/** A table of one numeric feature. */
export function oneColumn(values: readonly number[], labels: readonly number[], type: "numeric" | "categorical" = "numeric"): TrainingTable {
  return { numRows: values.length, features: [{ name: "x", type }], columns: [Float64Array.from(values)], labels: Uint8Array.from(labels) };
}
