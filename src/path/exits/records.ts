import type { Clock, Micros } from "../../kernel/clock.ts";
import { codeOf } from "../../kernel/error.ts";
import type { Alert } from "../../monitoring/alert.ts";
import type { Datasets } from "../../data/store.ts";
import type { FeedbackReader } from "../../feedback/log.ts";
import type { PredictionRole } from "../../feedback/prediction.ts";
import type { MonitoringStore } from "../../monitoring/store.ts";
import type { EvidenceEntry } from "../evidence/entry.ts";
import type { EvidenceStore } from "../evidence/store.ts";
import type { Json, PipelineRun, Pipelines, StepRecord } from "../../pipelines/port.ts";
import type { Deployment, ModelVersion, Registry, RegistryEvent } from "../../registry/port.ts";
import type { Run, Tracking } from "../../tracking/port.ts";

/** What exits are judged by: the platform's own records, read once, as plain data. Nothing here is entered by the person judged. */
export interface PathRecords {
  readonly nowUs: Micros;
  readonly datasets: readonly DatasetRecord[];
  readonly runs: readonly RunRecord[];
  readonly trainings: readonly TrainingRecord[];
  readonly parities: readonly ParityRecord[];
  readonly models: readonly ModelRecord[];
  /** Trainings of another data folder of the same project, where one was given: the pipeline run again elsewhere. */
  readonly elsewhere: readonly TrainingRecord[];
  /** What graders and people put on the evidence chain, oldest first. */
  readonly evidence: readonly EvidenceEntry[];
  /** Numbers of the labs that this program has. */
  readonly labs: readonly number[];
}

export interface DatasetRecord {
  readonly hash: string;
  readonly source: string;
  readonly status: "accepted" | "refused";
  readonly failingRows: number;
  readonly problem: string | null;
  readonly createdUs: Micros;
}

export interface RunRecord {
  readonly runId: string;
  readonly experiment: string;
  readonly status: Run["status"];
  readonly tags: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, number>>;
}

/** A run of the pipeline that trains: what it was asked, what it read, what it made. */
export interface TrainingRecord {
  readonly runId: string;
  readonly model: string;
  readonly state: PipelineRun["state"];
  readonly reason: string;
  /** Version that the candidate was to replace; 0 for a first training. */
  readonly champion: number;
  readonly startedUs: Micros;
  readonly endedUs?: Micros;
  readonly error?: { readonly code: string; readonly message: string };
  /** Dataset versions in the order they were checked: their hashes make the model version's dataset hash. */
  readonly data: readonly { readonly source: string; readonly hash: string }[];
  readonly fit?: { readonly cached: boolean; readonly key: string; readonly models: readonly { readonly kind: string; readonly sha256: string }[] };
  readonly succeededSteps: readonly string[];
  readonly candidate?: number;
}

export interface ParityRecord {
  readonly runId: string;
  readonly vectors: number;
  readonly values: number;
  readonly mismatches: number;
}

export interface ModelRecord {
  readonly model: string;
  readonly versions: readonly ModelVersion[];
  readonly events: readonly RegistryEvent[];
  readonly deployment?: Deployment;
  readonly windows: readonly WindowRecord[];
  readonly alerts: readonly Alert[];
  /** Answers taken evenly from the whole log; empty if nothing was asked. */
  readonly answers: readonly AnswerRecord[];
}

export interface WindowRecord {
  readonly version: number;
  readonly role: PredictionRole;
  readonly startUs: Micros;
  readonly endUs: Micros;
  readonly predictions: number;
}

export interface AnswerRecord {
  readonly version: number;
  readonly role: PredictionRole;
  readonly askedUs: Micros;
  readonly servedUs: Micros;
}

