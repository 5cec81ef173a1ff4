import { readFileSync } from "node:fs";
import type { TrainingTable } from "../../src/learn/dataset.ts";

/** A fixture beside this file, as the script that made it wrote it. */
export function readFixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
}

function float64(values: readonly (number | null)[]): Float64Array {
  return Float64Array.from(values, (value) => value ?? Number.NaN);
}

/** Rows [begin, end) of columns as a table; features are f0, f1, ... */
export function tableOf(
  columns: readonly (readonly (number | null)[])[],
  labels: readonly number[],
  categorical: readonly number[] = [],
  begin = 0,
  end: number = labels.length,
): TrainingTable {
  return {
    numRows: end - begin,
    features: columns.map((_, f) => ({ name: `f${f}`, type: categorical.includes(f) ? "categorical" : "numeric" })),
    columns: columns.map((column) => float64(column.slice(begin, end))),
    labels: Uint8Array.from(labels.slice(begin, end)),
  };
}

/** Row i of a table as a vector. */
export function rowOf(table: TrainingTable, i: number): Float64Array {
  return Float64Array.from(table.columns, (column) => column[i]!);
}
