/**
 * What MLflow's scoring server reads: a table as JSON in one of four forms, or as CSV.
 * @see https://mlflow.org/docs/latest/genai/serving/ and mlflow/pyfunc/scoring_server/__init__.py (3.17)
 */
import { refusedTensor } from "../formats/tensor.ts";
import { parseJson } from "../oip/infer-http.ts";
import { refusedInfer } from "../oip/infer-request.ts";
import { shortly } from "../oip/tensor-wire.ts";
import type { Question } from "../oip/infer.ts";
import { isObject } from "../request-fields.ts";
import { readCsv } from "./csv.ts";

const forms = ["dataframe_split", "dataframe_records", "instances", "inputs"] as const;
const oneForm = `the input must be a JSON object with exactly one of ${forms.join(", ")}`;

type Table = Omit<Question, "outputs">;

/** @throws INFER_REFUSED, TENSOR_REFUSED; the version's own reader says what of the columns it lacks */
export function readInvocationJson(body: Uint8Array, maxRows: number): Table {
  const json = parseJson(body);
  if (!isObject(json)) throw refusedInfer(`${oneForm}; it is ${shortly(json)}`);
  const given = forms.filter((form) => Object.hasOwn(json, form));
  const [form] = given;
  if (form === undefined || given.length > 1) throw refusedInfer(`${oneForm}; it has ${Object.keys(json).slice(0, 10).join(", ").slice(0, 200) || "nothing"}`);
  const value = json[form];
  if (form === "dataframe_split") return split(value, maxRows);
  if (form === "inputs" && isObject(value)) return byColumn(value, maxRows);
  if (!Array.isArray(value)) throw refusedInfer(`${form} is ${shortly(value)}, expected a list of rows`);
  refuseRows(value.length, maxRows);
  if (value.every(isObject)) return records(value);
  if (form === "dataframe_records") throw refusedInfer("dataframe_records is not a list of objects");
  return matrix(form, value);
}

export function readInvocationCsv(text: string, maxRows: number): Table {
  const { columns, numRows } = readCsv(text, maxRows);
  return table(columns, numRows);
}

function table(columns: ReadonlyMap<string, readonly unknown[]>, numRows: number): Table {
  return { id: "", rowsFor: (version) => version.rows.readTable(columns, numRows) };
}

function split(value: unknown, maxRows: number): Table {
  if (!isObject(value)) throw refusedInfer(`dataframe_split is ${shortly(value)}, expected an object with columns and data`);
  const { columns, data } = value;
  if (!Array.isArray(data)) throw refusedInfer(`dataframe_split.data is ${shortly(data)}, expected a list of rows`);
  refuseRows(data.length, maxRows);
  if (columns === undefined) return matrix("dataframe_split.data", data);
  if (!Array.isArray(columns) || !columns.every((name) => typeof name === "string")) throw refusedInfer("dataframe_split.columns is not a list of names");
  if (new Set(columns).size !== columns.length) throw refusedInfer("dataframe_split.columns holds a name twice");
  for (const [row, values] of data.entries())
    if (!Array.isArray(values) || values.length !== columns.length)
      throw refusedInfer(`row ${row} of dataframe_split.data is ${shortly(values)}, expected a list of ${columns.length}`);
  const rows = data as readonly (readonly unknown[])[];
  return table(new Map(columns.map((name, c) => [name, rows.map((values) => values[c])])), rows.length);
}

/** A row may lack a column that another has: it is missing there. */
function records(rows: readonly Readonly<Record<string, unknown>>[]): Table {
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  if (names.size > 10_000) throw refusedInfer("the rows name more than 10000 columns");
  return table(new Map([...names].map((name) => [name, rows.map((row) => (Object.hasOwn(row, name) ? row[name] : null))])), rows.length);
}

function byColumn(value: Readonly<Record<string, unknown>>, maxRows: number): Table {
  const columns = new Map<string, readonly unknown[]>();
  let numRows: number | undefined;
  for (const [name, raw] of Object.entries(value)) {
    const values = Array.isArray(raw) ? raw.map((item: unknown) => (Array.isArray(item) && item.length === 1 ? (item[0] as unknown) : item)) : [raw];
    numRows ??= values.length;
    if (values.length !== numRows) throw refusedTensor(name, `has ${values.length} values, the first column ${numRows}`);
    columns.set(name, values);
  }
  if (numRows === undefined) throw refusedInfer("inputs holds no column");
  refuseRows(numRows, maxRows);
  return table(columns, numRows);
}

function matrix(where: string, rows: readonly unknown[]): Table {
  return {
    id: "",
    rowsFor: (version) => {
      const { matrix: info } = version.rows;
      const width = info.shape[1] ?? 1;
      const data = new Float64Array(rows.length * width);
      for (const [r, row] of rows.entries()) {
        const values = Array.isArray(row) ? row : [row];
        if (values.length !== width) throw refusedInfer(`row ${r} of ${where} has ${values.length} values, the model takes ${width}`);
        for (const [c, value] of values.entries()) {
          if (value !== null && typeof value !== "number" && typeof value !== "boolean")
            throw refusedInfer(`row ${r} of ${where}: value ${c} is ${shortly(value)}, expected a number`);
          data[r * width + c] = value === null ? Number.NaN : Number(value);
        }
      }
      return version.rows.read([{ name: info.name, datatype: "FP64", shape: [rows.length, width], data }]);
    },
  };
}

function refuseRows(numRows: number, maxRows: number): void {
  if (numRows < 1 || numRows > maxRows) throw refusedInfer(`the input holds ${numRows} rows; 1 to ${maxRows} are answered`);
}
