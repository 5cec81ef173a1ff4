import { existsSync, statSync } from "node:fs";
import { extname } from "node:path";
import { castTextSql } from "../data/declared-type.ts";
import { parseExpressionOf, toSql } from "../data/expression.ts";
import { countFailures, findTypes } from "../data/inspect.ts";
import { relationOf, scanSql, typedSql, withoutWildcards } from "../data/relation.ts";
import { rulesOf } from "../data/rules.ts";
import type { ColumnType, Schema, SourceDefinition } from "../data/source.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { formatIso, MICROS_PER_DAY } from "../kernel/time.ts";
import { openDuckDb, type DuckDb } from "../storage/duckdb/duckdb.ts";
import { quoteIdentifier, quoteLiteral } from "../storage/duckdb/quote.ts";

export interface Wish {
  readonly time: string | undefined;
  readonly label: string | undefined;
  readonly known: string | undefined;
  readonly key: string | undefined;
}

export interface FoundColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly numDistinct: number;
  readonly numMissing: number;
  /** 0 and 1, both, and nothing else. */
  readonly isFlag: boolean;
}

/** What a file can carry: enough to write a project that runs. */
export interface FileShape {
  readonly format: SourceDefinition["format"];
  /** Rows that pass the contract. */
  readonly rows: number;
  readonly columns: readonly FoundColumn[];
  readonly time: string;
  /** Expression of the label; names in it are quoted where the expression language needs it. */
  readonly label: string;
  readonly labelColumns: readonly string[];
  readonly known: string;
  readonly key: string;
  readonly numKeys: number;
  /** Instants that cut the file at 50, 62 and 75 percent of its rows, and both ends. */
  readonly cuts: readonly [string, string, string, string, string];
  /** Rows of each part between two cuts: training, early stopping, held out, replay. */
  readonly partRows: readonly number[];
  readonly positiveShare: number;
  readonly spanDays: number;
  readonly replayDays: number;
  /** Share of all rows that may be set aside: those without a key or a time among them. */
  readonly quarantinedShare: number;
  /** For the person, one sentence each. */
  readonly remarks: readonly string[];
}

const formats = { ".parquet": "parquet", ".csv": "csv", ".jsonl": "json", ".ndjson": "json", ".json": "json" } as const;
const unusable = /^(_row|_event|_known|__proto__|_raw .*|)$/i;
/** Cells of a text file that may fail a type before the column is called text. */
const strayShare = 0.005;
/** Rows of each outcome that each part of time needs: below it neither calibration nor AUC say anything. */
const minPerOutcome = 10;
/** Rows that no flag and no rule of the person's explains: more of them, and the file is not what it was taken for. */
const usualQuarantine = 0.01;
/** Rows without a key or a time, which nothing can be said of: more of them, and another column is meant. */
const mostUnplaced = 0.2;
const cutShares = [0, 0.5, 0.62, 0.75] as const;

/** @throws INVALID_CONFIG naming the flag that would help, SOURCE_UNREADABLE, EXPRESSION_INVALID */
export async function inspectFile(path: string, wish: Wish): Promise<FileShape> {
  const format = formatOf(path);
  const duck = await openDuckDb();
  try {
    const found = await findColumns(duck, path, format).catch((error: unknown) => {
      if (!(error instanceof KarkhanaError) || (error.code !== "QUERY_FAILED" && error.code !== "SOURCE_UNREADABLE")) throw error;
      const hint = format === "json" ? " (expected one JSON object a line, not one list of them)" : "";
      throw new KarkhanaError("SOURCE_UNREADABLE", { path, problem: `${String(error.details["problem"])}${hint}` }, { cause: error });
    });
    return await shapeOf(duck, path, format, found, wish);
  } finally {
    await duck.close();
  }
}

function formatOf(path: string): SourceDefinition["format"] {
  const refuse = (problem: string): KarkhanaError => new KarkhanaError("INVALID_CONFIG", { field: "--file", problem, value: path });
  if (!existsSync(path)) throw refuse("does not exist");
  if (!statSync(path).isFile()) throw refuse("is not a file");
  if (statSync(path).size === 0) throw refuse("is empty");
  const extension = extname(path).toLowerCase();
  const format = Object.entries(formats).find(([name]) => name === extension)?.[1];
  if (format === undefined) throw refuse("must end in .parquet, .csv, .jsonl, .ndjson or .json");
  return format;
}

interface Found {
  readonly columns: readonly FoundColumn[];
  readonly rows: number;
  readonly remarks: readonly string[];
}

