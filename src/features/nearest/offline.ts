import type { Micros } from "../../kernel/clock.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import type { DuckDb } from "../../storage/duckdb/duckdb.ts";
import { quoteIdentifier as q, quoteLiteral } from "../../storage/duckdb/quote.ts";
import { featureService, type FeatureViewDefinition } from "../definition.ts";
import type { KeyPart } from "../key-part.ts";
import { embeddingProblem } from "../measure.ts";
import { answerSpine } from "../offline/vectors.ts";
import { planView } from "../view-plan.ts";

export interface OfflineNearestQuestion {
  readonly view: FeatureViewDefinition;
  readonly feature: string;
  /** SQL relation of the view's source, as `data/relation.ts` gives it. */
  readonly relation: string;
  readonly vector: readonly number[];
  readonly k: number;
  readonly timeUs: Micros;
}

const functions = { cosine: "array_cosine_distance", dot: "array_negative_inner_product", l2: "array_distance" } as const;

/**
 * The nearest entities as of any time, by DuckDB: every key of the source is asked for its vector at t, and all are measured. The same entities, in
 * the same order and at the same distances, as an exact search of the online index at t.
 * @throws EMBEDDING_INVALID, QUERY_FAILED
 */
export async function nearestOffline(
  duck: DuckDb,
  { view, feature, relation, vector, k, timeUs }: OfflineNearestQuestion,
): Promise<{ readonly keys: readonly KeyPart[]; readonly distance: number }[]> {
  const { dimensions, metric } = view.features[feature]?.embedding ?? { dimensions: 0, metric: "l2" };
  const rounded = Float32Array.from(vector);
  const problem = embeddingProblem(rounded, dimensions, metric);
  if (problem !== undefined) throw new KarkhanaError("EMBEDDING_INVALID", { field: "vector", problem });
  const plan = planView(view);
  const keys = view.entity.keys;
  const columns = plan.keyColumns.map((column, i) => `${q(column)} AS ${q(keys[i]!)}`);
  const spine = `SELECT row_number() OVER () - 1 AS _row, CAST(${timeUs} AS BIGINT) AS _event, * FROM (SELECT DISTINCT ${columns.join(", ")} FROM (${relation}))`;
  const service = featureService("nearest", [view.at(Object.fromEntries(keys.map((key) => [key, key])), "v")]);
  const answers = await answerSpine(duck, { spine, service, relations: () => relation });
  try {
    const doubles = (list: string): string => `CAST(${list} AS DOUBLE[${dimensions}])`;
    const question = doubles(`[${Array.from(rounded, (x) => quoteLiteral(x)).join(", ")}]`);
    const own = q(`v.${feature}`);
    // 0e0 turns -0 into 0: the order must not see a sign that equality does not.
    const rows = await duck.rows(
      `SELECT ${keys.map((key, i) => `${q(key)} AS k${i}`).join(", ")}, ${functions[metric]}(${doubles(own)}, ${question}) + 0e0 AS distance
FROM (${answers.featuresSql}) WHERE ${own} IS NOT NULL ORDER BY distance, ${keys.map((_, i) => `k${i}`).join(", ")} LIMIT ${k}`,
    );
    return rows.map((row) => ({
      keys: keys.map((_, i) => {
        const key = row[`k${i}`];
        return typeof key === "string" || typeof key === "boolean" ? key : Number(key);
      }),
      distance: Number(row["distance"]),
    }));
  } finally {
    await answers.drop();
  }
}