/** The part of each room that is read. */
export interface RecordRooms {
  readonly datasets: Pick<Datasets, "listVersions" | "report">;
  readonly tracking: Pick<Tracking, "listExperiments" | "listRuns" | "getRun">;
  readonly registry: Pick<Registry, "listModels" | "listVersions" | "listEvents" | "getDeployment">;
  readonly pipelines: Pick<Pipelines, "listRuns">;
  readonly monitoring: Pick<MonitoringStore, "listDriftWindows" | "listAlerts">;
  readonly feedback: Pick<FeedbackReader, "predictions" | "ends">;
  readonly evidence: Pick<EvidenceStore, "list">;
  readonly labs: readonly number[];
  readonly clock: Clock;
}

const maxPipelines = 10_000;
/** Of each experiment the newest; the run of every version is read besides, however old. A page of the console stands on this. */
const maxRunsOfExperiment = 2000;
const maxWindows = 100_000;
const sampledAnswers = 512;

/** @param elsewhere pipelines of a second data folder of the same project */
export async function readRecords(rooms: RecordRooms, elsewhere?: Pick<Pipelines, "listRuns">): Promise<PathRecords> {
  const runs = await rooms.pipelines.listRuns(maxPipelines);
  const answers = await sampleAnswers(rooms.feedback);
  const names = await rooms.registry.listModels();
  const models = await Promise.all(names.map((model) => readModel(rooms, model, answers.get(model) ?? [])));
  return {
    nowUs: rooms.clock.nowUs(),
    datasets: await readDatasets(rooms.datasets),
    runs: await readRuns(rooms.tracking, new Set(models.flatMap(({ versions }) => versions.map(({ runId }) => runId)))),
    trainings: runs.filter(isTraining).map(training),
    parities: runs.flatMap(parity),
    models,
    elsewhere: elsewhere === undefined ? [] : (await elsewhere.listRuns(maxPipelines)).filter(isTraining).map(training),
    evidence: await rooms.evidence.list(),
    labs: rooms.labs,
  };
}

async function readDatasets(datasets: RecordRooms["datasets"]): Promise<DatasetRecord[]> {
  const records: DatasetRecord[] = [];
  for (const { hash, sourceName: source, status, createdUs } of await datasets.listVersions()) {
    // An accepted version has set aside at most what its policy allows; only a refusal needs its report read.
    const report = status === "refused" ? await datasets.report(hash) : undefined;
    records.push({ hash, source, status, failingRows: report?.numFailingRows ?? 0, problem: report?.problem ?? null, createdUs });
  }
  return records;
}

async function readRuns(tracking: RecordRooms["tracking"], needed: ReadonlySet<string>): Promise<RunRecord[]> {
  const records = new Map<string, RunRecord>();
  const names = new Map<string, string>();
  for (const experiment of await tracking.listExperiments()) {
    names.set(experiment.experimentId, experiment.name);
    let token: string | undefined;
    let read = 0;
    do {
      const page = await tracking.listRuns(experiment.experimentId, { limit: 100, ...(token === undefined ? {} : { token }) });
      for (const run of page.runs) records.set(run.runId, runRecord(run, experiment.name));
      read += page.runs.length;
      token = page.nextToken;
    } while (token !== undefined && read < maxRunsOfExperiment);
  }
  for (const runId of needed) {
    if (records.has(runId)) continue;
    const run = await tracking.getRun(runId).catch((error: unknown) => {
      if (codeOf(error) === "RUN_NOT_FOUND") return undefined;
      throw error;
    });
    if (run !== undefined) records.set(runId, runRecord(run, names.get(run.experimentId) ?? run.experimentId));
  }
  return [...records.values()];
}

function runRecord({ runId, status, tags, params, metrics }: Run, experiment: string): RunRecord {
  return { runId, experiment, status, tags, params, metrics: Object.fromEntries(Object.entries(metrics).map(([key, { value }]) => [key, value])) };
}

async function readModel({ registry, monitoring }: RecordRooms, model: string, answers: readonly AnswerRecord[]): Promise<ModelRecord> {
  const deployment = await registry.getDeployment(model);
  const windows = await monitoring.listDriftWindows(model, { limit: maxWindows });
  return {
    model,
    versions: await registry.listVersions(model),
    events: await registry.listEvents(model),
    ...(deployment === undefined ? {} : { deployment }),
    windows: windows.map(({ version, role, startUs, endUs, predictions }) => ({ version, role, startUs, endUs, predictions })),
    alerts: await monitoring.listAlerts({ model, limit: maxWindows }),
    answers,
  };
}

