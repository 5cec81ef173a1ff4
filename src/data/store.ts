import type { Selectable } from "kysely";

import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { Migration, SqlDatabase } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import type { QualityReport } from "./report.ts";

/** One file's content seen through one source definition. Never changes once recorded. */
export interface DatasetVersion {
  /** SHA-256 over file content and source definition. */
  readonly hash: string;
  readonly sourceName: string;
  readonly sourceHash: string;
  readonly fileHash: string;
  /** As the source declares it, relative to the project's folder. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly numRows: number;
  /** Rows that readers get: taken by `where` and not quarantined. */
  readonly numReadable: number;
  readonly numQuarantined: number;
  readonly status: "accepted" | "refused";
  /** DuckDB type of each declared column as found in the file. */
  readonly foundTypes: Readonly<Record<string, string>>;
  /** Blob paths. */
  readonly reportPath: string;
  readonly quarantinePath: string | null;
  readonly createdUs: Micros;
}

export interface Datasets {
  getVersion(hash: string): Promise<DatasetVersion | undefined>;
  /** Newest first; refused versions too. */
  listVersions(sourceName?: string): Promise<DatasetVersion[]>;
  /** The accepted version registered last. */
  latest(sourceName: string): Promise<DatasetVersion | undefined>;
  /** @throws DATASET_NOT_FOUND */
  report(hash: string): Promise<QualityReport>;
  /** Keeps report and version; repeating it, or coming second, changes nothing and gives what is kept. */
  record(version: DatasetVersion, report: QualityReport): Promise<DatasetVersion>;
}

interface VersionTable {
  hash: string;
  source_name: string;
  source_hash: string;
  file_hash: string;
  path: string;
  size_bytes: number;
  num_rows: number;
  num_readable: number;
  num_quarantined: number;
  status: string;
  found_types: string;
  report_path: string;
  quarantine_path: string | null;
  created_us: number;
}

interface DataTables {
  dataset_versions: VersionTable;
}

export const dataMigrations: readonly Migration[] = [
  {
    id: "data-0001-versions",
    up: async (trx) => {
      await trx.schema
        .createTable("dataset_versions")
        .addColumn("hash", "text", (c) => c.primaryKey())
        .addColumn("source_name", "text", (c) => c.notNull())
        .addColumn("source_hash", "text", (c) => c.notNull())
        .addColumn("file_hash", "text", (c) => c.notNull())
        .addColumn("path", "text", (c) => c.notNull())
        .addColumn("size_bytes", "bigint", (c) => c.notNull())
        .addColumn("num_rows", "bigint", (c) => c.notNull())
        .addColumn("num_readable", "bigint", (c) => c.notNull())
        .addColumn("num_quarantined", "bigint", (c) => c.notNull())
        .addColumn("status", "text", (c) => c.notNull())
        .addColumn("found_types", "text", (c) => c.notNull())
        .addColumn("report_path", "text", (c) => c.notNull())
        .addColumn("quarantine_path", "text")
        .addColumn("created_us", "bigint", (c) => c.notNull())
        .execute();
      await trx.schema.createIndex("dataset_versions_by_source").on("dataset_versions").columns(["source_name", "created_us"]).execute();
    },
  },
];

export function createDatasets(parts: { readonly database: SqlDatabase; readonly blobs: BlobStore }): Datasets {
  const { database, blobs } = parts;
  const db = tables<DataTables>(database.db);
  const versions = () => db.selectFrom("dataset_versions").selectAll().orderBy("created_us", "desc").orderBy("hash");
  const getVersion = async (hash: string): Promise<DatasetVersion | undefined> => {
    const row = await db.selectFrom("dataset_versions").selectAll().where("hash", "=", hash).executeTakeFirst();
    return row && toVersion(row);
  };
  return {
    getVersion,
    listVersions: async (sourceName) => {
      const query = sourceName === undefined ? versions() : versions().where("source_name", "=", sourceName);
      return (await query.execute()).map(toVersion);
    },
    latest: async (sourceName) => {
      const row = await versions().where("source_name", "=", sourceName).where("status", "=", "accepted").limit(1).executeTakeFirst();
      return row && toVersion(row);
    },
    report: async (hash) => {
      const version = await getVersion(hash);
      if (version === undefined) throw new KarkhanaError("DATASET_NOT_FOUND", { version: hash });
      return JSON.parse(new TextDecoder().decode(await blobs.get(version.reportPath))) as QualityReport;
    },
    record: async (version, report) => {
      // The report first: killed in between, there is a file nobody points at, which the next try writes again.
      await blobs.put(version.reportPath, new TextEncoder().encode(JSON.stringify(report)));
      await database.transaction(async (trx) => {
        await tables<DataTables>(trx)
          .insertInto("dataset_versions")
          .values(toRow(version))
          .onConflict((c) => c.column("hash").doNothing())
          .execute();
      });
      return (await getVersion(version.hash)) ?? version;
    },
  };
}

function toRow(version: DatasetVersion): VersionTable {
  return {
    hash: version.hash,
    source_name: version.sourceName,
    source_hash: version.sourceHash,
    file_hash: version.fileHash,
    path: version.path,
    size_bytes: version.sizeBytes,
    num_rows: version.numRows,
    num_readable: version.numReadable,
    num_quarantined: version.numQuarantined,
    status: version.status,
    found_types: JSON.stringify(version.foundTypes),
    report_path: version.reportPath,
    quarantine_path: version.quarantinePath,
    created_us: version.createdUs,
  };
}

function toVersion(row: Selectable<VersionTable>): DatasetVersion {
  return {
    hash: row.hash,
    sourceName: row.source_name,
    sourceHash: row.source_hash,
    fileHash: row.file_hash,
    path: row.path,
    sizeBytes: row.size_bytes,
    numRows: row.num_rows,
    numReadable: row.num_readable,
    numQuarantined: row.num_quarantined,
    status: row.status === "accepted" ? "accepted" : "refused",
    foundTypes: JSON.parse(row.found_types) as Record<string, string>,
    reportPath: row.report_path,
    quarantinePath: row.quarantine_path,
    createdUs: row.created_us,
  };
}
