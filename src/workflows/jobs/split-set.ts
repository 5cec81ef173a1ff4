import type { TrainingSet } from "../../features/offline/training-set.ts";
import type { VectorSlot } from "../../features/definition.ts";
import type { TrainingTable } from "../../learn/dataset.ts";
import { encodeColumn } from "../../learn/dictionary.ts";

/** Codes of categorical slots, by slot name. */
export type Dictionaries = Readonly<Record<string, readonly string[]>>;

/** Rows of a training set by the part of time they fall in; shape [rows of the part]. */
export interface Parts {
  readonly train: Uint32Array;
  readonly valid: Uint32Array;
  readonly holdout: Uint32Array;
  readonly all: Uint32Array;
}

/** Event time decides the part; a row whose outcome was not known in time takes no part. */
export function splitByTime(set: TrainingSet, split: { readonly validUs: number; readonly holdoutUs: number; readonly knownBeforeUs: number }): Parts {
  const { eventUs, knownUs } = set;
  const rowsWhere = (inside: (row: number) => boolean): Uint32Array => {
    const rows: number[] = [];
    for (let row = 0; row < set.numRows; row++) if (knownUs[row]! < split.knownBeforeUs && inside(row)) rows.push(row);
    return Uint32Array.from(rows);
  };
  return {
    train: rowsWhere((row) => eventUs[row]! < split.validUs),
    valid: rowsWhere((row) => eventUs[row]! >= split.validUs && eventUs[row]! < split.holdoutUs),
    holdout: rowsWhere((row) => eventUs[row]! >= split.holdoutUs),
    all: rowsWhere(() => true),
  };
}

/** The rows of a part as a table; text becomes codes of `dictionaries`, unknown text NaN. */
export function tableOf(set: TrainingSet, slots: readonly VectorSlot[], rows: Uint32Array, dictionaries: Dictionaries): TrainingTable {
  const columns = set.columns.map((column, slot) => {
    const whole = column instanceof Float64Array ? column : encodeColumn(column, dictionaries[slots[slot]!.name] ?? []);
    return Float64Array.from(rows, (row) => whole[row]!);
  });
  return { numRows: rows.length, features: slots, columns, labels: Uint8Array.from(rows, (row) => set.labels[row]!) };
}

/** Text of a categorical slot for the rows of a part. */
export function textOf(set: TrainingSet, slot: number, rows: Uint32Array): (string | null)[] {
  const column = set.columns[slot];
  return column === undefined || column instanceof Float64Array ? [] : Array.from(rows, (row) => column[row] ?? null);
}