/** Columns and their types as the contract will read them, not as DuckDB would guess: what is written here must pass when it is run. */
async function findColumns(duck: DuckDb, path: string, format: SourceDefinition["format"]): Promise<Found> {
  const remarks: string[] = [];
  const scanOf = (schema: Schema): string => scanSql({ kind: "source", name: "file", format, path, schema, eventTime: "" }, "/");
  const described = await duck.rows(
    format === "json"
      ? `DESCRIBE SELECT * FROM read_json(${quoteLiteral(withoutWildcards(path))}, format = 'newline_delimited', sample_size = -1)`
      : `DESCRIBE SELECT * FROM ${scanOf({})}`,
  );
  const seen = new Set<string>();
  const named = described.flatMap((row) => {
    const [name, type] = [String(row["column_name"]), String(row["column_type"])];
    if (format === "parquet" && name === "file_row_number") return [];
    const folded = name.toLowerCase();
    if (unusable.test(name) || name.includes("\0") || seen.has(folded) || /\[\]$|^(STRUCT|MAP|UNION)/.test(type)) {
      remarks.push(
        `column ${JSON.stringify(name)} is left out: ${/\[\]$|^(STRUCT|MAP|UNION)/.test(type) ? nestedProblem(name, type, format) : "its name cannot be used"}.`,
      );
      return [];
    }
    seen.add(folded);
    return [{ name, type }];
  });
  const [only] = named;
  const separator = named.length === 1 ? /[;\t|]/.exec(only?.name ?? "")?.[0] : undefined;
  if (format === "csv" && separator !== undefined)
    throw new KarkhanaError("SOURCE_UNREADABLE", {
      path,
      problem: `its columns are separated by ${JSON.stringify(separator)}; commas are needed, so save or convert it with commas`,
    });
  if (named.length === 0) throw new KarkhanaError("SOURCE_UNREADABLE", { path, problem: "it has no usable column" });
  const table = scanOf(Object.fromEntries(named.map(({ name }) => [name, "string"])));
  const facts = named.map(({ name }, i) => {
    const raw = quoteIdentifier(name);
    const text = format === "parquet" ? `CAST(${raw} AS VARCHAR)` : raw;
    const casts = (["int64", "float64", "timestamp", "boolean"] as const).map((type) => `count(${castTextSql(type, text)}) AS ${type}_${i}`);
    return `count(${raw}) AS n_${i}, approx_count_distinct(${raw}) AS d_${i}, count(*) FILTER (WHERE regexp_matches(${text}, '^0[0-9]')) AS z_${i},
      count(*) FILTER (WHERE lower(${text}) IN ('0', '1', 'true', 'false')) AS f_${i}, ${casts.join(", ")}`;
  });
  const [row = {}] = await duck.rows(`SELECT count(*) AS rows, ${facts.join(", ")} FROM ${table}`);
  const number = (name: string): number => Number(row[name]);
  const columns = named.flatMap(({ name, type }, i): FoundColumn[] => {
    const n = number(`n_${i}`);
    if (n === 0) {
      remarks.push(`column ${JSON.stringify(name)} is left out: it holds nothing.`);
      return [];
    }
    const holds = (candidate: "int64" | "float64" | "timestamp" | "boolean"): boolean => number(`${candidate}_${i}`) >= (1 - strayShare) * n;
    const zeros = number(`z_${i}`) > 0;
    const inText = (): ColumnType =>
      zeros
        ? holds("timestamp")
          ? "timestamp"
          : "string"
        : holds("int64")
          ? "int64"
          : holds("float64")
            ? "float64"
            : holds("timestamp")
              ? "timestamp"
              : holds("boolean")
                ? "boolean"
                : "string";
    const settled = format === "parquet" ? columnType(type) : inText();
    if (settled === undefined) {
      remarks.push(`column ${JSON.stringify(name)} is left out: ${type} is not a type a schema has.`);
      return [];
    }
    if (settled === "boolean" && format !== "parquet" && number(`f_${i}`) < n)
      remarks.push(`column ${JSON.stringify(name)} is read as true or false, and a request sends it so: true, not "yes".`);
    return [{ name, type: settled, numDistinct: number(`d_${i}`), numMissing: number("rows") - n, isFlag: number(`f_${i}`) === n && number(`d_${i}`) === 2 }];
  });
  return { columns, rows: number("rows"), remarks };
}

