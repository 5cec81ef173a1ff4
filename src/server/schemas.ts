import { Type, type Static, type TSchema } from "typebox";
import type * as ApiFeatures from "./api-features.ts";
import type * as Api from "./api.ts";

/**
 * The shapes of `api.ts` as schemas: for the API description and for the tests that hold answers against them.
 * `of<T>()` does not compile where a schema allows what the type does not.
 */
export const of =
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- it is given, never inferred
  <T>(): (<S extends TSchema>(schema: S & (Static<S> extends T ? unknown : never)) => TSchema) =>
    (schema) =>
      schema;

const text = Type.String();
const num = Type.Number();
const int = Type.Integer();
const flag = Type.Boolean();
const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const oneOf = <const V extends readonly string[]>(...values: V) => Type.Unsafe<V[number]>(Type.Enum([...values]));
const textMap = Type.Record(Type.String(), Type.String());
const numMap = Type.Record(Type.String(), Type.Number());
const anyMap = Type.Record(Type.String(), Type.Unknown());
const interval = Type.Object({ value: num, low: num, high: num });
const role = oneOf("champion", "challenger", "shadow");
const failure = Type.Object({ code: text, message: text });

const stop = Type.Object({
  id: oneOf("data", "features", "training", "registry", "serving", "monitoring", "retraining"),
  title: text,
  state: oneOf("empty", "ready", "working", "attention"),
  figure: orNull(text),
  unit: text,
  note: text,
});
const modelFields = {
  name: text,
  versions: int,
  champion: orNull(int),
  challenger: orNull(int),
  shadow: orNull(int),
  aucHoldout: orNull(interval),
  aucLive: orNull(interval),
  aucLiveFromUs: orNull(num),
  openAlerts: int,
};
const datasetFields = {
  hash: text,
  source: text,
  state: oneOf("accepted", "quarantined", "refused"),
  rows: int,
  failedRows: int,
  sizeBytes: orNull(int),
  registeredUs: num,
};
const bar = Type.Object({ label: text, from: orNull(num), to: orNull(num), count: int });
const runFields = {
  runId: text,
  experimentId: text,
  name: text,
  status: text,
  startUs: num,
  endUs: orNull(num),
  params: textMap,
  tags: textMap,
  metrics: numMap,
};
const featureViewFields = Type.Object({
  name: text,
  hash: text,
  entity: text,
  keys: Type.Array(text),
  source: text,
  eventTime: text,
  knownTime: orNull(text),
  features: Type.Array(Type.Object({ name: text, aggregate: text, measure: orNull(text), window: text, windowUs: num })),
  readBy: Type.Array(Type.Object({ model: text, prefix: text, binding: textMap })),
});
const featureValue = Type.Union([num, text, Type.Null(), Type.Array(Type.Union([num, text]))]);
const eventBehind = Type.Object({
  eventUs: num,
  knownUs: num,
  row: orNull(int),
  values: Type.Record(Type.String(), Type.Union([text, num, flag, Type.Null()])),
});
const proof = Type.Object({
  kind: oneOf("offline-evaluation", "shadow", "ab", "monitors", "rollback"),
  state: oneOf("proved", "failed", "waived", "missing"),
  summary: text,
  details: anyMap,
  recordedUs: orNull(num),
  hash: orNull(text),
});
const deployment = Type.Object({
  revision: int,
  champion: int,
  challengers: Type.Array(Type.Object({ version: int, share: num })),
  shadows: Type.Array(int),
  previous: orNull(int),
  reason: text,
  changedUs: num,
});
const version = Type.Object({
  version: int,
  place: orNull(oneOf("champion", "challenger", "shadow", "previous")),
  state: oneOf("registered", "shadow", "ab", "champion", "retired", "refused"),
  runId: text,
  datasetHash: text,
  definitionHash: text,
  serviceHash: text,
  createdUs: num,
  proofs: Type.Array(proof),
  aucHoldout: orNull(interval),
});
const pipelineFields = {
  runId: text,
  workflow: text,
  state: oneOf("running", "succeeded", "failed", "cancelled"),
  startedUs: num,
  endedUs: orNull(num),
  cached: int,
  failed: int,
};
const windowFields = { fromUs: num, toUs: num, version: int };

const slotDistribution = Type.Object({
  slot: text,
  type: oneOf("numeric", "categorical"),
  labels: Type.Array(text),
  reference: Type.Array(int),
  current: Type.Array(num),
  psi: orNull(num),
  threshold: orNull(num),
  floor: orNull(num),
  breach: flag,
});

export const schemas: Readonly<
  Record<
    | "overview"
    | "datasets"
    | "dataset"
    | "features"
    | "distributions"
    | "runs"
    | "models"
    | "model"
    | "deployment"
    | "monitoring"
    | "alerts"
    | "parity"
    | "featureView"
    | "viewInUse"
    | "viewVersions"
    | "exploredEntity"
    | "pipelines"
    | "pipeline"
    | "session"
    | "predictions"
    | "progress"
    | "error",
    TSchema
  >
