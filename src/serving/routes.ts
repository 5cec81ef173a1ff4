import type { FastifyInstance } from "fastify";
import { KarkhanaError } from "../kernel/error.ts";
import type { HttpOptions } from "./http.ts";
import type { AnswerWork } from "./http-call.ts";
import { joinMetrics } from "./peers/metrics-text.ts";
import { predict } from "./predict.ts";
import { pushAnswer, readLabelsRequest, readPushRequest } from "./push-request.ts";
import { listBackends } from "./openai/http-routes.ts";
import { reportModel } from "./report.ts";
import type { ServedModel } from "./served-model.ts";

interface NameParams {
  Params: { name: string };
}

export function addRoutes(app: FastifyInstance, options: HttpOptions, answer: AnswerWork): void {
  addWrites(app, options, answer);
  addReports(app, options);
}

function addWrites(app: FastifyInstance, options: HttpOptions, answer: AnswerWork): void {
  const { online, feedback, clock, limits, sources } = options;

  app.post<NameParams>("/v1/models/:name/predict", (request, reply) => {
    const model = modelNamed(options, request.params.name);
    answer(request, reply, request.params.name, (call) => predict(model, request.body, call, options));
  });

  app.post<NameParams>("/v1/models/:name/labels", (request, reply) => {
    const model = modelNamed(options, request.params.name);
    answer(request, reply, request.params.name, async () => {
      const labels = readLabelsRequest(request.body, model.definition.name, limits, clock.nowUs());
      await feedback.logLabels(labels);
      return JSON.stringify({ model: model.definition.name, logged: labels.length });
    });
  });

  app.post<NameParams>("/v1/sources/:name/push", (request, reply) => {
    const { name } = request.params;
    const columns = sources.get(name);
    if (columns === undefined) throw new KarkhanaError("SOURCE_NOT_IN_PROJECT", { source: name.slice(0, 100), sources: [...sources.keys()].join(", ") });
    answer(request, reply, `source ${name}`, async () => {
      const { rows, origin } = readPushRequest(request.body, limits);
      return pushAnswer(await online.ingest(name, rows, origin), rows, columns);
    });
  });
}

function addReports(app: FastifyInstance, options: HttpOptions): void {
  const { models, server, follower, health, reports, peers } = options;

  app.get("/health", (_request, reply) => {
    const report = health();
    return reply.code(report.status === "ok" || report.status === "degraded" ? 200 : 503).send(report);
  });
  // Two readers, one list: this program's, and OpenAI's clients, which look at `data`.
  app.get("/v1/models", () => ({ object: "list", data: listBackends(server.files.backends.values()), models: [...models.values()].map(reportModel) }));
  app.get("/v1/stats", async () => reports.stats((await peers?.states()) ?? []));
  app.get("/metrics", async ({ headers }, reply) => {
    const contentType = reports.contentTypeFor(headers.accept);
    const others = await peers?.metrics(contentType);
    const own = await reports.metrics(contentType);
    const text =
      peers === undefined || others === undefined ? own : joinMetrics([{ process: peers.process, text: own }, ...others].sort((a, b) => a.process - b.process));
    return reply.header("content-type", contentType).send(text);
  });
  app.post("/v1/admin/refresh", async () => {
    await Promise.all([follower.refresh(), peers?.refresh()]);
    return { models: [...models.values()].map(reportModel) };
  });
}

function modelNamed({ models }: HttpOptions, name: string): ServedModel {
  const model = models.get(name);
  if (model === undefined) throw new KarkhanaError("MODEL_NOT_IN_PROJECT", { model: name.slice(0, 100), models: [...models.keys()].join(", ") });
  return model;
}
