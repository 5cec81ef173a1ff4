import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, extname, join, relative, resolve } from "node:path";
import { KarkhanaError } from "../kernel/error.ts";
import { openDuckDb } from "../storage/duckdb/duckdb.ts";
import { quoteLiteral } from "../storage/duckdb/quote.ts";
import type { ColumnType } from "../data/source.ts";
import { optionalText } from "./arguments.ts";
import type { Command } from "./command.ts";

/** `karkhana init <folder> --file trips.csv`: a project file made from one's own file, ready to run. */
export const init: Command = {
  name: "init",
  summary: "Start a new project for your own file",
  positionals: ["folder"],
  flags: {
    file: { type: "string", value: "path", help: "Your Parquet, CSV or JSON lines file; its columns become the schema" },
    time: { type: "string", value: "column", help: "Column that says when a row happened; default: the first timestamp" },
    label: { type: "string", value: "condition", help: 'What to predict, such as "amount > 100"; default: the first boolean or 0/1 column' },
    key: { type: "string", value: "column", help: "Column whose past predicts its future, such as customer; default: the first text column" },
  },
  run: async ({ values, positionals }) => {
    const folder = resolve(positionals[0] ?? ".");
    const file = optionalText(values, "file");
    if (file === undefined) throw new KarkhanaError("INVALID_CONFIG", { field: "--file", problem: "is required: the file to build the project on", value: "nothing" });
    if (existsSync(folder) && readdirSync(folder).some((name) => name.startsWith("karkhana.project."))) throw new KarkhanaError("INVALID_CONFIG", { field: "folder", problem: "already holds a project", value: folder });
    const path = resolve(file);
    const shape = await inspect(path, { time: optionalText(values, "time"), label: optionalText(values, "label"), key: optionalText(values, "key") });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "karkhana.project.ts"), projectText(basename(folder), relative(folder, path), shape));
    writeFileSync(join(folder, ".gitignore"), ".karkhana*/\n");
    console.log(`${join(folder, "karkhana.project.ts")} written: ${shape.rows.toLocaleString("en")} rows, ${shape.columns.length} columns.\nRead it, correct what only you can know (above all when the outcome becomes known), then: karkhana run --project ${folder}`);
    return 0;
  },
};

interface Shape {
  readonly format: "parquet" | "csv" | "jsonLines";
  readonly rows: number;
  readonly columns: readonly { readonly name: string; readonly type: ColumnType }[];
  readonly time: string;
  readonly label: string;
  readonly labelColumns: readonly string[];
  readonly key: string;
  /** Instants that cut the file at 50, 62 and 75 percent of its rows, and its end. */
  readonly cuts: readonly string[];
}

async function inspect(path: string, wish: { time: string | undefined; label: string | undefined; key: string | undefined }): Promise<Shape> {
  if (!existsSync(path)) throw new KarkhanaError("INVALID_CONFIG", { field: "--file", problem: "does not exist", value: path });
  const format = ({ ".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonLines", ".ndjson": "jsonLines", ".json": "jsonLines" } as const)[extname(path).toLowerCase()];
  if (format === undefined) throw new KarkhanaError("INVALID_CONFIG", { field: "--file", problem: "must end in .parquet, .csv, .jsonl, .ndjson or .json", value: path });
  const duck = await openDuckDb();
  try {
    const table = format === "parquet" ? `read_parquet(${quoteLiteral(path)})` : format === "csv" ? `read_csv(${quoteLiteral(path)})` : `read_json(${quoteLiteral(path)}, format = 'newline_delimited')`;
    const described = await duck.rows(`select column_name as name, column_type as type from (describe select * from ${table})`);
    const columns = described.flatMap(({ name, type }) => {
      const mapped = columnType(String(type));
      return mapped === undefined ? [] : [{ name: String(name), type: mapped }];
    });
    const first = (type: ColumnType): string | undefined => columns.find((c) => c.type === type)?.name;
    const has = (field: string, name: string): string => {
      if (columns.some((c) => c.name === name)) return name;
      throw new KarkhanaError("INVALID_CONFIG", { field, problem: `must be one of the file's columns: ${columns.map((c) => c.name).join(", ")}`, value: name });
    };
    const time = wish.time === undefined ? first("timestamp") : has("--time", wish.time);
    if (time === undefined) throw new KarkhanaError("INVALID_CONFIG", { field: "--time", problem: `the file has no timestamp column; it has ${columns.map((c) => `${c.name} ${c.type}`).join(", ")}`, value: "nothing" });
    const key = wish.key === undefined ? first("string") : has("--key", wish.key);
    if (key === undefined) throw new KarkhanaError("INVALID_CONFIG", { field: "--key", problem: "the file has no text column; name the column that identifies what a row is about", value: "nothing" });
    const label = wish.label ?? defaultLabel(columns);
    if (label === undefined) throw new KarkhanaError("INVALID_CONFIG", { field: "--label", problem: 'is required, such as --label "amount > 100"', value: "nothing" });
    const at = quote(time);
    const [facts = {}] = await duck.rows(
      `select count(*)::int as n, ${[0, 0.5, 0.62, 0.75].map((q, i) => `strftime(quantile_disc(${at}::timestamp, ${q}), '%Y-%m-%dT%H:%M:%SZ') as q${i}`).join(", ")}, strftime(max(${at}::timestamp) + interval 1 second, '%Y-%m-%dT%H:%M:%SZ') as q4 from ${table}`,
    );
    return { format, rows: Number(facts["n"]), columns, time, key, label, labelColumns: columns.map((c) => c.name).filter((name) => new RegExp(`\\b${name.replaceAll(/[^\w]/g, ".")}\\b`).test(label)), cuts: [0, 1, 2, 3, 4].map((i) => String(facts[`q${i}`])) };
  } finally {
    await duck.close();
  }
}

