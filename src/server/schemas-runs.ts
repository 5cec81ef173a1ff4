import { Type, type TSchema } from "typebox";
import type * as Api from "./api-runs.ts";
import { of } from "./schemas.ts";

const text = Type.String();
const num = Type.Number();
const int = Type.Integer();
const flag = Type.Boolean();
const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const textMap = Type.Record(Type.String(), Type.String());
const metricValue = Type.Union([num, Type.Literal("NaN"), Type.Literal("Infinity"), Type.Literal("-Infinity")]);
const runFields = { runId: text, experimentId: text, name: text, status: text, stage: text, userId: text, startUs: num, endUs: orNull(num) };
const interval = Type.Object({ value: num, low: num, high: num });
const evaluation = Type.Object({
  rows: int,
  positives: int,
  metrics: Type.Record(Type.String(), interval),
  baseline: orNull(Type.Object({ name: text, metrics: Type.Record(Type.String(), interval) })),
  roc: Type.Array(Type.Tuple([num, num])),
  precisionRecall: Type.Array(Type.Tuple([num, num])),
  calibration: Type.Array(Type.Object({ meanScore: num, labelRate: num, rows: int })),
  slices: Type.Array(Type.Object({ field: text, value: text, rows: int, auc: interval })),
  importance: Type.Array(Type.Object({ feature: text, gain: num, splits: int })),
});
const view = Type.Object({ name: text, query: text, updatedUs: num });
const file = { path: text, sizeBytes: int };

export const runSchemas: Readonly<
  Record<
    | "experiments"
    | "window"
    | "count"
    | "keys"
    | "groups"
    | "view"
    | "views"
    | "series"
    | "run"
    | "folder"
    | "preview"
    | "workspaces"
    | "deleted"
    | "purged"
    | "done",
    TSchema
  >
> = {
  experiments: of<readonly Api.ExperimentRow[]>()(
    Type.Array(Type.Object({ experimentId: text, name: text, createdUs: num, tags: textMap, runs: int, running: int, failed: int, latestUs: orNull(num) })),
  ),
  window: of<Api.RunWindow>()(
    Type.Object({
      order: text,
      total: int,
      length: int,
      from: int,
      found: orNull(int),
      rows: Type.Array(Type.Object({ ...runFields, metrics: Type.Record(Type.String(), metricValue), params: textMap, tags: textMap })),
    }),
  ),
  count: of<Api.RunCount>()(Type.Object({ total: int })),
  keys: of<Api.RunKeys>()(Type.Object({ looked: int, metrics: Type.Array(text), params: Type.Array(text), tags: Type.Array(text) })),
  groups: of<Api.RunGroups>()(
    Type.Object({
      groups: Type.Array(
        Type.Object({
          value: orNull(text),
          runs: int,
          latestUs: num,
          metrics: Type.Record(Type.String(), Type.Object({ runs: int, mean: metricValue, low: metricValue, high: metricValue })),
        }),
      ),
      more: flag,
    }),
  ),
  deleted: of<readonly Api.DeletedRow[]>()(
    Type.Array(
      Type.Object({
        kind: Type.Union([Type.Literal("experiment"), Type.Literal("runs")]),
        experimentId: text,
        name: text,
        runs: int,
        loggedModels: int,
        files: int,
        bytes: num,
        isCounted: flag,
      }),
    ),
  ),
  purged: of<Api.Purged>()(Type.Object({ runs: int, inUse: int })),
  workspaces: of<readonly Api.WorkspaceRow[]>()(
    Type.Array(
      Type.Object({
        name: text,
        description: orNull(text),
        role: orNull(Type.Union([Type.Literal("viewer"), Type.Literal("editor"), Type.Literal("admin")])),
      }),
    ),
  ),
  view: of<Api.SavedView>()(view),
  views: of<readonly Api.SavedView[]>()(Type.Array(view)),
  series: of<Api.MetricSeries>()(
    Type.Object({
      key: text,
      axis: Type.Union([Type.Literal("step"), Type.Literal("time")]),
      total: int,
      notFinite: int,
      thinned: flag,
      x: Type.Array(num),
      y: Type.Array(orNull(num)),
      low: Type.Array(orNull(num)),
      high: Type.Array(orNull(num)),
    }),
  ),
  run: of<Api.RunDetail>()(
    Type.Object({
      ...runFields,
      experiment: text,
      params: textMap,
      tags: textMap,
      metrics: Type.Array(Type.Object({ key: text, value: metricValue, step: int, timestampMs: int, points: int, firstStep: int, lastStep: int })),
      datasets: Type.Array(
        Type.Object({
          name: text,
          digest: text,
          sourceType: text,
          source: text,
          schema: orNull(text),
          profile: orNull(text),
          context: orNull(text),
        }),
      ),
      models: Type.Array(
        Type.Object({
          modelId: text,
          name: text,
          status: text,
          modelType: orNull(text),
          use: Type.Union([Type.Literal("made"), Type.Literal("read")]),
          step: orNull(int),
          isHere: flag,
        }),
      ),
      artifactsAt: orNull(text),
      evaluation: orNull(evaluation),
      consoleLog: orNull(text),
      parent: orNull(Type.Object({ runId: text, name: text })),
      children: int,
      versions: Type.Array(Type.Object({ model: text, version: int })),
    }),
  ),
  folder: of<Api.ArtifactFolder>()(Type.Object({ path: text, entries: Type.Array(Type.Object({ name: text, ...file, isFolder: flag })), more: flag })),
  preview: of<Api.ArtifactPreview>()(
    Type.Union([
      Type.Object({ kind: Type.Union([Type.Literal("text"), Type.Literal("json")]), ...file, truncated: flag, text }),
      Type.Object({ kind: Type.Literal("image"), ...file }),
      Type.Object({
        kind: Type.Literal("table"),
        ...file,
        columns: Type.Array(Type.Object({ name: text, type: text })),
        rows: Type.Array(Type.Array(orNull(text))),
        totalRows: orNull(int),
        moreColumns: int,
      }),
      Type.Object({ kind: Type.Literal("none"), ...file, why: text }),
    ]),
  ),
  done: Type.Object({}),
};
