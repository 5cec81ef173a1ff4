/** Times of one case on one server, and all of them as a table. */
export type Side = "karkhana" | "mlflow";

export interface Times {
  /** Milliseconds from the first byte sent to the last byte read. */
  readonly p50: number;
  readonly p95: number;
  /** Milliseconds of CPU a request of all the server's processes; of PostgreSQL, nothing. */
  readonly cpuMs: number;
  readonly requests: number;
}

export interface Measured {
  readonly database: string;
  readonly requests: Readonly<Record<string, Readonly<Record<Side, Times>>>>;
  readonly logBatchOf10: Readonly<Record<string, unknown>>;
  readonly memoryMb: { readonly idle: Readonly<Record<string, number>>; readonly loaded: Readonly<Record<string, number>> };
}

export function timesOf(ms: readonly number[], cpuSeconds: number): Times {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (quantile: number): number => round(sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? Number.NaN);
  return { p50: at(0.5), p95: at(0.95), cpuMs: round(cpuSeconds * 1000), requests: ms.length };
}

/** As Markdown. */
export function tableOf({ database, requests, logBatchOf10, memoryMb }: Measured): string {
  const rows = Object.entries(requests).map(([name, { karkhana, mlflow }]) =>
    [name, karkhana.p50, mlflow.p50, karkhana.p95, mlflow.p95, ratio(karkhana.p95, mlflow.p95), karkhana.cpuMs, mlflow.cpuMs].join(" | "),
  );
  return [
    `| ${database}, ms | karkhana p50 | mlflow p50 | karkhana p95 | mlflow p95 | ratio of p95 | karkhana CPU | mlflow CPU |`,
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...rows.map((row) => `| ${row} |`),
    "",
    `log-batch of 10, many clients: ${JSON.stringify(logBatchOf10)}`,
    `memory, MB: ${JSON.stringify(memoryMb)}`,
    "",
  ].join("\n");
}

function ratio(ours: number, theirs: number): string {
  return (theirs / ours).toFixed(1);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
