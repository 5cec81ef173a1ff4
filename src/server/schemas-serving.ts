import { Type, type TSchema } from "typebox";
import type { Exchange, VersionComparisons } from "./api-serving.ts";
import type { Serving } from "./api.ts";
import { of } from "./schemas.ts";

const text = Type.String();
const num = Type.Number();
const int = Type.Integer();
const flag = Type.Boolean();
const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const numMap = Type.Record(Type.String(), Type.Number());
const latency = Type.Object({ count: int, p50Us: orNull(num), p95Us: orNull(num), p99Us: orNull(num) });
const distribution = Type.Object({ count: num, mean: orNull(num), p50: orNull(num), p95: orNull(num), p99: orNull(num) });

const versionFigures = Type.Object({ version: int, logLoss: orNull(num), auc: orNull(num), latency });
const oneOf = <const V extends readonly string[]>(...values: V) => Type.Unsafe<V[number]>(Type.Enum([...values]));

export const servingSchemas: Readonly<Record<"serving" | "exchanges" | "comparisons", TSchema>> = {
  serving: of<Serving>()(
    Type.Object({
      url: orNull(text),
      reachable: flag,
      problem: orNull(text),
      models: Type.Array(
        Type.Object({
          model: text,
          ratePerSecond: num,
          refused: numMap,
          versions: Type.Array(
            Type.Object({
              version: int,
              role: text,
              outcomes: numMap,
              stages: Type.Record(Type.String(), Type.Object({ count: num, meanUs: orNull(num), p50Us: orNull(num), p95Us: orNull(num), p99Us: orNull(num) })),
            }),
          ),
          latency: Type.Record(Type.String(), Type.Object({ sinceStart: latency, lastMinute: latency })),
        }),
      ),
      files: Type.Array(
        Type.Object({
          model: text,
          version: int,
          kind: text,
          runs: text,
          outcomes: numMap,
          batching: orNull(Type.Object({ maxBatchSize: int, maxDelayMs: num, waiting: int, rows: distribution, requests: int, queueUs: orNull(num) })),
          computeUs: orNull(num),
        }),
      ),
      backends: Type.Array(
        Type.Object({
          model: text,
          version: int,
          underWay: int,
          maxConcurrent: int,
          outcomes: numMap,
          firstTokenSeconds: distribution,
          tokensPerSecond: distribution,
          seconds: distribution,
          promptTokens: int,
          completionTokens: int,
          cost: orNull(Type.Object({ amount: num, currency: text })),
        }),
      ),
      samples: Type.Array(Type.Object({ atUs: num, ratePerSecond: num, p50Us: orNull(num), p95Us: orNull(num), p99Us: orNull(num) })),
      room: orNull(Type.Object({ processes: int, inFlight: num, concurrencyLimit: num, overloaded: num, overShare: num, timedOut: num })),
      price: orNull(Type.Object({ perHour: num, currency: text })),
    }),
  ),
  exchanges: of<readonly Exchange[]>()(
    Type.Array(
      Type.Object({
        id: text,
        backend: text,
        version: int,
        route: text,
        tenant: text,
        stream: flag,
        askedUs: num,
        outcome: text,
        code: orNull(text),
        promptTokens: orNull(int),
        completionTokens: orNull(int),
        firstTokenUs: orNull(num),
        totalUs: num,
        prompt: orNull(text),
        completion: orNull(text),
      }),
    ),
  ),
  comparisons: of<VersionComparisons>()(
    Type.Object({
      champion: orNull(int),
      atMost: int,
      comparisons: Type.Array(
        Type.Object({
          role: oneOf("challenger", "shadow"),
          share: orNull(num),
          sinceUs: num,
          oldestUs: orNull(num),
          verdict: oneOf("better", "not-worse", "worse", "undecided"),
          summary: text,
          matured: int,
          champion: versionFigures,
          candidate: versionFigures,
          gain: orNull(Type.Object({ value: num, low: num, high: num })),
          margin: num,
        }),
      ),
    }),
  ),
};