/** Evenly through the log, so that a long one costs no more than a short one. */
async function sampleAnswers(feedback: RecordRooms["feedback"]): Promise<Map<string, AnswerRecord[]>> {
  const found = new Map<string, AnswerRecord[]>();
  const first = (await feedback.predictions(0, 1))[0]?.offset;
  if (first === undefined) return found;
  const last = (await feedback.ends()).predictions - 1;
  const offsets = new Set(Array.from({ length: sampledAnswers }, (_, i) => Math.round(first + ((last - first) * i) / (sampledAnswers - 1))));
  for (const offset of offsets) {
    for (const { record } of await feedback.predictions(offset, 1)) {
      const own = found.get(record.model) ?? [];
      own.push({ version: record.version, role: record.role, askedUs: record.askedUs, servedUs: record.servedUs });
      found.set(record.model, own);
    }
  }
  return found;
}

function isTraining({ workflow }: PipelineRun): boolean {
  return workflow === "train-model";
}

/** Records of steps are JSON of an older or newer program as well: what is not of the shape expected is left out, never guessed. */
function training(run: PipelineRun): TrainingRecord {
  const step = (id: string): StepRecord | undefined => run.steps.find(({ stepId, state }) => stepId === id && state === "succeeded");
  const fit = step("fit");
  const candidate = numberAt(member(run.output, "candidate"), "version");
  return {
    runId: run.runId,
    model: textAt(run.input, "model") ?? "",
    state: run.state,
    reason: textAt(run.input, "reason") ?? "",
    champion: numberAt(run.input, "champion") ?? 0,
    startedUs: run.startedUs,
    ...(run.endedUs === undefined ? {} : { endedUs: run.endedUs }),
    ...(run.error === undefined ? {} : { error: run.error }),
    data: listAt(step("data")?.output, "versions").flatMap((version) => {
      const [source, hash] = [textAt(version, "source"), textAt(version, "hash")];
      return source === undefined || hash === undefined ? [] : [{ source, hash }];
    }),
    ...(fit?.cacheKey === undefined ? {} : { fit: { cached: fit.cached, key: fit.cacheKey, models: fittedModels(fit.output) } }),
    succeededSteps: run.steps.filter(({ state }) => state === "succeeded").map(({ stepId }) => stepId),
    ...(candidate === undefined ? {} : { candidate }),
  };
}

function fittedModels(output: Json | undefined): { kind: string; sha256: string }[] {
  if (typeof output !== "object" || output === null || Array.isArray(output)) return [];
  return Object.entries(output).flatMap(([kind, fitted]: [string, Json]) =>
    listAt(fitted, "blobs").flatMap((blob) => {
      const sha256 = textAt(blob, "sha256");
      return textAt(blob, "path")?.endsWith("/model.json") === true && sha256 !== undefined ? [{ kind, sha256 }] : [];
    }),
  );
}

function parity(run: PipelineRun): ParityRecord[] {
  const step = run.steps.find(({ stepId, state }) => stepId === "parity" && state === "succeeded");
  const [vectors, values, mismatches] = ["vectors", "values", "mismatches"].map((key) => numberAt(step?.output, key));
  return vectors === undefined || values === undefined || mismatches === undefined ? [] : [{ runId: run.runId, vectors, values, mismatches }];
}

function member(value: Json | undefined, key: string): Json | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, key)) return undefined;
  return (value as { readonly [key: string]: Json })[key];
}

function textAt(value: Json | undefined, key: string): string | undefined {
  const found = member(value, key);
  return typeof found === "string" ? found : undefined;
}

function numberAt(value: Json | undefined, key: string): number | undefined {
  const found = member(value, key);
  return typeof found === "number" ? found : undefined;
}

function listAt(value: Json | undefined, key: string): readonly Json[] {
  const found = member(value, key);
  return Array.isArray(found) ? found : [];
}
