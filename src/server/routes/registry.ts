import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import type { RegisteredModel, RegisteredVersion } from "../../registry/catalog.ts";
import { defaultWorkspace } from "../../kernel/workspace.ts";
import { modelKey } from "../../registry/model-key.ts";
import { proofKinds } from "../../registry/port.ts";
import type { RegisteredModelDetail, RegisteredModelPage, RegisteredModelRow, RegisteredVersionDetail, RegisteredVersionRow } from "../api-registry.ts";
import type { RouteContext } from "../control-rooms.ts";
import { lineageOf } from "../lineage.ts";
import { workspaceRooms } from "../workspace-rooms.ts";
import { registrySchemas as schemas } from "../schemas-registry.ts";
import { placeOf, proofMark } from "./models.ts";

const token = Type.Optional(Type.String({ maxLength: 2000 }));
const listQuery = Type.Object({ text: Type.Optional(Type.String({ maxLength: 200 })), token });
const nameParams = Type.Object({ name: Type.String({ minLength: 1, maxLength: 300 }) });
const pageQuery = Type.Object({ token });
const versionParams = Type.Object({ name: Type.String({ minLength: 1, maxLength: 300 }), version: Type.Integer({ minimum: 1 }) });

const modelsPerPage = 100;
const versionsPerPage = 200;

export function addRegistryRoutes(app: FastifyInstance, context: RouteContext): void {
  const roomsOf = workspaceRooms(context);

  app.get<{ Querystring: Static<typeof listQuery> }>(
    "/registry/models",
    { schema: { summary: "Registered models by name, a page at a time", querystring: listQuery, response: { 200: schemas.models } } },
    async (request): Promise<RegisteredModelPage> => {
      const { query } = request;
      const rooms = roomsOf(request);
      const { items, nextToken } = await rooms.catalog.searchModels({ ...filterOn(query.text), limit: modelsPerPage, token: query.token });
      return { models: items.map((m) => modelRow(rooms, m)), nextToken: nextToken ?? null };
    },
  );

  app.get<{ Params: Static<typeof nameParams>; Querystring: Static<typeof pageQuery> }>(
    "/registry/models/:name",
    { schema: { summary: "A registered model and its versions, newest first", params: nameParams, querystring: pageQuery, response: { 200: schemas.model } } },
    async (request): Promise<RegisteredModelDetail> => {
      const { params, query } = request;
      const rooms = roomsOf(request);
      const { catalog } = rooms;
      const model = await catalog.getModel(params.name);
      const page = await catalog.searchVersions({
        filter: `name = ${quoted(params.name)}`,
        orderBy: ["version_number DESC"],
        limit: versionsPerPage,
        token: query.token,
      });
      return { ...modelRow(rooms, model), versions: page.items.map(versionRow), nextToken: page.nextToken ?? null };
    },
  );

  app.get<{ Params: Static<typeof versionParams> }>(
    "/registry/models/:name/versions/:version",
    { schema: { summary: "A version: where it comes from, what it proved, what happened to it", params: versionParams, response: { 200: schemas.version } } },
    (request) => versionDetail(roomsOf(request), request.params.name, request.params.version),
  );
}

async function versionDetail(context: RouteContext, name: string, number: number): Promise<RegisteredVersionDetail> {
  const { catalog, registry } = context;
  const registered = await catalog.getVersion(name, number);
  const key = modelKey(context.tracking.workspace, name);
  const version = await registry.getVersion(key, number);
  const deployment = await registry.getDeployment(key);
  const place = placeOf(number, deployment);
  const events = (await registry.listEvents(key)).filter((e) => e.version === number);
  return {
    ...versionRow(registered),
    model: name,
    inProject: isInProject(context, name),
    updatedUs: registered.updatedUs,
    source: registered.source,
    runLink: webLink(registered.runLink),
    userId: registered.userId ?? null,
    loggedModelId: registered.modelId ?? null,
    artifacts: version.artifactPath === "" ? null : version.artifactPath,
    definitionHash: version.definitionHash || null,
    serviceHash: version.serviceHash || null,
    datasetHash: version.datasetHash || null,
    place,
    abShare: deployment?.challengers.find((challenger) => challenger.version === number)?.share ?? null,
    lineage: await lineageOf(context, version),
    proofs: proofKinds.map((kind) => proofMark(version, kind)),
    events: events.map((e) => ({ sequence: e.sequence, version: e.version ?? null, kind: e.kind, reason: e.reason, atUs: e.atUs })),
  };
}

/** The project's models are of `default`; another workspace's of that name is another. */
function isInProject({ project, tracking }: RouteContext, name: string): boolean {
  return tracking.workspace === defaultWorkspace && project.models.some((m) => m.name === name);
}

function modelRow(context: RouteContext, model: RegisteredModel): RegisteredModelRow {
  const newest = model.latest.reduce((last, v) => Math.max(last, v.version), 0);
  return {
    name: model.name,
    description: model.description ?? null,
    createdUs: model.createdUs,
    updatedUs: model.updatedUs,
    tags: model.tags,
    aliases: model.aliases,
    newest: newest === 0 ? null : newest,
    stages: model.latest.flatMap(({ stage, version }) => (stage === "None" ? [] : [{ stage, version }])),
    inProject: isInProject(context, model.name),
  };
}

function versionRow(v: RegisteredVersion): RegisteredVersionRow {
  return {
    version: v.version,
    state: v.state,
    stage: v.stage,
    aliases: v.aliases,
    description: v.description ?? null,
    runId: v.runId || null,
    createdUs: v.createdUs,
    tags: v.tags,
  };
}

/** A client's own words: only what a browser may open safely becomes a link. */
function webLink(link: string | undefined): string | null {
  return link !== undefined && /^https?:\/\//i.test(link) && URL.canParse(link) ? link : null;
}

/** The search language has no escape: a quote is looked for as any one character. */
function filterOn(text: string | undefined): { filter?: string } {
  const wanted = text?.trim() ?? "";
  return wanted === "" ? {} : { filter: `name ILIKE '%${wanted.replaceAll("'", "_")}%'` };
}

function quoted(name: string): string {
  return name.includes("'") ? `"${name}"` : `'${name}'`;
}
