/** What is measured: one request each, made ready so that nothing but the request is timed. */
import { metricKeys, runIdOf, type SeedSize } from "./tracking-seed.ts";

export interface Case {
  readonly name: string;
  /** How often, at most: slow ones fewer times. */
  readonly share: number;
  /** Makes ready for one server; the returned function is one timed request. */
  readonly prepare: (url: string, size: SeedSize) => Promise<(i: number) => Promise<void>>;
}

const artifactBytes = 10 * 1024 * 1024;

export async function post(url: string, call: string, body: object): Promise<unknown> {
  return answerOf(
    await fetch(`${url}/api/2.0/mlflow/${call}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  );
}

async function answerOf(response: Response): Promise<unknown> {
  if (response.status !== 200) throw new Error(`${response.url} answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
  // MLflow answers an upload with nothing.
  const text = await response.text();
  return text === "" ? {} : JSON.parse(text);
}

export async function newRun(url: string): Promise<string> {
  const { run } = (await post(url, "runs/create", {
    experiment_id: "0",
    start_time: 1_800_000_000_000,
    tags: [{ key: "mlflow.runName", value: "bench" }],
  })) as {
    run: { info: { run_id: string } };
  };
  return run.info.run_id;
}

export function batch(runId: string, count: number, i: number): object {
  const metrics = Array.from({ length: count }, (_, m) => ({ key: `m${m % 10}`, value: m / 7, timestamp: 1_800_000_000_000 + i, step: i * count + m }));
  return { run_id: runId, metrics };
}

const search = (body: object) => async (url: string) => async (): Promise<void> => {
  const { runs } = (await post(url, "runs/search", { experiment_ids: ["0"], max_results: 100, ...body })) as { runs?: unknown[] };
  if (runs?.length === undefined) throw new Error("a search found nothing");
};

const logging = (count: number) => async (url: string) => {
  const runId = await newRun(url);
  return async (i: number): Promise<void> => void (await post(url, "runs/log-batch", batch(runId, count, i)));
};

export const cases: readonly Case[] = [
  { name: "log-batch of 10 metrics", share: 1, prepare: logging(10) },
  { name: "log-batch of 1,000 metrics", share: 0.2, prepare: logging(1000) },
  { name: "create run", share: 1, prepare: async (url) => async () => void (await newRun(url)) },
  { name: "search, metric above a threshold", share: 0.4, prepare: search({ filter: "metrics.auc > 0.995" }) },
  { name: "search, ordered by a metric", share: 0.4, prepare: search({ order_by: ["metrics.auc DESC"] }) },
  { name: "search, two metrics and a param", share: 0.4, prepare: search({ filter: "metrics.auc > 0.4 AND metrics.loss < 0.6 AND params.p3 = '1'" }) },
  {
    name: "search, deep page",
    share: 0.4,
    prepare: async (url, size) => {
      let token: string | undefined;
      // Nine tenths of the way down.
      for (let left = Math.floor((size.runs * 0.9) / 1000); left > 0; left--) {
        const page = (await post(url, "runs/search", { experiment_ids: ["0"], max_results: 1000, page_token: token })) as { next_page_token?: string };
        token = page.next_page_token ?? token;
      }
      return search(token === undefined ? {} : { page_token: token })(url);
    },
  },
  {
    name: "history of 10,000 points",
    share: 0.2,
    prepare: async (url) => async () => {
      const { metrics } = (await answerOf(await fetch(`${url}/api/2.0/mlflow/metrics/get-history?run_id=${runIdOf(1)}&metric_key=long&max_results=25000`))) as {
        metrics: unknown[];
      };
      if (metrics.length !== 10_000) throw new Error(`a history has ${metrics.length} points`);
    },
  },
  {
    name: "history of 10 runs, sampled",
    share: 0.4,
    prepare: async (url) => async () => {
      const ids = Array.from({ length: 10 }, (_, i) => `run_ids=${runIdOf(i + 1)}`).join("&");
      await answerOf(await fetch(`${url}/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?${ids}&metric_key=${metricKeys[0]}&max_results=320`));
    },
  },
  {
    name: "upload of a 10 MB artifact",
    share: 0.1,
    prepare: async (url) => {
      const runId = await newRun(url);
      const body = Buffer.alloc(artifactBytes, "x");
      return async (i) =>
        void (await answerOf(await fetch(`${url}/api/2.0/mlflow-artifacts/artifacts/0/${runId}/artifacts/${i}.bin`, { method: "PUT", body })));
    },
  },
  {
    name: "download of a 10 MB artifact",
    share: 0.1,
    prepare: async (url) => {
      const address = `${url}/api/2.0/mlflow-artifacts/artifacts/0/${await newRun(url)}/artifacts/a.bin`;
      await answerOf(await fetch(address, { method: "PUT", body: Buffer.alloc(artifactBytes, "x") }));
      return async () => {
        const bytes = await (await fetch(address)).arrayBuffer();
        if (bytes.byteLength !== artifactBytes) throw new Error(`an artifact has ${bytes.byteLength} bytes`);
      };
    },
  },
];
