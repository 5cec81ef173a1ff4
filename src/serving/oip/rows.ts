/**
 * What a question asks of a model that reads rows of features. It may bring, by the names of its tensors,
 *
 *   the model's slots, one tensor each    values as they are; text of a categorical slot is coded by the version's dictionary
 *   one tensor "input" [rows, slots]      the same as a matrix, categories already as codes
 *   the request's fields, one tensor each the features are read here by entity keys, as `POST /v1/models/{name}/predict` does
 */
import type { Tensor, TensorInfo } from "../formats/model.ts";
import { asFloats, refusedTensor } from "../formats/tensor.ts";
import type { ColumnType } from "../../data/source.ts";
import type { ModelDefinition } from "../../project/definition.ts";
import { isTexts, shortly } from "./tensor-wire.ts";

const matrixInput = "input";

/** Rows with their features, or the fields to read features by. */
export type Rows =
  | { readonly kind: "vectors"; readonly numRows: number; readonly vectors: Float64Array }
  | { readonly kind: "fields"; readonly numRows: number; readonly fields: readonly Record<string, unknown>[] };

export interface RowReader {
  /** One tensor a slot. */
  readonly inputs: readonly TensorInfo[];
  readonly matrix: TensorInfo;
  /** One tensor a request field. */
  readonly fields: readonly TensorInfo[];
  /** @throws TENSOR_REFUSED naming the tensor */
  read(inputs: readonly Tensor[]): Rows;
  /**
   * Rows of a table that a protocol without types brought: every slot, or else every request field, by the names of its columns; other
   * columns are left out. null is missing; text of a number, or of a truth value, is taken as the number.
   * @throws TENSOR_REFUSED naming the column
   */
  readTable(columns: ReadonlyMap<string, readonly unknown[]>, numRows: number): Rows;
}

/** @param categories the version's dictionary */
export function rowReader(model: ModelDefinition, categories: Readonly<Record<string, readonly string[]>>, maxRows: number): RowReader {
  const { slots } = model.service;
  const codes = new Map(Object.entries(categories).map(([slot, values]) => [slot, new Map(values.map((value, code) => [value, code]))]));
  const inputs = slots.map(({ name, type }): TensorInfo => ({ name, datatype: type === "categorical" ? "BYTES" : "FP64", shape: [-1, 1] }));
  const matrix: TensorInfo = { name: matrixInput, datatype: "FP64", shape: [-1, slots.length] };
  const fields = model.request.map((name): TensorInfo => ({ name, datatype: fieldType(model.spine.schema[name]), shape: [-1, 1] }));
  const slotNames = new Set(slots.map(({ name }) => name));
  const fieldNames = new Set(model.request);
  const hasMatrix = !slotNames.has(matrixInput) && !fieldNames.has(matrixInput);
  const sameNames = slotNames.size === fieldNames.size && [...slotNames].every((name) => fieldNames.has(name));

  const asFieldRows = (tensors: readonly Tensor[], numRows: number): Rows => {
    const rows = Array.from({ length: numRows }, (): Record<string, unknown> => ({}));
    for (const tensor of tensors) {
      const { name, data } = tensor;
      const timestamps = model.spine.schema[name] === "timestamp";
      const floats = isTexts(data) ? undefined : asFloats(tensor);
      for (let row = 0; row < numRows; row++) {
        const value = isTexts(data) ? data[row]! : floats![row]!;
        rows[row]![name] = typeof value === "number" && Number.isNaN(value) ? null : timestamps && typeof value === "number" ? Math.round(value) : value;
      }
    }
    return { kind: "fields", numRows, fields: rows };
  };
  const asVectors = (byName: ReadonlyMap<string, Tensor>, numRows: number): Rows => {
    const width = slots.length;
    const vectors = new Float64Array(numRows * width);
    for (const [s, { name, type }] of slots.entries()) {
      const tensor = byName.get(name)!;
      const { data } = tensor;
      if (isTexts(data)) {
        if (type !== "categorical") throw refusedTensor(name, "is text, the model takes numbers");
        const own = codes.get(name);
        for (let row = 0; row < numRows; row++) vectors[row * width + s] = own?.get(data[row]!) ?? Number.NaN;
      } else {
        const floats = asFloats(tensor);
        if (type === "categorical") {
          const own = codes.get(name);
          for (let row = 0; row < numRows; row++) vectors[row * width + s] = own?.get(String(floats[row])) ?? Number.NaN;
        } else for (let row = 0; row < numRows; row++) vectors[row * width + s] = floats[row]!;
      }
    }
    return { kind: "vectors", numRows, vectors };
  };

  const tableVectors = (columns: ReadonlyMap<string, readonly unknown[]>, numRows: number): Rows => {
    const width = slots.length;
    const vectors = new Float64Array(numRows * width);
    for (const [s, { name, type }] of slots.entries()) {
      const values = columns.get(name)!;
      const own = codes.get(name);
      for (let row = 0; row < numRows; row++) {
        const value = values[row] ?? null;
        vectors[row * width + s] =
          value === null ? Number.NaN : type === "categorical" ? (own?.get(textOfCell(name, value)) ?? Number.NaN) : numberOfCell(name, row, value);
      }
    }
    return { kind: "vectors", numRows, vectors };
  };
  const tableFields = (columns: ReadonlyMap<string, readonly unknown[]>, numRows: number): Rows => {
    const rows = Array.from({ length: numRows }, (): Record<string, unknown> => ({}));
    for (const { name, datatype } of fields) {
      const values = columns.get(name)!;
      for (let row = 0; row < numRows; row++) {
        const value = values[row] ?? null;
        const isText = datatype === "BYTES" || model.spine.schema[name] === "timestamp";
        rows[row]![name] =
          value === null
            ? null
            : isText
              ? typeof value === "number" && datatype !== "BYTES"
                ? value
                : textOfCell(name, value)
              : numberOfCell(name, row, value);
      }
    }
    return { kind: "fields", numRows, fields: rows };
  };

  return {
    inputs,
    matrix,
    fields,
    readTable: (columns, numRows) => {
      refuseRows("the table", numRows, maxRows);
      if (!sameNames && slots.every(({ name }) => columns.has(name))) return tableVectors(columns, numRows);
      const missing = fields.find(({ name }) => !columns.has(name));
      if (missing !== undefined) throw refusedTensor(missing.name, "is missing: send a column for every request field, or for every slot of the model");
      return tableFields(columns, numRows);
    },
    read: (tensors) => {
      const [first] = tensors;
      if (first === undefined) throw refusedTensor(inputs[0]?.name ?? matrixInput, "is missing");
      if (hasMatrix && tensors.length === 1 && first.name === matrixInput) return matrixRows(first, slots.length, maxRows);
      const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
      const unknown = tensors.find(({ name }) => !slotNames.has(name) && !fieldNames.has(name));
      if (unknown !== undefined) throw refusedTensor(unknown.name, `is no input of ${model.name}: its metadata lists them`);
      const numRows = rowsOf(tensors, maxRows);
      // Where both names are the same, the fields' contract is worth keeping.
      const missingField = model.request.find((name) => !byName.has(name));
      if (missingField === undefined && (sameNames || byName.size === fieldNames.size)) return asFieldRows(tensors, numRows);
      const missingSlot = slots.find(({ name }) => !byName.has(name));
      const extra = tensors.find(({ name }) => !slotNames.has(name));
      if (missingSlot !== undefined) throw refusedTensor(missingSlot.name, "is missing: send every slot, or the request's fields, or the matrix");
      if (extra !== undefined) throw refusedTensor(extra.name, "is a request field among slots: send every slot, or the request's fields");
      return asVectors(byName, numRows);
    },
  };
}