> = {
  overview: of<Api.Overview>()(
    Type.Object({
      project: text,
      nowUs: num,
      replay: orNull(Type.Object({ model: text, fromUs: num, toUs: num, atUs: orNull(num) })),
      stops: Type.Array(stop),
      models: Type.Array(Type.Object(modelFields)),
      attention: Type.Array(Type.Object({ severity: oneOf("watch", "act"), text, atUs: orNull(num), page: text })),
    }),
  ),
  datasets: of<readonly Api.DatasetSummary[]>()(Type.Array(Type.Object(datasetFields))),
  dataset: of<Api.DatasetReport>()(
    Type.Object({
      ...datasetFields,
      eventTime: text,
      knownTime: orNull(text),
      where: orNull(text),
      policy: text,
      problem: orNull(text),
      rules: Type.Array(Type.Object({ column: text, rule: text, failed: int, checked: int })),
      failingRows: Type.Array(Type.Object({ row: int, column: text, rule: text, value: orNull(text) })),
      columns: Type.Array(
        Type.Object({
          name: text,
          type: text,
          rows: int,
          nulls: int,
          distinct: orNull(int),
          min: orNull(text),
          max: orNull(text),
          mean: orNull(num),
          bars: Type.Array(bar),
        }),
      ),
    }),
  ),
  features: of<Api.Features>()(
    Type.Object({
      views: Type.Array(featureViewFields),
      models: Type.Array(
        Type.Object({
          model: text,
          serviceHash: text,
          slots: Type.Array(
            Type.Object({
              name: text,
              type: oneOf("numeric", "categorical"),
              from: oneOf("view", "request", "field"),
              view: orNull(text),
              feature: orNull(text),
            }),
          ),
        }),
      ),
    }),
  ),
  distributions: of<Api.Distributions>()(
    Type.Object({
      model: text,
      version: orNull(int),
      fromUs: orNull(num),
      toUs: orNull(num),
      referenceRows: int,
      currentRows: int,
      slots: Type.Array(slotDistribution),
    }),
  ),
  runs: of<Api.RunPage>()(Type.Object({ runs: Type.Array(Type.Object(runFields)), nextToken: orNull(text) })),
  models: of<readonly Api.ModelSummary[]>()(Type.Array(Type.Object(modelFields))),
  model: of<Api.ModelDetail>()(
    Type.Object({
      ...modelFields,
      label: text,
      request: Type.Array(text),
      slots: int,
      gates: numMap,
      monitors: Type.Record(Type.String(), Type.Union([num, text])),
      retrain: Type.Object({ on: Type.Array(text), lookback: text, cooldown: text, upTo: oneOf("shadow", "champion"), now: text }),
      deployment: orNull(deployment),
      all: Type.Array(version),
      events: Type.Array(Type.Object({ sequence: int, version: orNull(int), kind: text, reason: text, atUs: num })),
    }),
  ),
  deployment: of<Api.DeploymentState>()(deployment),
  session: of<Api.Session>()(
    Type.Object({ state: oneOf("open", "signed-in", "signed-out"), user: orNull(text), role: orNull(oneOf("viewer", "editor", "admin")) }),
  ),
  monitoring: of<Api.Monitoring>()(
    Type.Object({
      model: text,
      windowUs: num,
      psiBand: num,
      aucHoldout: orNull(interval),
      slots: Type.Array(text),
      quality: Type.Array(
        Type.Object({
          ...windowFields,
          role,
          rows: int,
          matured: int,
          auc: orNull(interval),
          threshold: orNull(num),
          logLoss: orNull(num),
          brier: orNull(num),
          ece: orNull(num),
          breach: flag,
        }),
      ),
      drift: Type.Array(Type.Object({ ...windowFields, rows: int, psi: Type.Array(orNull(num)), threshold: Type.Array(orNull(num)) })),
      traffic: Type.Array(Type.Object({ ...windowFields, role, rows: int, p50Us: orNull(num), p95Us: orNull(num), p99Us: orNull(num) })),
      marks: Type.Array(Type.Object({ atUs: num, kind: text, version: orNull(int), text })),
    }),
  ),
  featureView: of<ApiFeatures.FeatureViewDetail>()(
    Type.Object({
      view: featureViewFields,
      where: orNull(text),
      ttlUs: orNull(num),
      keyTypes: Type.Array(oneOf("string", "number", "boolean")),
      online: Type.Array(text),
      health: Type.Object({
        rows: int,
        outside: int,
        late: int,
        deletions: int,
        setAside: int,
        refused: numMap,
        newestEventUs: orNull(num),
        newestKnownUs: orNull(num),
        filledToUs: orNull(num),
        ageUs: orNull(num),
        freshnessUs: orNull(num),
        quarantine: Type.Array(Type.Object({ number: int, code: text, message: text, row: text })),
      }),
      stream: orNull(
        Type.Object({
          topic: text,
          state: oneOf("following", "away", "unknown"),
          partitions: int,
          lag: orNull(num),
          missed: num,
          lastError: orNull(Type.Object({ code: text, message: text, remedy: text, atUs: num })),
        }),
      ),
      example: orNull(Type.Object({ keys: Type.Array(Type.Union([text, num, flag])), atUs: num })),
    }),
  ),
  viewVersions: of<readonly ApiFeatures.ViewVersion[]>()(
    Type.Array(
      Type.Object({
        hash: orNull(text),
        seenUs: num,
        isCurrent: flag,
        changes: Type.Array(Type.Object({ part: text, kind: oneOf("added", "removed", "changed"), from: orNull(text), to: orNull(text) })),
      }),
    ),
  ),
  viewInUse: of<ApiFeatures.ViewInUse>()(
    Type.Object({
      lookups: num,
      notFound: num,
      fromUs: orNull(num),
      toUs: orNull(num),
      ageSeconds: Type.Object({ p50: orNull(num), p95: orNull(num), max: orNull(num) }),
      features: Type.Array(
        Type.Object({
          name: text,
          shares: Type.Object({ PRESENT: num, DEFAULT: num, NULL_VALUE: num, NOT_FOUND: num, OUTSIDE_MAX_AGE: num }),
          numbers: orNull(Type.Object({ min: num, p5: orNull(num), p50: orNull(num), p95: orNull(num), max: num })),
          top: Type.Array(Type.Object({ value: text, share: num })),
          training: orNull(Type.Object({ model: text, version: int, rows: int, distribution: slotDistribution })),
          parity: orNull(Type.Object({ vectors: num, mismatches: num })),
        }),
      ),
    }),
  ),
  exploredEntity: of<ApiFeatures.ExploredEntity>()(
    Type.Object({
      view: text,
      atUs: num,
      keys: Type.Record(Type.String(), Type.Union([text, num, flag])),
      features: Type.Array(
        Type.Object({ name: text, online: featureValue, status: text, offline: featureValue, isEqual: flag, events: int, fromUs: orNull(num) }),
      ),
      events: Type.Array(eventBehind),
      isCut: flag,
      keptFromUs: orNull(num),
      sql: Type.Array(text),
    }),
  ),
  parity: of<ApiFeatures.Parity>()(
    Type.Object({
      model: text,
      served: int,
      vectors: int,
      values: int,
      mismatches: int,
      lastCheckedUs: orNull(num),
      checks: Type.Array(Type.Object({ checkedUs: num, fromUs: orNull(num), toUs: orNull(num), served: int, vectors: int, mismatches: int })),
      slots: Type.Array(Type.Object({ slot: text, mismatches: int, share: num })),
      differences: Type.Array(
        Type.Object({
          predictionId: text,
          version: int,
          role: text,
          askedUs: num,
          appliedOffset: orNull(num),
          slot: text,
          view: orNull(text),
          keys: Type.Record(Type.String(), Type.Union([text, num, flag, Type.Null()])),
          served: orNull(num),
          offline: orNull(num),
          events: orNull(Type.Array(eventBehind)),
        }),
      ),
    }),
  ),
  alerts: of<readonly Api.Alert[]>()(
    Type.Array(
      Type.Object({
        id: text,
        model: text,
        version: orNull(int),
        kind: text,
        state: oneOf("open", "closed"),
        text,
        subject: orNull(text),
        raisedUs: num,
        closedUs: orNull(num),
      }),
    ),
  ),
  pipelines: of<readonly Api.PipelineSummary[]>()(Type.Array(Type.Object({ ...pipelineFields, steps: int }))),
  pipeline: of<Api.PipelineDetail>()(
    Type.Object({
      ...pipelineFields,
      input: Type.Unknown(),
      output: Type.Unknown(),
      error: orNull(failure),
      steps: Type.Array(
        Type.Object({
          stepId: text,
          state: oneOf("running", "succeeded", "failed"),
          attempt: int,
          cached: flag,
          startedUs: num,
          endedUs: orNull(num),
          progress: orNull(Type.Object({ done: num, total: num, unit: text })),
          error: orNull(failure),
          output: Type.Unknown(),
        }),
      ),
    }),
  ),
  predictions: of<readonly Api.Prediction[]>()(
    Type.Array(
      Type.Object({
        id: text,
        version: int,
        role: text,
        askedUs: num,
        score: num,
        label: orNull(Type.Union([Type.Literal(0), Type.Literal(1)])),
        latencyUs: num,
        instead: orNull(Type.Object({ by: oneOf("previous", "rule"), version: int })),
        fields: Type.Record(Type.String(), Type.Union([text, num, Type.Null()])),
        features: Type.Array(Type.Object({ slot: text, value: Type.Union([num, text, Type.Null()]) })),
      }),
    ),
  ),
  progress: Type.String({ description: "text/event-stream: first `state` with the whole LoopProgress, then `loop` with each LoopEvent" }),
  error: of<Api.ApiError>()(Type.Object({ error: Type.Object({ code: text, message: text, remedy: text, details: anyMap }) })),
};
