import { openDuckDb } from "../../storage/duckdb/duckdb.ts";
import { quoteIdentifier, quoteLiteral } from "../../storage/duckdb/quote.ts";
import type { PreviewAnswer, PreviewTask, TablePreview } from "./table-preview.ts";

const maxRows = 200;
const maxColumns = 100;
const maxCell = 500;

async function preview({ file, format, cut }: PreviewTask): Promise<TablePreview> {
  const duck = await openDuckDb({ threads: 1, memoryLimitMb: 512 });
  const source =
    format === "parquet"
      ? `read_parquet(${quoteLiteral(file)})`
      : // A beginning may end within a row; a type guessed from it would be a guess about the rest.
        `read_csv(${quoteLiteral(file)}, all_varchar = true, ignore_errors = ${cut}, null_padding = true, auto_detect = true)`;
  const described = await duck.rows(`select column_name as name, column_type as type from (describe select * from ${source})`);
  const columns = described.map(({ name, type }) => ({ name: String(name), type: String(type) }));
  const shown = columns.slice(0, maxColumns);
  const cells = shown.map(({ name }, i) => `left(cast(${quoteIdentifier(name)} as varchar), ${maxCell}) as c${i}`);
  const rows = await duck.rows(`select ${cells.join(", ")} from ${source} limit ${maxRows}`);
  const [counted] = cut ? [] : await duck.rows(`select count(*) as n from ${source}`);
  return {
    columns: shown,
    rows: rows.map((row) => shown.map((_, i) => (typeof row[`c${i}`] === "string" ? String(row[`c${i}`]) : null))),
    totalRows: counted === undefined ? null : Number(counted["n"]),
    moreColumns: columns.length - shown.length,
  };
}

process.once("message", (task: PreviewTask) => {
  const tell = (answer: PreviewAnswer): void => void process.send?.(answer);
  preview(task).then(
    (table) => tell({ kind: "table", table }),
    (error: unknown) => tell({ kind: "failed", why: error instanceof Error ? (error.message.split("\n")[0] ?? "") : "it cannot be read" }),
  );
});
