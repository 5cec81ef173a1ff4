import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import { KarkhanaError } from "../../kernel/error.ts";
import { parseIso } from "../../kernel/time.ts";
import { roadmap } from "../../path/content/roadmap.ts";
import { judgeStages } from "../../path/exits/predicates.ts";
import { planToCalendar, planToJson, planToMarkdown } from "../../path/plan-export.ts";
import type { RouteContext } from "../control-rooms.ts";
import type { EvidenceLine, PathOverview, PathPlan } from "../path-api.ts";
import { evidenceLine, pathOverview, planView } from "../path-view.ts";

const short = Type.String({ minLength: 1, maxLength: 100 });
const planBody = Type.Object(
  {
    backgroundId: short,
    trackId: Type.Optional(short),
    /** A day, such as 2027-01-04; default today. */
    start: Type.Optional(Type.String({ maxLength: 40 })),
    hoursPerWeek: Type.Number(),
    hoursPerRoadmapWeek: Type.Optional(Type.Number()),
  },
  { additionalProperties: false },
);
const exportQuery = Type.Object({ format: Type.Union([Type.Literal("markdown"), Type.Literal("json"), Type.Literal("ical")]) });
const attestBody = Type.Object(
  { subject: short, byName: Type.String({ minLength: 1, maxLength: 120 }), statement: Type.String({ minLength: 1, maxLength: 2000 }) },
  { additionalProperties: false },
);

/** The roadmap, where a person stands on it, the plan and the evidence. Labs, drills and rounds are in path-work.ts. */
export function addPathRoutes(app: FastifyInstance, { path: desk }: RouteContext): void {
  app.get("/path/content", { schema: { summary: "The roadmap: stages, topics, tracks, claims of both sources" } }, () => roadmap);

  app.get("/path", { schema: { summary: "Where a person stands, what is next, what is proved and what is claimed" } }, (): Promise<PathOverview> =>
    pathOverview(desk),
  );

  app.post("/path/keep", { schema: { summary: "Puts every condition that holds on the evidence chain" } }, async (): Promise<readonly EvidenceLine[]> => {
    const records = await desk.records();
    return (await desk.keep(records, judgeStages(roadmap, records))).map(evidenceLine);
  });

  app.get("/path/plan", { schema: { summary: "The plan in force" } }, async (): Promise<PathPlan | null> => {
    const saved = await desk.plan();
    return saved === undefined ? null : planView(saved, desk.nowUs());
  });

  app.post<{ Body: Static<typeof planBody> }>(
    "/path/plan",
    { schema: { summary: "Makes and keeps a plan", body: planBody } },
    async (request): Promise<PathPlan> => {
      const { start, ...rest } = request.body;
      const nowUs = desk.nowUs();
      const saved = await desk.savePlan({ ...rest, startUs: start === undefined || start === "" ? nowUs : parseIso(start, "body.start") });
      return planView(saved, nowUs);
    },
  );

  app.get<{ Querystring: Static<typeof exportQuery> }>(
    "/path/plan/export",
    { schema: { summary: "The plan in force as Markdown, JSON or iCalendar", querystring: exportQuery } },
    async (request, reply) => {
      const saved = await desk.plan();
      if (saved === undefined)
        throw new KarkhanaError("INVALID_ARGUMENT", { field: "plan", problem: "none was made yet: choose a background first", value: "nothing" });
      const { plan } = saved;
      const [type, name, content] =
        request.query.format === "ical"
          ? ["text/calendar; charset=utf-8", "plan.ics", planToCalendar(plan, desk.nowUs())]
          : request.query.format === "json"
            ? ["application/json; charset=utf-8", "plan.json", planToJson(plan)]
            : ["text/markdown; charset=utf-8", "plan.md", planToMarkdown(roadmap, plan)];
      return reply.type(type).header("content-disposition", `attachment; filename="${name}"`).send(content);
    },
  );

  app.post<{ Body: Static<typeof attestBody> }>(
    "/path/attest",
    { schema: { summary: "Keeps a person's word, as that", body: attestBody } },
    async (request): Promise<EvidenceLine> => evidenceLine(await desk.attest(request.body.subject, request.body.byName, request.body.statement)),
  );

  app.get("/path/report", { schema: { summary: "All evidence in one file that can be checked anywhere" } }, async (_request, reply) =>
    reply
      .type("application/json; charset=utf-8")
      .header("content-disposition", 'attachment; filename="karkhana-evidence.json"')
      .send(await desk.exportReport()),
  );
}