/** What to do about a column that holds more than one value a row. */
function nestedProblem(name: string, type: string, format: SourceDefinition["format"]): string {
  const field = /^STRUCT\("?([A-Za-z_]\w*)"? /.exec(type)?.[1];
  if (field === undefined || type.endsWith("[]") || !/^\w+$/.test(name)) return "it holds lists or objects";
  const how = format === "json" ? `jq -c '.${name}_${field} = .${name}.${field}'` : `DuckDB: select *, ${name}.${field} as ${name}_${field} from …`;
  return `it holds objects; a field of it can be used once it is a column of its own (${how})`;
}

function columnType(duckType: string): ColumnType | undefined {
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?)$/.test(duckType)) return "int64";
  if (/^(DOUBLE|FLOAT|DECIMAL.*)$/.test(duckType)) return "float64";
  if (/^TIMESTAMP|^DATE$/.test(duckType)) return "timestamp";
  if (duckType === "BOOLEAN") return "boolean";
  return /^(VARCHAR|UUID|ENUM\(.*\))$/s.test(duckType) ? "string" : undefined;
}

async function shapeOf(duck: DuckDb, path: string, format: SourceDefinition["format"], { columns, rows, remarks }: Found, wish: Wish): Promise<FileShape> {
  const list = columns.map((c) => `${c.name} (${c.type})`).join(", ");
  const refuse = (field: string, problem: string, value: string | number): KarkhanaError => new KarkhanaError("INVALID_CONFIG", { field, problem, value });
  if (rows === 0) throw refuse("--file", "has a header but no rows", path);
  const named = (field: string, name: string): FoundColumn => {
    const column = columns.find((c) => c.name === name);
    if (column === undefined) throw refuse(field, `must be one of the file's columns: ${list}`, name);
    return column;
  };
  const time = wish.time === undefined ? columns.find((c) => c.type === "timestamp") : named("--time", wish.time);
  if (time === undefined)
    throw refuse("--time", `the file has no column of dates or times (ISO 8601, such as 2026-03-01 or 2026-03-01T12:00:00Z); it has ${list}`, "nothing");
  if (time.type !== "timestamp") throw refuse("--time", `must hold dates or times, this one is read as ${time.type}; the file has ${list}`, time.name);
  const label = wish.label ?? defaultLabel(columns);
  if (label === undefined)
    throw refuse(
      "--label",
      `the file has no true/false or 0/1 column, so say what to predict, such as --label "amount > 100" or --label "churn = 'Yes'"; it has ${list}`,
      "nothing",
    );
  const schema = Object.fromEntries(columns.map((c) => [c.name, c.type]));
  const parsed = parseExpressionOf("boolean", label, schema, "--label");
  const known = wish.known ?? `${expressionName(time.name)} + hours(1)`;
  parseExpressionOf("timestamp", known, schema, "--known");
  const key = wish.key === undefined ? defaultKey(columns, rows, parsed.columns) : named("--key", wish.key);
  if (key === undefined) {
    const leftOut = remarks.length === 0 ? "" : `. Of the others, ${remarks.join(" ").replace(/\.$/, "")}`;
    throw refuse(
      "--key",
      `no column has values that come again; name the column that says whom or what a row is about. The file has ${list}${leftOut}`,
      "nothing",
    );
  }
  if (key.type !== "string" && key.type !== "int64") throw refuse("--key", `must hold text or whole numbers, this one is read as ${key.type}`, key.name);

  const source: SourceDefinition = {
    kind: "source",
    name: "history",
    format,
    path,
    schema,
    eventTime: expressionName(time.name),
    knownTime: known,
    expect: { [time.name]: { notNull: true }, [key.name]: { notNull: true } },
  };
  const foundTypes = await findTypes(duck, source, "/");
  const rules = rulesOf(source);
  const counts = await countFailures(duck, source, typedSql(source, foundTypes, "/"), rules);
  const failing = counts.failures.map((f) => `${f.column} ${f.rule} (${f.count})`).join(", ");
  const unplaced = counts.failures.filter((f) => f.rule === "notNull" && (f.column === key.name || f.column === time.name));
  const numUnplaced = unplaced.reduce((sum, f) => sum + f.count, 0);
  const others = counts.failures.filter((f) => !unplaced.includes(f)).reduce((sum, f) => sum + f.count, 0);
  if (counts.numFailingRows > usualQuarantine * counts.numRows && (others > usualQuarantine * counts.numRows || numUnplaced > mostUnplaced * counts.numRows))
    throw refuse(
      numUnplaced > others && unplaced.every((f) => f.column === key.name) ? "--key" : "--file",
      `${counts.numFailingRows} of ${counts.numRows} rows could not be used: ${failing}. Correct the file, or choose other columns`,
      numUnplaced > others && unplaced.every((f) => f.column === key.name) ? key.name : path,
    );
  const relation = relationOf(source, { numQuarantined: counts.numFailingRows, foundTypes }, "/");
  const holds = toSql(parsed);
  const [facts = {}] = await duck.rows(
    `SELECT ${cutShares.map((q, i) => `quantile_disc(_event, ${q}) AS q${i}`).join(", ")}, max(_event) + 1000000 AS q4, count(*) AS n, count(*) FILTER (WHERE ${holds}) AS yes, max(_known) - max(_event) AS lag FROM ${relation}`,
  );
  const cutsUs = [0, 1, 2, 3, 4].map((i) => Math.floor(Number(facts[`q${i}`]) / 1_000_000) * 1_000_000);
  const cut = (i: number): number => cutsUs[i] ?? 0;
  const parts = await duck.rows(
    `SELECT count(*) AS n, count(*) FILTER (WHERE ${holds}) AS yes, count(*) FILTER (WHERE NOT (${holds})) AS no, part FROM (SELECT *, (_event >= ${cut(1)})::int + (_event >= ${cut(2)})::int + (_event >= ${cut(3)})::int AS part FROM ${relation}) WHERE part = 3 OR _known < ${cut(3)} GROUP BY part ORDER BY part`,
  );
  const numRows = Number(facts["n"]);
  const names = ["the training rows", "the rows for early stopping", "the held-out rows", "the rows to be replayed"];
  for (const [i, name] of names.entries()) {
    const part = parts.find((p) => Number(p["part"]) === i);
    const [yes, no] = [Number(part?.["yes"] ?? 0), Number(part?.["no"] ?? 0)];
    if (Math.min(yes, no) >= minPerOutcome) continue;
    const one = Number(facts["yes"]) === 0 || Number(facts["yes"]) === numRows;
    throw one
      ? refuse("--label", `has one outcome only in this file (${yes > 0 ? "always" : "never"} true): there is nothing to learn. Name another condition`, label)
      : refuse(
          "--file",
          `is too small or too one-sided: ${name} (${cuts(cut(i), cut(i + 1))}) hold ${yes} for which "${label}" and ${no} for which not, at least ${minPerOutcome} of each are needed with their outcome known in time (${known}). Bring more rows, or another --label or --known`,
          path,
        );
  }
  if (counts.numFailingRows > 0) remarks = [...remarks, asideRemark(counts.numFailingRows, failing, unplaced.length > 0)];
  return {
    format,
    rows: numRows,
    columns,
    time: time.name,
    label,
    labelColumns: parsed.columns,
    known,
    key: key.name,
    numKeys: key.numDistinct,
    cuts: [formatIso(cut(0)), formatIso(cut(1)), formatIso(cut(2)), formatIso(cut(3)), formatIso(cut(4))],
    partRows: parts.map((p) => Number(p["n"])),
    positiveShare: Number(facts["yes"]) / numRows,
    spanDays: (cut(4) - cut(0)) / MICROS_PER_DAY,
    replayDays: (cut(4) - cut(3)) / MICROS_PER_DAY,
    quarantinedShare: Math.max(usualQuarantine, Math.ceil((125 * counts.numFailingRows) / counts.numRows) / 100),
    remarks,
  };
}

