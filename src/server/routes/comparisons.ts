import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import { comparedAtMost } from "../../workflows/comparisons.ts";
import type { ChallengerComparison } from "../../workflows/compare-challengers.ts";
import type { VersionComparison, VersionComparisons } from "../api-serving.ts";
import { modelNamed, type RouteContext } from "../control-rooms.ts";
import { servingSchemas } from "../schemas-serving.ts";

const params = Type.Object({ name: Type.String({ maxLength: 200 }) });

/** What `karkhana compare` says, of the latest questions. */
export function addComparisonRoutes(app: FastifyInstance, context: RouteContext): void {
  app.get<{ Params: Static<typeof params> }>(
    "/models/:name/comparisons",
    {
      schema: {
        summary: "The champion against each challenger and shadow: quality on matured outcomes, and latency",
        params,
        response: { 200: servingSchemas.comparisons },
      },
    },
    async (request): Promise<VersionComparisons> => {
      const found = await context.comparisons(modelNamed(context, request.params.name));
      return {
        champion: found?.champion ?? null,
        atMost: comparedAtMost,
        comparisons: (found?.comparisons ?? []).map((one) => shown(one, found?.champion ?? 0)),
      };
    },
  );
}

function shown(one: ChallengerComparison, champion: number): VersionComparison {
  const { role, share, sinceUs, oldestUs, verdict, summary, matured, difference, low, high, margin } = one;
  return {
    role,
    share: share ?? null,
    sinceUs,
    oldestUs,
    verdict,
    summary,
    matured,
    champion: { version: champion, logLoss: one.championLogLoss, auc: one.championAuc, latency: one.championLatency },
    candidate: { version: one.version, logLoss: one.candidateLogLoss, auc: one.candidateAuc, latency: one.candidateLatency },
    gain: difference === null || low === null || high === null ? null : { value: difference, low, high },
    margin,
  };
}
