import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import type { Parity } from "../api-features.ts";
import { modelNamed, type RouteContext } from "../control-rooms.ts";
import { schemas } from "../schemas.ts";

const params = Type.Object({ name: Type.String({ maxLength: 200 }) });
const query = Type.Object({ slot: Type.Optional(Type.String({ maxLength: 500, description: "Only differences of this slot." })) });
const checksShown = 500;
const differencesShown = 200;

export function addParityRoutes(app: FastifyInstance, context: RouteContext): void {
  const { parity } = context;
  app.get<{ Params: Static<typeof params>; Querystring: Static<typeof query> }>(
    "/models/:name/parity",
    {
      schema: {
        summary: "Served vectors recomputed by the offline SQL: checks, mismatches by slot, and the differences with the rows behind them",
        params,
        querystring: query,
        response: { 200: schemas.parity },
      },
    },
    async (request): Promise<Parity> => {
      const { name } = modelNamed(context, request.params.name);
      const { slot } = request.query;
      const { served, vectors, values, mismatches, lastCheckedUs } = await parity.totals(name);
      return {
        model: name,
        served,
        vectors,
        values,
        mismatches,
        lastCheckedUs,
        checks: (await parity.listChecks(name, checksShown))
          .toReversed()
          .map((c) => ({ checkedUs: c.checkedUs, fromUs: c.fromUs, toUs: c.toUs, served: c.served, vectors: c.vectors, mismatches: c.mismatches })),
        slots: (await parity.slots(name)).map((s) => ({ ...s, share: s.mismatches / vectors })),
        differences: await parity.listDifferences(name, { limit: differencesShown, ...(slot === undefined ? {} : { slot }) }),
      };
    },
  );
}
