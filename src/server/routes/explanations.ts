import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import { isPrediction, type PredictionRecord } from "../../feedback/prediction.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import type { PredictionExplanation } from "../explanation-api.ts";
import { modelNamed, type RouteContext } from "../control-rooms.ts";

const params = Type.Object({ name: Type.String({ maxLength: 200 }), id: Type.String({ maxLength: 400 }) });
const role = Type.Union([Type.Literal("champion"), Type.Literal("challenger"), Type.Literal("shadow")]);
const query = Type.Object({ role: Type.Optional(role) });
const reply = Type.Object({
  id: Type.String(),
  version: Type.Integer(),
  role,
  baseline: Type.Number({ description: "raw score of the average row" }),
  rawScore: Type.Number(),
  score: Type.Number(),
  loggedScore: Type.Number(),
  contributions: Type.Array(Type.Object({ slot: Type.String(), value: Type.Union([Type.Number(), Type.String(), Type.Null()]), contribution: Type.Number() }), {
    description: "largest effect first",
  }),
});

/** A prediction is looked for among this many of the latest, of all models. */
const searched = 50_000;
const chunk = 1000;

export function addExplanationRoutes(app: FastifyInstance, context: RouteContext): void {
  app.get<{ Params: Static<typeof params>; Querystring: Static<typeof query> }>(
    "/models/:name/predictions/:id/explanation",
    {
      schema: {
        summary: "What each feature added to one logged prediction (TreeSHAP), worked out on demand",
        params,
        querystring: query,
        response: { 200: reply },
      },
    },
    async (request): Promise<PredictionExplanation> => {
      const model = modelNamed(context, request.params.name);
      const record = await find(context, model.name, request.params.id, request.query.role);
      const version = await context.registry.getVersion(model.name, record.version);
      const { baseline, contributions, rawScore, score } = await context.explainer.explain(version.artifactPath, record.vector);
      const categories = await context.files.categories(version);
      const rows = Array.from(contributions, (contribution, i) => {
        const slot = model.service.slots[i]?.name ?? `slot ${i}`;
        const value = record.vector[i]!;
        return { slot, value: Number.isNaN(value) ? null : (categories[slot]?.[value] ?? value), contribution };
      });
      return {
        id: record.id,
        version: record.version,
        role: record.role,
        baseline,
        rawScore,
        score,
        loggedScore: record.score,
        contributions: rows.sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution)),
      };
    },
  );
}

/** The latest of that id; of the champion or challenger that answered, unless a role is asked for. */
async function find({ feedback }: RouteContext, model: string, id: string, wanted: PredictionRecord["role"] | undefined): Promise<PredictionRecord> {
  const { predictions: end } = await feedback.ends();
  for (let to = end; to > 0 && end - to < searched; to -= chunk) {
    const from = Math.max(0, to - chunk);
    const records = await feedback.predictions(from, to - from);
    const found = records.findLast(
      ({ record }) =>
        record.model === model && record.id === id && isPrediction(record) && (wanted === undefined ? record.role !== "shadow" : record.role === wanted),
    );
    if (found !== undefined) return found.record;
    // Nothing older is kept.
    if (records.length > 0 && records[0]!.offset > from) break;
  }
  throw new KarkhanaError("PREDICTION_NOT_FOUND", { model, id: id.slice(0, 100), searched });
}