function textOfCell(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw refusedTensor(name, `holds ${shortly(value)}, expected text`);
}

/** As pandas reads a cell of a CSV: decimal numbers and the words for infinity and truth, no other base. */
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const infinite = /^[+-]?inf(inity)?$/i;
const truths: ReadonlySet<unknown> = new Set(["True", "TRUE", "true"]);
const untruths: ReadonlySet<unknown> = new Set(["False", "FALSE", "false"]);

function numberOfCell(name: string, row: number, value: unknown): number {
  if (typeof value === "number" && !Number.isNaN(value)) return value;
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "string") {
    const text = value.trim();
    if (decimal.test(text)) return Number(text);
    if (infinite.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
    if (truths.has(text) || untruths.has(text)) return Number(truths.has(text));
  }
  throw refusedTensor(name, `row ${row} is ${shortly(value)}, expected a number`);
}

function matrixRows(tensor: Tensor, width: number, maxRows: number): Rows {
  const { shape, name } = tensor;
  const fits = (shape.length === 2 && shape[1] === width) || (shape.length === 1 && shape[0] === width);
  if (!fits) throw refusedTensor(name, `shape is [${shape.join(", ")}], the model takes [-1, ${width}]`);
  const numRows = shape.length === 2 ? shape[0]! : 1;
  refuseRows(name, numRows, maxRows);
  return { kind: "vectors", numRows, vectors: asFloats(tensor) };
}

function rowsOf(tensors: readonly Tensor[], maxRows: number): number {
  const numRows = tensors[0]!.shape[0] ?? 1;
  refuseRows(tensors[0]!.name, numRows, maxRows);
  for (const { name, shape } of tensors) {
    const fits = shape.length === 2 ? shape[0] === numRows && shape[1] === 1 : shape.length === 1 ? shape[0] === numRows : shape.length === 0 && numRows === 1;
    if (!fits) throw refusedTensor(name, `shape is [${shape.join(", ")}], expected [${numRows}, 1] as of the other inputs`);
  }
  return numRows;
}

function refuseRows(name: string, numRows: number, maxRows: number): void {
  if (numRows < 1 || numRows > maxRows) throw refusedTensor(name, `holds ${numRows} rows; 1 to ${maxRows} are answered`);
}

function fieldType(type: ColumnType | undefined): TensorInfo["datatype"] {
  if (type === "string") return "BYTES";
  if (type === "boolean") return "BOOL";
  return type === "int64" || type === "timestamp" ? "INT64" : "FP64";
}
