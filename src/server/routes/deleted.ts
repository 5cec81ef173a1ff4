import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import type { DeletedRow, Purged } from "../api-runs.ts";
import type { RouteContext } from "../control-rooms.ts";
import { runSchemas as schemas } from "../schemas-runs.ts";
import { workspaceRooms } from "../workspace-rooms.ts";

const purgeBody = Type.Object(
  { kind: Type.Union([Type.Literal("experiment"), Type.Literal("runs")]), experimentId: Type.String({ minLength: 1, maxLength: 20 }) },
  { additionalProperties: false },
);

/** What was deleted, and its deletion for good. */
export function addDeletedRoutes(app: FastifyInstance, context: RouteContext): void {
  const roomsOf = workspaceRooms(context);

  app.get("/deleted", { schema: { summary: "What was deleted and still takes space", response: { 200: schemas.deleted } } }, (request): Promise<DeletedRow[]> =>
    roomsOf(request).tracking.purging.deleted(),
  );

  app.post<{ Body: Static<typeof purgeBody> }>(
    "/deleted/purge",
    {
      schema: {
        summary: "Delete for good what was deleted: a whole experiment, or the deleted runs of an active one",
        body: purgeBody,
        response: { 200: schemas.purged },
      },
    },
    async (request): Promise<Purged> => {
      const { kind, experimentId } = request.body;
      const { purging } = roomsOf(request).tracking;
      return kind === "runs" ? purging.purgeRunsOf(experimentId) : { ...(await purging.purgeExperiment(experimentId)), inUse: 0 };
    },
  );
}
