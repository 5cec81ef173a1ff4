import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import type { PipelineRun } from "../../pipelines/port.ts";
import type { PipelineDetail, PipelineSummary } from "../api.ts";
import type { RouteContext } from "../control-rooms.ts";
import { schemas } from "../schemas.ts";

const params = Type.Object({ id: Type.String({ minLength: 1, maxLength: 200 }) });
const query = Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })) });

export function addPipelineRoutes(app: FastifyInstance, { pipelines }: RouteContext): void {
  app.get<{ Querystring: Static<typeof query> }>(
    "/pipelines",
    { schema: { summary: "Pipeline runs, newest first", querystring: query, response: { 200: schemas.pipelines } } },
    async (request) => (await pipelines.listRuns(request.query.limit ?? 100)).map(summary),
  );
  app.get<{ Params: Static<typeof params> }>(
    "/pipelines/:id",
    { schema: { summary: "One pipeline run with its steps", params, response: { 200: schemas.pipeline } } },
    async (request) => detail(await pipelines.getRun(request.params.id)),
  );
}

function summary(run: PipelineRun): PipelineSummary {
  return {
    runId: run.runId,
    workflow: run.workflow,
    state: run.state,
    startedUs: run.startedUs,
    endedUs: run.endedUs ?? null,
    steps: run.steps.length,
    cached: run.steps.filter((s) => s.cached).length,
    failed: run.steps.filter((s) => s.state === "failed").length,
  };
}

function detail(run: PipelineRun): PipelineDetail {
  return {
    ...summary(run),
    input: run.input,
    output: run.output ?? null,
    error: run.error ?? null,
    steps: run.steps.map((s) => ({
      stepId: s.stepId,
      state: s.state,
      attempt: s.attempt,
      cached: s.cached,
      startedUs: s.startedUs,
      endedUs: s.endedUs ?? null,
      progress: s.progress ?? null,
      error: s.error ?? null,
      output: s.output ?? null,
    })),
  };
}