function asideRemark(count: number, failing: string, unplaced: boolean): string {
  const why = unplaced ? " Nothing can be asked of a row without its key or its time; with another --key or --time it may be kept." : "";
  return `${count} rows will be set aside: ${failing}.${why}`;
}

function cuts(fromUs: number, toUs: number): string {
  return `${formatIso(fromUs).slice(0, 10)} to ${formatIso(toUs).slice(0, 10)}`;
}

const labelName = /^(label|target|outcome|class|y)$|churn|fraud|default|is_|has_|was_|late|won|paid|converted|cancel|fail|refund|return|click/i;

function defaultLabel(columns: readonly FoundColumn[]): string | undefined {
  const flags = columns.filter((c) => c.type === "boolean" || (c.type === "int64" && c.isFlag));
  const chosen = flags.find((c) => labelName.test(c.name)) ?? flags[0];
  if (chosen === undefined) return undefined;
  return chosen.type === "boolean" ? expressionName(chosen.name) : `${expressionName(chosen.name)} = 1`;
}

/** Whom a row is about: of the columns whose values come again, the one with most of them. */
function defaultKey(columns: readonly FoundColumn[], rows: number, labelColumns: readonly string[]): FoundColumn | undefined {
  const usable = columns.filter(
    (c) =>
      c.numDistinct <= rows / 3 &&
      c.numDistinct > 1 &&
      c.numMissing <= usualQuarantine * rows &&
      !labelColumns.includes(c.name) &&
      (c.type === "string" || (c.type === "int64" && /id$|_no$|number$|key$/i.test(c.name))),
  );
  return usable.toSorted((a, b) => b.numDistinct - a.numDistinct)[0];
}

/** A column's name as the expression language reads it. */
export function expressionName(name: string): string {
  const plain = /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) && !/^(and|or|not|is|in|null|true|false|timestamp)$/i.test(name);
  return plain ? name : `"${name.replaceAll('"', '""')}"`;
}
