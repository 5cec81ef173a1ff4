import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import { KarkhanaError } from "../../kernel/error.ts";
import type { RunRecord } from "../../tracking/records.ts";
import type { Run } from "../../tracking/port.ts";
import type { Evaluation, RunPage, RunSummary } from "../api.ts";
import type { MetricSeries, RunDatasetUse, RunDetail } from "../api-runs.ts";
import type { RouteContext } from "../control-rooms.ts";
import { readEvaluation } from "../evaluation-file.ts";
import { runSchemas } from "../schemas-runs.ts";
import { schemas } from "../schemas.ts";
import { workspaceRooms } from "../workspace-rooms.ts";
import { metricValue } from "./run-table.ts";

const id = Type.String({ minLength: 1, maxLength: 200 });
const runParams = Type.Object({ id });
const pageQuery = Type.Object({
  experimentId: id,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  token: Type.Optional(Type.String({ maxLength: 500 })),
});
const seriesQuery = Type.Object({
  key: Type.String({ minLength: 1, maxLength: 250 }),
  axis: Type.Optional(Type.Union([Type.Literal("step"), Type.Literal("time")])),
  buckets: Type.Optional(Type.Integer({ minimum: 10, maximum: 5000 })),
  from: Type.Optional(Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })),
  to: Type.Optional(Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })),
});

const maxEvaluationBytes = 16 * 1024 * 1024;
/** Where this program's own training puts it, and where a person would. */
const evaluationFiles = ["model/evaluation.json", "evaluation.json"];
const consoleFile = /^(console|stdout|output|train|training)\.(log|txt)$|^(stdout|stderr)$/;

export function addRunRoutes(app: FastifyInstance, context: RouteContext): void {
  const roomsOf = workspaceRooms(context);
  app.get<{ Querystring: Static<typeof pageQuery> }>(
    "/runs",
    { schema: { summary: "Runs of an experiment, newest first", querystring: pageQuery, response: { 200: schemas.runs } } },
    async (request): Promise<RunPage> => {
      const { experimentId, limit, token } = request.query;
      const page = await roomsOf(request).tracking.listRuns(experimentId, { limit: limit ?? 100, ...(token === undefined ? {} : { token }) });
      return { runs: page.runs.map(runSummary), nextToken: page.nextToken ?? null };
    },
  );

  app.get<{ Params: Static<typeof runParams> }>(
    "/runs/:id",
    { schema: { summary: "One run", params: runParams, response: { 200: runSchemas.run } } },
    (request) => runDetail(roomsOf(request), request.params.id),
  );

  app.get<{ Params: Static<typeof runParams>; Querystring: Static<typeof seriesQuery> }>(
    "/runs/:id/series",
    {
      schema: {
        summary: "A metric's history, thinned to what can be drawn",
        params: runParams,
        querystring: seriesQuery,
        response: { 200: runSchemas.series },
      },
    },
    async (request): Promise<MetricSeries> => {
      const { params, query } = request;
      const { tracking } = roomsOf(request);
      const { key, axis = "step", buckets = 600, from, to } = query;
      if (from !== undefined && to !== undefined && from > to)
        throw new KarkhanaError("INVALID_ARGUMENT", { field: "query.from", problem: "expected at most query.to", value: from });
      await tracking.runs.get(params.id);
      return { key, axis, ...(await tracking.table.series({ runId: params.id, key, axis, buckets, from, to })) };
    },
  );
}

function runSummary(run: Run): RunSummary {
  return {
    runId: run.runId,
    experimentId: run.experimentId,
    name: run.name,
    status: run.status,
    startUs: run.startUs,
    endUs: run.endUs ?? null,
    params: run.params,
    tags: run.tags,
    metrics: Object.fromEntries(Object.entries(run.metrics).map(([key, m]) => [key, m.value])),
  };
}

async function runDetail(context: RouteContext, runId: string): Promise<RunDetail> {
  const { tracking } = context;
  const record = await tracking.runs.get(runId);
  const { run, stage, userId, artifactUri, artifactsAreHere, datasets } = record;
  const { experimentId } = run;
  const top = artifactsAreHere ? await tracking.files.list({ experimentId, runId, path: "" }) : [];
  const metrics = await tracking.table.metrics(runId);
  return {
    runId,
    experimentId,
    experiment: (await tracking.experiments.get(experimentId)).name,
    name: run.name,
    status: run.status,
    stage,
    userId,
    startUs: run.startUs,
    endUs: run.endUs ?? null,
    params: run.params,
    tags: run.tags,
    metrics: metrics.map((m) => ({ ...m, value: metricValue(m.value) })),
    datasets: datasets.map(datasetUse),
    models: await modelsOf(context, record),
    artifactsAt: artifactsAreHere ? null : artifactUri,
    evaluation: artifactsAreHere ? await evaluationOf(context, record) : null,
    consoleLog: top.find((f) => !f.isFolder && consoleFile.test(f.name))?.name ?? null,
    parent: await parentOf(context, run),
    children: await tracking.table.count({ experimentIds: [experimentId], view: "ACTIVE_ONLY", filter: `tags.\`mlflow.parentRunId\` = '${runId}'` }),
    versions: await versionsOf(context, runId),
  };
}

function datasetUse({ name, digest, sourceType, source, schema, profile, tags }: RunRecord["datasets"][number]): RunDatasetUse {
  return { name, digest, sourceType, source, schema: schema ?? null, profile: profile ?? null, context: tags["mlflow.data.context"] ?? null };
}

const maxModels = 200;

async function modelsOf({ tracking }: RouteContext, { modelInputs, modelOutputs }: RunRecord): Promise<RunDetail["models"]> {
  const named = [
    ...modelOutputs.map(({ modelId, step }) => ({ modelId, step, use: "made" as const })),
    ...modelInputs.map((modelId) => ({ modelId, step: null, use: "read" as const })),
  ];
  return Promise.all(
    named.slice(0, maxModels).map(async (use) => {
      const { name, status, stage, modelType, artifactPath } = await tracking.loggedModels.get(use.modelId, { allowDeleted: true });
      return { ...use, name, status: stage === "deleted" ? "DELETED" : status, modelType: modelType ?? null, isHere: artifactPath !== undefined };
    }),
  );
}

/** The run it is nested in; a tag may name one that is not here. */
async function parentOf({ tracking }: RouteContext, run: Run): Promise<RunDetail["parent"]> {
  const runId = run.tags["mlflow.parentRunId"];
  if (runId === undefined) return null;
  const [parent] = await tracking.table.rows([runId], { metrics: [], params: [], tags: [] });
  return parent === undefined ? null : { runId, name: parent.name };
}

async function evaluationOf({ tracking }: RouteContext, { run: { runId, experimentId } }: RunRecord): Promise<Evaluation | null> {
  for (const path of evaluationFiles) {
    const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
    const file = (await tracking.files.list({ experimentId, runId, path: folder })).find((f) => f.name === path.split("/").at(-1));
    if (file === undefined || file.isFolder || file.sizeBytes > maxEvaluationBytes) continue;
    const found = readEvaluation(new TextDecoder().decode(await tracking.getArtifact(runId, path)));
    if (found !== null) return found;
  }
  return null;
}

const maxVersions = 100;

async function versionsOf({ catalog }: RouteContext, runId: string): Promise<RunDetail["versions"]> {
  const { items } = await catalog.searchVersions({ filter: `run_id = '${runId}'`, orderBy: ["name", "version_number"], limit: maxVersions });
  return items.map(({ model, version }) => ({ model, version }));
}
