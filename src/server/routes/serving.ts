import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import type { ExchangeRecord } from "../../feedback/exchanges.ts";
import type { PredictionRecord } from "../../feedback/prediction.ts";
import type { Exchange } from "../api-serving.ts";
import type { Prediction, Serving } from "../api.ts";
import { modelNamed, type RouteContext } from "../control-rooms.ts";
import { servingSchemas } from "../schemas-serving.ts";
import { schemas } from "../schemas.ts";

const params = Type.Object({ name: Type.String({ maxLength: 200 }) });
const query = Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })) });

const exchangesQuery = Type.Object({ model: Type.String({ maxLength: 200 }), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })) });

/** Labels are read back this far: outcomes of the latest questions are not older than that many others. */
const labelsRead = 4000;
const chunk = 500;

export function addServingRoutes(app: FastifyInstance, context: RouteContext): void {
  app.get("/serving", { schema: { summary: "Counts of the serving process", response: { 200: servingSchemas.serving } } }, (): Serving =>
    context.serving.current(),
  );

  app.get<{ Querystring: Static<typeof exchangesQuery> }>(
    "/exchanges",
    {
      schema: {
        summary: "Latest logged questions to a language model, newest first",
        querystring: exchangesQuery,
        response: { 200: servingSchemas.exchanges },
      },
    },
    async ({ query: { model, limit = 50 } }) => (await context.exchanges(model, limit)).map(shownExchange),
  );

  app.get<{ Params: Static<typeof params>; Querystring: Static<typeof query> }>(
    "/models/:name/predictions",
    { schema: { summary: "Latest logged predictions, newest first", params, querystring: query, response: { 200: schemas.predictions } } },
    (request) => latest(context, modelNamed(context, request.params.name).name, request.query.limit ?? 50),
  );
}

function shownExchange(record: ExchangeRecord): Exchange {
  const { id, backend, version, route, tenant, stream, askedUs, outcome, code, promptTokens, completionTokens, firstTokenUs, totalUs, prompt, completion } =
    record;
  return { id, backend, version, route, tenant, stream, askedUs, outcome, code, promptTokens, completionTokens, firstTokenUs, totalUs, prompt, completion };
}

async function latest(context: RouteContext, model: string, limit: number): Promise<Prediction[]> {
  const { feedback } = context;
  const ends = await feedback.ends();
  const found: PredictionRecord[] = [];
  // Backwards in chunks: the log may hold other models' predictions in between.
  for (let to = ends.predictions; to > 0 && found.length < limit && ends.predictions - to < 20 * chunk; to -= chunk) {
    const from = Math.max(0, to - chunk);
    const records = await feedback.predictions(from, to - from);
    found.push(
      ...records
        .filter(({ offset, record }) => offset < to && record.model === model)
        .map((r) => r.record)
        .toReversed(),
    );
    // Nothing older is kept.
    if (records.length > 0 && records[0]!.offset > from) break;
  }
  const recent = found.slice(0, limit);
  const wanted = new Set(recent.map((r) => r.id));
  const from = Math.max(0, ends.labels - labelsRead);
  const labels = new Map<string, 0 | 1>();
  for (const { record } of await feedback.labels(from, ends.labels - from))
    if (record.model === model && wanted.has(record.id)) labels.set(record.id, record.label);
  const versions = new Map((await context.registry.listVersions(model)).map((v) => [v.version, v]));
  const shown: Prediction[] = [];
  for (const record of recent) {
    const version = versions.get(record.version);
    const profile = version === undefined ? undefined : await context.files.profile(version);
    const categories = version === undefined ? {} : await context.files.categories(version);
    shown.push({
      id: record.id,
      version: record.version,
      role: record.role,
      askedUs: record.askedUs,
      score: record.score,
      label: labels.get(record.id) ?? null,
      latencyUs: record.latencyUs,
      instead: record.instead === undefined ? null : { by: record.instead.by, version: record.instead.version },
      fields: record.fields,
      features: Array.from(record.vector, (value, i) => {
        const slot = profile?.slots[i]?.name ?? `slot ${i}`;
        const named = categories[slot];
        return { slot, value: Number.isNaN(value) ? null : named === undefined ? value : (named[value] ?? value) };
      }),
    });
  }
  return shown;
}
