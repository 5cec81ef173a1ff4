import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import type { Clock } from "../kernel/clock.ts";
import { codeOf, KarkhanaError } from "../kernel/error.ts";
import { definitionHash } from "../kernel/hashing.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { DuckDb } from "../storage/duckdb/duckdb.ts";
import { quoteIdentifier, quoteLiteral } from "../storage/duckdb/quote.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { anyFails, countFailures, findTypes, listFailures, type RuleCounts } from "./inspect.ts";
import { profileColumns } from "./profile.ts";
import { sourcePath, typedSql } from "./relation.ts";
import type { FailingRow, QualityReport } from "./report.ts";
import { rawColumn, rulesOf, whereSql, type Rule } from "./rules.ts";
import { sha256OfFile, stampOf } from "./source-file.ts";
import { sourceHash, type SourceDefinition } from "./source.ts";
import { createDatasets, type DatasetVersion } from "./store.ts";

export interface RegisterContext {
  readonly projectFolder: string;
  readonly duck: DuckDb;
  readonly blobs: BlobStore;
  readonly database: SqlDatabase;
  readonly clock: Clock;
}

const defaultQuarantinedShare = 0.01;
/** Failing rows that travel inside the error; the kept report has more. */
const maxRowsInError = 20;

/**
 * Checks a source's file against its schema and contract and records it as a version. The same content under the same definition is
 * checked once: later calls give what is kept, a refusal included.
 * @throws SOURCE_UNREADABLE, SOURCE_CHANGED, DATASET_SCHEMA_MISMATCH: nothing is kept
 * @throws DATASET_REFUSED with counts and first rows in its details; the version is kept as refused with its whole report
 */
export async function registerDataset(source: SourceDefinition, context: RegisterContext): Promise<DatasetVersion> {
  const datasets = createDatasets(context);
  const rules = rulesOf(source);
  const file = sourcePath(source, context.projectFolder);
  const stamp = await stampOf(file);
  const fileHash = await sha256OfFile(file);
  const hash = definitionHash({ kind: "dataset", file: fileHash, source: sourceHash(source) });
  const known = await datasets.getVersion(hash);
  if (known !== undefined) {
    if (known.status === "refused") throw refusal(await datasets.report(hash));
    return known;
  }
  const inspected = await inspect(source, rules, file, context).catch(async (error: unknown) => {
    // A file caught half-written looks damaged: say what happened, it may be whole on the next try.
    if ((await stampOf(file)).identity !== stamp.identity) throw new KarkhanaError("SOURCE_CHANGED", { path: file }, { cause: error });
    throw error;
  });
  if ((await stampOf(file)).identity !== stamp.identity) throw new KarkhanaError("SOURCE_CHANGED", { path: file });

  const { counts, problem } = inspected;
  const folder = `datasets/${hash}`;
  const status = problem === null ? "accepted" : "refused";
  const numQuarantined = problem === null ? counts.numFailingRows : 0;
  const quarantinePath = numQuarantined > 0 ? `${folder}/quarantine.parquet` : null;
  const report: QualityReport = {
    source: source.name,
    version: hash,
    status,
    problem,
    numRows: counts.numRows,
    numTaken: counts.numTaken,
    numFailingRows: counts.numFailingRows,
    numQuarantined,
    failures: counts.failures,
    failingRows: inspected.failingRows,
    columns: inspected.columns,
  };
  if (quarantinePath !== null) await writeQuarantine(source, inspected, quarantinePath, context);
  if ((await stampOf(file)).identity !== stamp.identity) throw new KarkhanaError("SOURCE_CHANGED", { path: file });
  const version = await datasets.record(
    {
      hash,
      sourceName: source.name,
      sourceHash: sourceHash(source),
      fileHash,
      path: source.path,
      sizeBytes: stamp.sizeBytes,
      numRows: counts.numRows,
      numReadable: problem === null ? counts.numTaken - counts.numFailingTaken : 0,
      numQuarantined,
      status,
      foundTypes: inspected.foundTypes,
      reportPath: `${folder}/report.json`,
      quarantinePath,
      createdUs: context.clock.nowUs(),
    },
    report,
  );
  if (version.status === "refused") throw refusal(report);
  return version;
}

/** The kept file must still be the one that was registered: call before long work on an old version. @throws SOURCE_UNREADABLE, SOURCE_CHANGED */
export async function verifyUnchanged(source: SourceDefinition, version: DatasetVersion, projectFolder: string): Promise<void> {
  const file = sourcePath(source, projectFolder);
  const { sizeBytes } = await stampOf(file);
  if (sizeBytes !== version.sizeBytes || (await sha256OfFile(file)) !== version.fileHash) throw new KarkhanaError("SOURCE_CHANGED", { path: file });
}

