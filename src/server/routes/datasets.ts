import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import type { ColumnProfile as Profile, QualityReport } from "../../data/report.ts";
import { rulesOf } from "../../data/rules.ts";
import type { SourceDefinition } from "../../data/source.ts";
import type { DatasetVersion } from "../../data/store.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import { formatIso } from "../../kernel/time.ts";
import { sourcesOf } from "../../project/definition.ts";
import type { ColumnProfile, DatasetReport, DatasetSummary, RuleResult } from "../api.ts";
import type { RouteContext } from "../control-rooms.ts";
import { schemas } from "../schemas.ts";

const params = Type.Object({ hash: Type.String({ pattern: "^[0-9a-f]{1,64}$" }) });

export function addDatasetRoutes(app: FastifyInstance, { datasets, project }: RouteContext): void {
  app.get("/datasets", { schema: { summary: "Dataset versions, newest first", response: { 200: schemas.datasets } } }, async () => {
    const versions = await datasets.listVersions();
    return Promise.all(versions.map(async (v) => summary(v, await datasets.report(v.hash))));
  });
  app.get<{ Params: Static<typeof params> }>(
    "/datasets/:hash",
    { schema: { summary: "Quality report of a dataset version", params, response: { 200: schemas.dataset } } },
    async (request): Promise<DatasetReport> => {
      const { hash } = request.params;
      const version = await datasets.getVersion(hash);
      if (version === undefined) throw new KarkhanaError("DATASET_NOT_FOUND", { version: hash });
      const report = await datasets.report(hash);
      const source = sourcesOf(project).find((s) => s.name === version.sourceName);
      return {
        ...summary(version, report),
        eventTime: source?.eventTime ?? "no longer in the project",
        knownTime: source?.knownTime ?? null,
        where: source?.where ?? null,
        policy: source === undefined ? "no longer in the project" : policyText(source),
        problem: report.problem,
        rules: ruleResults(source, report),
        failingRows: report.failingRows.slice(0, 200).map((f) => ({ ...f, rule: ruleText(source, f.column, f.rule) })),
        columns: report.columns.map(columnProfile),
      };
    },
  );
}

function summary(version: DatasetVersion, report: QualityReport): DatasetSummary {
  return {
    hash: version.hash,
    source: version.sourceName,
    state: version.status === "refused" ? "refused" : version.numQuarantined > 0 ? "quarantined" : "accepted",
    rows: version.numReadable,
    failedRows: report.numFailingRows,
    sizeBytes: version.sizeBytes,
    registeredUs: version.createdUs,
  };
}

function policyText({ policy }: SourceDefinition): string {
  if (policy?.onFailure !== "quarantine") return "any failing row stops it";
  return `set aside, up to ${100 * (policy.maxQuarantinedShare ?? 0.01)} %`;
}

/** Every rule of the contract, those that all rows meet too; a rule of a source the project has changed since is shown only if rows failed it. */
function ruleResults(source: SourceDefinition | undefined, report: QualityReport): RuleResult[] {
  const failed = new Map(report.failures.map((f) => [`${f.column} ${f.rule}`, f]));
  const known = source === undefined ? [] : rulesOf(source).map((r) => ({ column: r.column, name: r.rule }));
  const left = report.failures.filter((f) => !known.some((k) => k.column === f.column && k.name === f.rule)).map((f) => ({ column: f.column, name: f.rule }));
  return [...known, ...left].map(({ column, name }) => ({
    column: name === "eventTime" ? "event time" : name === "knownTime" ? "known time" : column,
    rule: ruleText(source, column, name),
    failed: failed.get(`${column} ${name}`)?.count ?? 0,
    checked: report.numTaken,
  }));
}

function ruleText(source: SourceDefinition | undefined, column: string, rule: string): string {
  if (rule === "type") return source?.schema[column] === undefined ? "type" : `is ${source.schema[column]}`;
  const expected: unknown = Reflect.get(source?.expect?.[column] ?? {}, rule);
  if (rule === "notNull") return "not null";
  if (rule === "min") return `≥ ${String(expected)}`;
  if (rule === "max") return `≤ ${String(expected)}`;
  if (rule === "pattern") return `matches ${String(expected)}`;
  if (rule === "oneOf") return `one of ${String(expected)}`;
  return rule === "eventTime" || rule === "knownTime" ? "is there" : rule;
}

function columnProfile(p: Profile): ColumnProfile {
  const base = { name: p.column, type: p.type, rows: p.numRows, nulls: p.numNulls, distinct: p.numDistinct };
  if (p.kind === "text")
    return { ...base, min: null, max: null, mean: null, bars: p.top.map((t) => ({ label: t.value, from: null, to: null, count: t.count })) };
  const text = (v: number): string => (p.type === "timestamp" ? formatIso(v).slice(0, 16).replace("T", " ") : String(Number(v.toPrecision(6))));
  const step = p.histogram === null ? 0 : (p.histogram.to - p.histogram.from) / p.histogram.counts.length;
  return {
    ...base,
    min: p.min === null ? null : text(p.min),
    max: p.max === null ? null : text(p.max),
    mean: p.type === "timestamp" ? null : p.mean,
    bars: (p.histogram?.counts ?? []).map((n, i) => {
      const from = p.histogram!.from + i * step;
      return { label: p.type === "timestamp" ? text(from).slice(0, 10) : String(Number(from.toPrecision(4))), from, to: from + step, count: n };
    }),
  };
}
