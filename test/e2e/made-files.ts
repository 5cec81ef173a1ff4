import { openDuckDb } from "../../src/storage/duckdb/duckdb.ts";
import { quoteLiteral } from "../../src/storage/duckdb/quote.ts";

/** A shop's customers over a year, made by a formula: 3,000 rows in which the plan and the amount tell something about who leaves. */
const churn = `select timestamp '2024-01-01' + to_seconds(((i * 7919) % 31536000)::bigint) as ts, 'c' || ((i * i * 31 + 7 * i) % 300) as customer,
    round(10 + 90 * abs(sin(i * 1.7)), 2) as amount, ['basic', 'plus', 'pro'][1 + (i * 13 % 3)::int] as plan,
    (hash(i) % 100) < (case when (i * 13 % 3) = 0 then 50 else 15 end) + 20 * abs(sin(i * 1.7)) - 10 as churned
  from range(0, 35000, 1) t(i) where i % 11 = 0 and i < 33000 order by 1`;

/** Writes what `select` gives of the table `churn`; the file's ending decides its format. */
export async function writeFile(path: string, select = "select * from churn"): Promise<void> {
  const duck = await openDuckDb({ threads: 1 });
  try {
    const options = path.endsWith(".jsonl") ? " (format json)" : path.endsWith(".csv") ? " (header)" : "";
    await duck.run(`copy (with churn as (${churn}) ${select}) to ${quoteLiteral(path)}${options}`);
  } finally {
    await duck.close();
  }
}
