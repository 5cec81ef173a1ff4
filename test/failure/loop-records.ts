import { parseExpressionOf, toSql } from "../../src/data/expression.ts";
import type { LabelRecord, PredictionRecord } from "../../src/feedback/prediction.ts";
import { readFeedback } from "../../src/feedback/log.ts";
import { parseIso } from "../../src/kernel/time.ts";
import type { Alert } from "../../src/monitoring/alert.ts";
import type { DriftWindowRecord, SlotPoint } from "../../src/monitoring/store.ts";
import type { QualityWindow } from "../../src/monitoring/quality.ts";
import type { PipelineRun } from "../../src/pipelines/port.ts";
import { loadProject } from "../../src/project/load.ts";
import type { Deployment, ModelVersion, RegistryEvent } from "../../src/registry/port.ts";
import { openStores } from "../../src/server/compose.ts";
import { openDuckDb } from "../../src/storage/duckdb/duckdb.ts";
import type { Run } from "../../src/tracking/port.ts";
import type { LoopSummary } from "../../src/workflows/progress.ts";
import type { DayResult } from "../../src/workflows/replay-messages.ts";

/** Everything a finished loop left in its data folder that people would miss. */
export interface LoopRecords {
  readonly summary: LoopSummary;
  readonly runs: readonly PipelineRun[];
  /** What the replay's client says was answered to it, by day (2001-03-01). */
  readonly days: ReadonlyMap<string, DayResult & { readonly attempt: number }>;
  readonly trackingRuns: readonly Run[];
  readonly versions: readonly ModelVersion[];
  readonly events: readonly RegistryEvent[];
  readonly deployment: Deployment | undefined;
  readonly drift: readonly DriftWindowRecord[];
  readonly slots: readonly SlotPoint[];
  readonly quality: readonly QualityWindow[];
  readonly alerts: readonly Alert[];
  readonly predictions: readonly PredictionRecord[];
  readonly labels: readonly LabelRecord[];
}

/** What history holds: every question the replay must ask, by id, with its time, and every outcome it must hand over. */
export interface History {
  readonly questions: ReadonlyMap<string, number>;
  readonly outcomes: ReadonlyMap<string, { readonly label: number; readonly knownUs: number }>;
}

const all = 1_000_000;

export async function readRecords(dataFolder: string, model: string): Promise<LoopRecords> {
  const stores = await openStores(dataFolder, {});
  const feedback = await readFeedback(stores.folder.logFolder);
  try {
    const runs = await stores.pipelines.listRuns(1000);
    const loop = runs.find((run) => run.workflow === "loop");
    const days = (loop?.steps ?? []).flatMap(({ stepId, output, attempt }) =>
      stepId.startsWith("play/") ? [[stepId.slice("play/".length), { ...(output as DayResult), attempt }] as const] : [],
    );
    const trackingRuns: Run[] = [];
    for (const { experimentId } of await stores.tracking.listExperiments())
      trackingRuns.push(...(await stores.tracking.listRuns(experimentId, { limit: 1000 })).runs);
    const drift = await stores.monitoring.listDriftWindows(model, { limit: all });
    const slots: SlotPoint[] = [];
    for (const { version, role, startUs } of drift) slots.push(...(await stores.monitoring.listSlots(model, { version, role, startUs })));
    return {
      summary: loop?.output as unknown as LoopSummary,
      runs,
      days: new Map(days),
      trackingRuns,
      versions: await stores.registry.listVersions(model),
      events: await stores.registry.listEvents(model),
      deployment: await stores.registry.getDeployment(model),
      drift,
      slots,
      quality: await stores.monitoring.listQualityWindows(model, { limit: all }),
      alerts: await stores.monitoring.listAlerts({ model, limit: all }),
      predictions: (await feedback.predictions(0, all)).map(({ record }) => record),
      labels: (await feedback.labels(0, all)).map(({ record }) => record),
    };
  } finally {
    await feedback.close();
    await stores.close();
  }
}

/** Asks the data itself, through the relation that the run recorded, and not what any process says it did. */
export async function readHistory(projectFolder: string, records: LoopRecords): Promise<History> {
  const { definition } = await loadProject(projectFolder);
  const { replay } = definition;
  const model = definition.models.find((m) => m.name === replay?.model);
  const data = records.runs.flatMap((run) => run.steps).find((step) => step.stepId === "data")?.output as { relations: Record<string, string> } | undefined;
  if (replay === undefined || model === undefined || data === undefined) throw new Error("the project replays nothing, or its run has not read its data");
  const [fromUs, toUs] = [parseIso(replay.from, "from"), parseIso(replay.to, "to")];
  const labelSql = toSql(parseExpressionOf("boolean", model.label, model.spine.schema, "label"));
  const duck = await openDuckDb();
  try {
    const rows = await duck.rows(
      `select _row, _event, _known, (${labelSql})::int as label from (${data.relations[model.spine.name]}) where _event >= ${fromUs} and _event < ${toUs}`,
    );
    const outcomes = rows.filter((row) => row["label"] !== null && Number(row["_known"]) < toUs);
    return {
      questions: new Map(rows.map((row) => [String(row["_row"]), Number(row["_event"])])),
      outcomes: new Map(outcomes.map((row) => [String(row["_row"]), { label: Number(row["label"]), knownUs: Number(row["_known"]) }])),
    };
  } finally {
    await duck.close();
  }
}
