import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type, type Static } from "typebox";
import { requireRole } from "../../access/gate.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import { eventLog } from "../../path/incident-report.ts";
import { describeLab, findLab } from "../../path/labs/catalogue.ts";
import { languages, maxSourceBytes } from "../../path/labs/lab.ts";
import { withoutSeed } from "../../path/drills/sheet.ts";
import { isLoopback } from "../../serving/http-guard.ts";
import type { RouteContext } from "../control-rooms.ts";
import type { AnsweredSheet, EvidenceLine, GradedLab, LabPage, LoggedEvent, PathLab, StoredSheet } from "../path-api.ts";
import { evidenceLine, labViews } from "../path-view.ts";

const id = Type.String({ minLength: 1, maxLength: 100 });
const labParams = Type.Object({ lab: Type.String({ minLength: 1, maxLength: 20 }) });
const language = Type.Union(languages.map((name) => Type.Literal(name)));
const code = Type.Object({ language, source: Type.String({ maxLength: maxSourceBytes }) }, { additionalProperties: false });
const sheetParams = Type.Object({ id });
const startBody = Type.Union([
  Type.Object({ kind: Type.Literal("drift") }, { additionalProperties: false }),
  Type.Object({ kind: Type.Literal("design"), subject: Type.Optional(id) }, { additionalProperties: false }),
  Type.Object({ kind: Type.Literal("interview"), round: Type.Integer({ minimum: 1, maximum: 5 }) }, { additionalProperties: false }),
]);
const answerBody = Type.Object(
  {
    answers: Type.Record(
      Type.String({ maxLength: 100 }),
      Type.Union([Type.String({ maxLength: 8000 }), Type.Array(Type.String({ maxLength: 200 }), { maxItems: 100 })]),
    ),
    code: Type.Optional(code),
  },
  { additionalProperties: false },
);
/** A solution and its quoting as JSON. */
const bodyLimit = 2 * maxSourceBytes + 65_536;

/** Code is run only for who sits at this machine, or, where people are asked who they are, for its admin: the guards are made for accidents, not for strangers. */
function requireOwn(request: FastifyRequest): void {
  const { principal } = request;
  if (principal !== null) return requireRole(principal, "admin");
  const address = request.socket.remoteAddress?.replace(/^::ffff:/, "") ?? "";
  if (!isLoopback(address)) throw new KarkhanaError("HOST_REFUSED", { value: address === "" ? "an unknown address" : address });
}

/** Labs, drills and interview rounds: what is graded, in a process of its own and one at a time. */
export function addPathWorkRoutes(app: FastifyInstance, { path: desk }: RouteContext): void {
  app.get("/path/labs", { schema: { summary: "Labs that can be run here" } }, async (): Promise<readonly PathLab[]> => labViews(await desk.evidence()));

  app.get<{ Params: Static<typeof labParams> }>(
    "/path/labs/:lab",
    { schema: { summary: "One lab: its task, its starter, its limits", params: labParams } },
    async (request): Promise<LabPage> => {
      const lab = describeLab(findLab(request.params.lab));
      const entry = (await desk.evidence()).find(({ body }) => body.kind === "lab" && body.subject === lab.id);
      return { ...lab, passed: entry !== undefined, kept: entry?.body.sequence ?? null };
    },
  );

  app.post<{ Params: Static<typeof labParams>; Body: Static<typeof code> }>(
    "/path/labs/:lab/grade",
    { schema: { summary: "Grades a solution against hidden cases made fresh", params: labParams, body: code }, bodyLimit },
    async (request): Promise<GradedLab> => {
      requireOwn(request);
      const { number } = findLab(request.params.lab);
      const { verdict, added } = await desk.gradeLab(number, request.body.language, request.body.source);
      return { verdict, added: added.map(evidenceLine) };
    },
  );

  app.get("/path/sheets", { schema: { summary: "Drills and rounds that were started, newest first" } }, async (): Promise<readonly StoredSheet[]> =>
    (await desk.listSheets()).map(withoutSeed),
  );

  app.post<{ Body: Static<typeof startBody> }>(
    "/path/sheets",
    { schema: { summary: "Starts a drift drill, a design drill or an interview round", body: startBody } },
    async (request): Promise<StoredSheet> => {
      const { body } = request;
      if (body.kind === "drift") return withoutSeed(await desk.startDrift());
      return withoutSeed(await (body.kind === "design" ? desk.startDesign(body.subject) : desk.startRound(body.round)));
    },
  );

  app.get<{ Params: Static<typeof sheetParams> }>(
    "/path/sheets/:id",
    { schema: { summary: "One sheet, with its grade once it is answered", params: sheetParams } },
    async (request): Promise<StoredSheet> => withoutSeed(await desk.sheet(request.params.id)),
  );

  app.post<{ Params: Static<typeof sheetParams>; Body: Static<typeof answerBody> }>(
    "/path/sheets/:id/answer",
    { schema: { summary: "Grades the first answers, once", params: sheetParams, body: answerBody }, bodyLimit },
    async (request): Promise<AnsweredSheet> => {
      if (request.body.code !== undefined) requireOwn(request);
      const { sheet, entry } = await desk.answer(request.params.id, request.body.answers, request.body.code);
      return { sheet, entry: evidenceLine(entry) };
    },
  );

  app.get(
    "/path/events",
    { schema: { summary: "The event log that an incident report's times are held against" } },
    async (): Promise<readonly LoggedEvent[]> => eventLog(await desk.records()),
  );

  app.post("/path/incident", { schema: { summary: "Files an incident report whose times agree with the event log" } }, async (request): Promise<EvidenceLine> =>
    evidenceLine(await desk.fileIncident(request.body)),
  );
}
