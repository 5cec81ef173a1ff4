import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import type { BlobEntry } from "../../storage/blobs/port.ts";
import type { Metric, Run } from "../../tracking/port.ts";
import type { ArtifactText, Evaluation, ExperimentSummary, RunDetail, RunPage, RunSummary } from "../api.ts";
import type { RouteContext } from "../control-rooms.ts";
import { readEvaluation } from "../evaluation-file.ts";
import { schemas } from "../schemas.ts";

const id = Type.String({ minLength: 1, maxLength: 200 });
const runParams = Type.Object({ id });
const pageQuery = Type.Object({
  experimentId: id,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  token: Type.Optional(Type.String({ maxLength: 500 })),
});
const artifactQuery = Type.Object({ path: Type.String({ minLength: 1, maxLength: 500 }) });

const maxText = 256 * 1024;
const maxFolders = 200;
const maxPoints = 1000;

export function addRunRoutes(app: FastifyInstance, context: RouteContext): void {
  const { tracking } = context;
  app.get(
    "/experiments",
    { schema: { summary: "Experiments, newest first", response: { 200: schemas.experiments } } },
    async (): Promise<ExperimentSummary[]> =>
      (await tracking.listExperiments())
        .map(({ experimentId, name, createdUs }) => ({ experimentId, name, createdUs }))
        .sort((a, b) => b.createdUs - a.createdUs),
  );

  app.get<{ Querystring: Static<typeof pageQuery> }>(
    "/runs",
    { schema: { summary: "Runs of an experiment, newest first", querystring: pageQuery, response: { 200: schemas.runs } } },
    async (request): Promise<RunPage> => {
      const { experimentId, limit, token } = request.query;
      const page = await tracking.listRuns(experimentId, { limit: limit ?? 100, ...(token === undefined ? {} : { token }) });
      return { runs: page.runs.map(runSummary), nextToken: page.nextToken ?? null };
    },
  );

  app.get<{ Params: Static<typeof runParams> }>(
    "/runs/:id",
    { schema: { summary: "One run", params: runParams, response: { 200: schemas.run } } },
    async (request): Promise<RunDetail> => {
      const run = await tracking.getRun(request.params.id);
      const artifacts = await filesOf(context, run.runId);
      return {
        ...runSummary(run),
        histories: await histories(context, run),
        artifacts,
        evaluation: await evaluationOf(context, run.runId, artifacts),
        versions: await versionsOf(context, run.runId),
      };
    },
  );

  app.get<{ Params: Static<typeof runParams>; Querystring: Static<typeof artifactQuery> }>(
    "/runs/:id/artifact",
    { schema: { summary: "Text of an artifact, at most 256 kB of it", params: runParams, querystring: artifactQuery, response: { 200: schemas.artifact } } },
    async (request): Promise<ArtifactText> => {
      const { path } = request.query;
      const data = await tracking.getArtifact(request.params.id, path);
      return { path, sizeBytes: data.byteLength, truncated: data.byteLength > maxText, text: new TextDecoder().decode(data.subarray(0, maxText)) };
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

/** Files of a run, paths relative to it. */
async function filesOf({ tracking }: RouteContext, runId: string): Promise<{ path: string; sizeBytes: number }[]> {
  const root = (await tracking.getRun(runId)).artifactPath;
  const files: BlobEntry[] = [];
  const folders = [""];
  // Folders found on the way are walked too.
  for (const folder of folders) {
    if (folders.length > maxFolders) break;
    for (const entry of await tracking.listArtifacts(runId, folder)) {
      if (entry.isFolder) folders.push(entry.path.slice(root.length + 1));
      else files.push(entry);
    }
  }
  return files.map((f) => ({ path: f.path.slice(root.length + 1), sizeBytes: f.sizeBytes })).sort((a, b) => a.path.localeCompare(b.path));
}

/** Metrics logged at more than one step. */
async function histories({ tracking }: RouteContext, run: Run): Promise<RunDetail["histories"]> {
  const found: Record<string, { step: number; value: number }[]> = {};
  for (const key of Object.keys(run.metrics)) {
    const points = await tracking.metricHistory(run.runId, key);
    if (new Set(points.map((p) => p.step)).size > 1) found[key] = thinned(points).map(({ step, value }) => ({ step, value }));
  }
  return found;
}

/** Of each stretch of a long series its lowest and highest point: peaks stay where they are. */
function thinned(points: readonly Metric[]): Metric[] {
  const ordered = points.toSorted((a, b) => a.step - b.step);
  if (ordered.length <= maxPoints) return ordered;
  const stretch = Math.ceil((2 * ordered.length) / maxPoints);
  const kept: Metric[] = [];
  for (let from = 0; from < ordered.length; from += stretch) {
    const part = ordered.slice(from, from + stretch).sort((a, b) => a.value - b.value);
    const ends = part.length === 1 ? part : [part[0]!, part.at(-1)!];
    kept.push(...ends.sort((a, b) => a.step - b.step));
  }
  return kept;
}

async function evaluationOf({ tracking }: RouteContext, runId: string, artifacts: readonly { path: string; sizeBytes: number }[]): Promise<Evaluation | null> {
  const file = artifacts.find((a) => a.path.split("/").at(-1) === "evaluation.json" && a.sizeBytes < 16 * 1024 * 1024);
  return file === undefined ? null : readEvaluation(new TextDecoder().decode(await tracking.getArtifact(runId, file.path)));
}

async function versionsOf({ project, registry }: RouteContext, runId: string): Promise<RunDetail["versions"]> {
  const all = await Promise.all(project.models.map((m) => registry.listVersions(m.name)));
  return all.flat().flatMap((v) => (v.runId === runId ? [{ model: v.model, version: v.version }] : []));
}
