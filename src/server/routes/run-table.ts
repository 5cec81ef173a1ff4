import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import type { RunSelection } from "../../tracking/table/query.ts";
import type { ExperimentRow, MetricValue, RunGroups, RunKeys, RunRow, RunWindow, SavedView } from "../api-runs.ts";
import type { RouteContext } from "../control-rooms.ts";
import { RunOrders } from "../run-orders.ts";
import { runSchemas as schemas } from "../schemas-runs.ts";
import { workspaceRooms } from "../workspace-rooms.ts";

/** A query may name one or several. */
const several = (maxItems: number, maxLength: number) => {
  const one = Type.String({ minLength: 1, maxLength });
  return Type.Optional(Type.Union([one, Type.Array(one, { maxItems })]));
};
const selection = {
  experimentId: several(100, 20),
  filter: Type.Optional(Type.String({ maxLength: 8000 })),
  view: Type.Optional(Type.Union([Type.Literal("ACTIVE_ONLY"), Type.Literal("DELETED_ONLY"), Type.Literal("ALL")])),
};
const windowQuery = Type.Object({
  ...selection,
  orderBy: several(5, 300),
  from: Type.Optional(Type.Integer({ minimum: 0 })),
  count: Type.Optional(Type.Integer({ minimum: 0, maximum: 500 })),
  order: Type.Optional(Type.String({ maxLength: 60 })),
  find: Type.Optional(Type.String({ maxLength: 32 })),
  metric: several(100, 250),
  param: several(100, 250),
  tag: several(100, 250),
});
const countQuery = Type.Object(selection);
const keysQuery = Type.Object({ ...selection, text: Type.Optional(Type.String({ maxLength: 250 })) });
const groupsQuery = Type.Object({ ...selection, by: Type.String({ minLength: 1, maxLength: 300 }), metric: several(12, 250) });
const viewParams = Type.Object({ name: Type.String({ minLength: 1, maxLength: 500 }) });
const viewBody = Type.Object({ query: Type.String({ maxLength: 8000 }) }, { additionalProperties: false });

type Selection = Static<typeof countQuery>;

const maxExperiments = 5000;

export function addRunTableRoutes(app: FastifyInstance, context: RouteContext): void {
  const roomsOf = workspaceRooms(context);
  const orders = new RunOrders();

  app.get(
    "/experiments",
    { schema: { summary: "Experiments with the numbers of their runs, newest first", response: { 200: schemas.experiments } } },
    async (request): Promise<ExperimentRow[]> => {
      const { tracking } = roomsOf(request);
      const { items } = await tracking.experiments.search({ view: "ACTIVE_ONLY", limit: maxExperiments });
      const counts = new Map((await tracking.table.experiments()).map((c) => [c.experimentId, c]));
      return items.map(({ experimentId, name, createdUs, tags }) => {
        const { runs = 0, running = 0, failed = 0, latestUs = null } = counts.get(experimentId) ?? {};
        return { experimentId, name, createdUs, tags, runs, running, failed, latestUs };
      });
    },
  );

  app.get<{ Querystring: Static<typeof windowQuery> }>(
    "/runs/table",
    { schema: { summary: "Rows of a table of runs: filtered, ordered, any part of it", querystring: windowQuery, response: { 200: schemas.window } } },
    async (request): Promise<RunWindow> => {
      const { query, workspace } = request;
      const { tracking } = roomsOf(request);
      const asked = selectionOf(query);
      const orderBy = listOf(query.orderBy);
      const identity = JSON.stringify([workspace, asked, orderBy]);
      let name = query.order ?? "";
      let order = orders.get(name, identity);
      if (order === undefined) {
        order = await tracking.table.order(asked, orderBy);
        name = orders.keep(identity, order);
      }
      const from = query.from ?? 0;
      const columns = { metrics: listOf(query.metric), params: listOf(query.param), tags: listOf(query.tag) };
      const rows = await tracking.table.rows(order.slice(from, from + (query.count ?? 100)), columns);
      return { order: name, total: order.total, length: order.length, from, found: placeOf(order.indexOf(query.find ?? "")), rows: rows.map(rowOf) };
    },
  );

  app.get<{ Querystring: Selection }>(
    "/runs/count",
    { schema: { summary: "How many runs match, without reading them", querystring: countQuery, response: { 200: schemas.count } } },
    async (request) => ({ total: await roomsOf(request).tracking.table.count(selectionOf(request.query)) }),
  );

  app.get<{ Querystring: Static<typeof keysQuery> }>(
    "/runs/keys",
    { schema: { summary: "Keys of metrics, params and tags that the newest runs carry", querystring: keysQuery, response: { 200: schemas.keys } } },
    (request): Promise<RunKeys> => roomsOf(request).tracking.table.keys(selectionOf(request.query), request.query.text),
  );

  app.get<{ Querystring: Static<typeof groupsQuery> }>(
    "/runs/groups",
    {
      schema: {
        summary: "Runs by the value of a param, tag or attribute, with their metrics summed up",
        querystring: groupsQuery,
        response: { 200: schemas.groups },
      },
    },
    async (request): Promise<RunGroups> => {
      const { query } = request;
      const { groups, more } = await roomsOf(request).tracking.table.groups(selectionOf(query), query.by, listOf(query.metric));
      return {
        groups: groups.map((g) => ({
          ...g,
          metrics: mapValues(g.metrics, (m) => ({ runs: m.runs, mean: metricValue(m.mean), low: metricValue(m.low), high: metricValue(m.high) })),
        })),
        more,
      };
    },
  );

  app.get("/views", { schema: { summary: "Saved views of runs, by name", response: { 200: schemas.views } } }, (request): Promise<SavedView[]> =>
    roomsOf(request).tracking.views.list(),
  );

  app.put<{ Params: Static<typeof viewParams>; Body: Static<typeof viewBody> }>(
    "/views/:name",
    { schema: { summary: "Save a view; one of that name is replaced", params: viewParams, body: viewBody, response: { 200: schemas.view } } },
    (request): Promise<SavedView> => roomsOf(request).tracking.views.save(request.params.name, request.body.query),
  );

  app.delete<{ Params: Static<typeof viewParams> }>(
    "/views/:name",
    { schema: { summary: "Forget a saved view", params: viewParams, response: { 200: schemas.done } } },
    async (request) => {
      await roomsOf(request).tracking.views.remove(request.params.name);
      return {};
    },
  );
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}

function placeOf(index: number): number | null {
  return index === -1 ? null : index;
}

function selectionOf({ experimentId, filter, view }: Selection): RunSelection {
  return { experimentIds: listOf(experimentId), filter, view: view ?? "ACTIVE_ONLY" };
}

function rowOf({ metrics, ...row }: Omit<RunRow, "metrics"> & { readonly metrics: Readonly<Record<string, number>> }): RunRow {
  return { ...row, metrics: mapValues(metrics, metricValue) };
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

export function metricValue(value: number): MetricValue {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}