interface Inspection {
  readonly foundTypes: Readonly<Record<string, string>>;
  readonly typed: string;
  readonly counts: RuleCounts;
  readonly problem: string | null;
  readonly failingRows: readonly FailingRow[];
  readonly columns: QualityReport["columns"];
}

async function inspect(source: SourceDefinition, rules: readonly Rule[], file: string, { duck, projectFolder }: RegisterContext): Promise<Inspection> {
  await checkPatterns(duck, source);
  try {
    const foundTypes = await findTypes(duck, source, projectFolder);
    const typed = typedSql(source, foundTypes, projectFolder);
    const counts = await countFailures(duck, source, typed, rules);
    const failingRows = await listFailures(duck, typed, counts.failed);
    const problem = problemOf(source, counts, failingRows);
    const readable = problem === null && counts.failed.length > 0 ? `${whereSql(source)} AND NOT ${anyFails(counts.failed)}` : whereSql(source);
    const columns = await profileColumns(duck, source.schema, `(SELECT * FROM ${typed} WHERE ${readable})`);
    return { foundTypes, typed, counts, problem, failingRows, columns };
  } catch (error) {
    if (!(error instanceof KarkhanaError) || !blamesFile(error)) throw error;
    throw new KarkhanaError("SOURCE_UNREADABLE", { path: file, problem: String(error.details["problem"]) }, { cause: error });
  }
}

/** Names and expressions are checked by now: what DuckDB still calls invalid lies in the file. Memory running out does not. */
function blamesFile(error: KarkhanaError): boolean {
  if (codeOf(error) === "SOURCE_UNREADABLE") return true;
  return codeOf(error) === "QUERY_FAILED" && /^(Invalid|Conversion|Serialization)/.test(String(error.details["problem"]));
}

async function checkPatterns(duck: DuckDb, source: SourceDefinition): Promise<void> {
  for (const [column, rule] of Object.entries(source.expect ?? {})) {
    const pattern = rule?.pattern;
    if (pattern === undefined) continue;
    await duck.rows(`SELECT regexp_full_match('', ${quoteLiteral(pattern)})`).catch((error: unknown) => {
      throw new KarkhanaError(
        "INVALID_ARGUMENT",
        { field: `source ${source.name}, expect.${column}.pattern`, problem: "not a regular expression of RE2", value: pattern },
        { cause: error },
      );
    });
  }
}

function problemOf(source: SourceDefinition, counts: RuleCounts, rows: readonly FailingRow[]): string | null {
  // Nothing was pushed yet: no fault of anybody.
  if (counts.numRows === 0 && source.format === "pushed") return null;
  if (counts.numRows === 0) return "the file has no rows";
  if (counts.numTaken === 0) return "where takes none of its rows";
  if (counts.numFailingRows === 0) return null;
  const rules = counts.failures.map(({ column, rule, count }) => {
    const first = rows.find((row) => row.column === column && row.rule === rule);
    return `${column} ${rule} ${count}${first === undefined ? "" : ` (first in row ${first.row}: ${first.value ?? "null"})`}`;
  });
  const failing = `${counts.numFailingRows} of ${counts.numRows} rows fail: ${rules.join("; ")}`;
  if (source.policy?.onFailure !== "quarantine") return failing;
  const allowed = source.policy.maxQuarantinedShare ?? defaultQuarantinedShare;
  return counts.numFailingRows <= allowed * counts.numRows ? null : `more than the allowed share of ${allowed}: ${failing}`;
}

/** Failing rows as they lie in the file, with `_row` and why. Written by DuckDB to a temporary file, then kept whole or not at all by the blob store. */
async function writeQuarantine(source: SourceDefinition, { typed, counts }: Inspection, blobPath: string, { duck, blobs }: RegisterContext): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "karkhana-quarantine-"));
  try {
    const file = path.join(folder, "rows.parquet");
    const columns = Object.keys(source.schema).map((name, index) => `${rawColumn(index)} AS ${quoteIdentifier(name)}`);
    const reasons = counts.failed.map((rule) => `CASE WHEN ${rule.failsSql} THEN ${quoteLiteral(`${rule.column} ${rule.rule}`)} END`);
    await duck.run(
      `COPY (SELECT _row, ${columns.join(", ")}, concat_ws('; ', ${reasons.join(", ")}) AS _reasons FROM ${typed} WHERE ${anyFails(counts.failed)} ORDER BY _row) TO ${quoteLiteral(file)} (FORMAT parquet)`,
    );
    await blobs.put(blobPath, createReadStream(file));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function refusal(report: QualityReport): KarkhanaError {
  const { source, version, problem, numRows, numFailingRows, failures } = report;
  return new KarkhanaError("DATASET_REFUSED", {
    source,
    version,
    problem,
    numRows,
    numFailingRows,
    failures,
    failingRows: report.failingRows.slice(0, maxRowsInError),
  });
}