function columnType(duckType: string): ColumnType | undefined {
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?)$/.test(duckType)) return "int64";
  if (/^(DOUBLE|FLOAT|DECIMAL.*)$/.test(duckType)) return "float64";
  if (/^TIMESTAMP|^DATE$/.test(duckType)) return "timestamp";
  if (duckType === "BOOLEAN") return "boolean";
  return duckType === "VARCHAR" ? "string" : undefined;
}

function defaultLabel(columns: Shape["columns"]): string | undefined {
  const flag = columns.find((c) => c.type === "boolean");
  if (flag !== undefined) return flag.name;
  const named = columns.find((c) => c.type === "int64" && /^(is_|has_|label|target|y$|class)/i.test(c.name));
  return named === undefined ? undefined : `${named.name} = 1`;
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function projectText(name: string, path: string, shape: Shape): string {
  const asked = shape.columns.filter((c) => c.name !== shape.time && c.name !== shape.key && !shape.labelColumns.includes(c.name) && c.type !== "timestamp" && c.type !== "boolean");
  const fields = [shape.key, ...asked.map((c) => c.name)];
  const features = asked.map((c) => (c.type === "string" ? `categorical(${JSON.stringify(c.name)})` : `numeric(${JSON.stringify(c.name)})`));
  const used = ["entity", "featureView", "model", shape.format, "project", "window", ...new Set(asked.map((c) => (c.type === "string" ? "categorical" : "numeric")))].sort();
  return `import { ${used.join(", ")} } from "karkhana";

const history = ${shape.format}("history", {
  path: ${JSON.stringify(path)},
  schema: { ${shape.columns.map((c) => `${JSON.stringify(c.name)}: "${c.type}"`).join(", ")} },
  eventTime: ${JSON.stringify(shape.time)},
  // When could the outcome have been known? Here: an hour after the row happened. Correct it, for example "closed_at" or "${shape.time} + days(30)":
  // a feature never sees an outcome before this time, in training as in serving.
  knownTime: ${JSON.stringify(`${shape.time} + hours(1)`)},
  expect: { ${JSON.stringify(shape.time)}: { notNull: true }, ${JSON.stringify(shape.key)}: { notNull: true } },
  policy: { onFailure: "quarantine", maxQuarantinedShare: 0.01 },
});

const subject = entity(${JSON.stringify(shape.key)}, { keys: [${JSON.stringify(shape.key)}] });

/** What the past of the same ${shape.key} says. */
const past = featureView("past", {
  entity: subject,
  source: history,
  on: { ${JSON.stringify(shape.key)}: ${JSON.stringify(shape.key)} },
  features: {
    count_1d: window("1d").count(),
    count_30d: window("30d").count(),
    share_1d: window("1d").share(${JSON.stringify(shape.label)}),
    share_30d: window("30d").share(${JSON.stringify(shape.label)}),
  },
});

const outcome = model("outcome", {
  spine: history,
  request: ${JSON.stringify(fields)},
  label: ${JSON.stringify(shape.label)},
  features: [past.at({ ${JSON.stringify(shape.key)}: ${JSON.stringify(shape.key)} })${features.map((f) => `, ${f}`).join("")}],
  trainer: { gbdt: {} },
  // Train up to validFrom, stop early and calibrate up to holdoutFrom, report on the rest.
  training: { from: "${shape.cuts[0]}", validFrom: "${shape.cuts[1]}", holdoutFrom: "${shape.cuts[2]}", to: "${shape.cuts[3]}" },
});

// The last quarter of the file is replayed as live traffic, so that monitoring, retraining and promotion can be seen at work.
export default project(${JSON.stringify(name)}, { models: [outcome], replay: { model: "outcome", from: "${shape.cuts[3]}", to: "${shape.cuts[4]}" } });
`;
}
