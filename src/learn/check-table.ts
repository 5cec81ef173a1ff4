import { KarkhanaError } from "../kernel/error.ts";
import type { TrainingTable } from "./dataset.ts";

/**
 * Refuses a table a trainer cannot learn from.
 * @param name argument's name in the message, such as "train"
 * @throws SHAPE_MISMATCH for lengths, INVALID_ARGUMENT for labels and category codes
 */
export function checkTable(table: TrainingTable, name: string): void {
  const { numRows, features, columns, labels } = table;
  if (columns.length !== features.length) throw shapeMismatch(`${name}.columns`, features.length, columns.length);
  if (labels.length !== numRows) throw shapeMismatch(`${name}.labels`, numRows, labels.length);
  columns.forEach((column, f) => {
    const feature = features[f]!;
    if (column.length !== numRows) throw shapeMismatch(`${name}.columns.${feature.name}`, numRows, column.length);
    if (feature.type === "categorical") checkCodes(column, `${name}.columns.${feature.name}`);
  });
  if (numRows === 0) throw new KarkhanaError("INVALID_ARGUMENT", { field: name, problem: "has no rows", value: 0 });
  if (features.length === 0) throw new KarkhanaError("INVALID_ARGUMENT", { field: `${name}.features`, problem: "has no features", value: 0 });
  for (const label of labels) if (label > 1) throw new KarkhanaError("INVALID_ARGUMENT", { field: `${name}.labels`, problem: "expected 0 or 1", value: label });
}

/** @throws INVALID_ARGUMENT unless both classes occur */
export function checkBothClasses(labels: Uint8Array, name: string): void {
  if (labels.includes(0) && labels.includes(1)) return;
  throw new KarkhanaError("INVALID_ARGUMENT", { field: name, problem: "needs rows of both classes", value: `only ${labels[0] ?? "no rows"}` });
}

/** Largest category code a bitset may be asked to hold. */
const maxCode = 65_535;

function checkCodes(column: Float64Array, field: string): void {
  for (const code of column) {
    if (Number.isNaN(code) || (Number.isInteger(code) && code >= 0 && code <= maxCode)) continue;
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field,
      problem: `a category code is a whole number from 0 to ${maxCode}, or NaN where unknown`,
      value: code,
    });
  }
}

function shapeMismatch(field: string, expected: number, actual: number): KarkhanaError {
  return new KarkhanaError("SHAPE_MISMATCH", { field, expected: `[${expected}]`, actual: `[${actual}]` });
}
