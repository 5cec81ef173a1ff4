import { refusedInfer } from "../oip/infer-request.ts";

/** What pandas reads as missing. @see https://pandas.pydata.org/docs/reference/api/pandas.read_csv.html (na_values) */
const missing: ReadonlySet<string> = new Set([
  "",
  "#N/A",
  "#N/A N/A",
  "#NA",
  "-1.#IND",
  "-1.#QNAN",
  "-NaN",
  "-nan",
  "1.#IND",
  "1.#QNAN",
  "<NA>",
  "N/A",
  "NA",
  "NULL",
  "NaN",
  "None",
  "n/a",
  "nan",
  "null",
]);

/**
 * Rows of a CSV with its header line, as `pandas.DataFrame.to_csv` writes it. @see RFC 4180
 * @throws INFER_REFUSED naming the line
 */
export function readCsv(text: string, maxRows: number): { readonly columns: ReadonlyMap<string, readonly (string | null)[]>; readonly numRows: number } {
  const lines = records(text.replace(/^\uFEFF/, ""), maxRows + 1);
  const [header, ...rows] = lines;
  if (header === undefined) throw refusedInfer("the CSV is empty");
  const columns = new Map<string, (string | null)[]>();
  for (const name of header) {
    if (columns.has(name)) throw refusedInfer(`column ${JSON.stringify(name.slice(0, 100))} of the CSV comes twice`);
    columns.set(name, []);
  }
  const all = [...columns.values()];
  for (const [index, row] of rows.entries()) {
    if (row.length !== header.length) throw refusedInfer(`line ${index + 2} of the CSV has ${row.length} values, the header ${header.length}`);
    for (const [c, value] of row.entries()) all[c]!.push(missing.has(value) ? null : value);
  }
  return { columns, numRows: rows.length };
}

/** Lines of values; quoted values may hold commas, quotes (doubled) and line ends. Empty lines are left out. */
function records(text: string, maxRecords: number): string[][] {
  const all: string[][] = [];
  let record: string[] = [];
  let at = 0;
  const end = (): void => {
    if (record.length > 1 || record[0] !== "") all.push(record);
    record = [];
    if (all.length > maxRecords) throw refusedInfer(`the CSV has more than ${maxRecords - 1} rows`);
  };
  while (at < text.length) {
    let value: string;
    if (text[at] === '"') {
      const parts: string[] = [];
      for (;;) {
        const close = text.indexOf('"', at + 1);
        if (close < 0) throw refusedInfer("a quote of the CSV is never closed");
        parts.push(text.slice(at + 1, close));
        at = close + 1;
        if (text[at] !== '"') break;
      }
      value = parts.join('"');
    } else {
      const stop = /[,\r\n]/g;
      stop.lastIndex = at;
      const found = stop.exec(text)?.index ?? text.length;
      value = text.slice(at, found);
      at = found;
    }
    record.push(value);
    if (text[at] === ",") {
      at++;
      if (at === text.length) record.push("");
      continue;
    }
    if (text[at] === "\r") at++;
    if (text[at] === "\n") at++;
    else if (at < text.length && text[at - 1] !== "\r") throw refusedInfer("text follows a closed quote of the CSV");
    end();
  }
  if (record.length > 0) end();
  return all;
}
