/** What is measured: one request each. What a client does before it (writing JSON) and after it (reading JSON) is not timed. */
import type { Answer, Ask, TrackingClient } from "./tracking-client.ts";
import { longHistoryPoints, metricKeys, runIdOf, type SeedSize } from "./tracking-seed.ts";

export interface Case {
  readonly name: string;
  /** How often, at most: slow ones fewer times. */
  readonly share: number;
  /** The disk is let come to rest before each request: one server leaves files to be written later, the other one's would wait for them. */
  readonly settles?: boolean;
  /** Makes ready for one server; the returned function makes one request ready. */
  readonly prepare: (client: TrackingClient, size: SeedSize) => Promise<(i: number) => Request>;
}

export interface Request {
  readonly ask: Ask;
  /** @throws if it is not the answer to expect */
  readonly check?: (answer: Answer) => void;
}

const artifactBytes = 10 * 1024 * 1024;

export function call(path: string, body: object): Ask {
  return { method: "POST", path: `/api/2.0/mlflow/${path}`, body: Buffer.from(JSON.stringify(body)) };
}

function parsed({ body }: Answer): unknown {
  return JSON.parse(body.toString("utf8"));
}

const creation: Ask = call("runs/create", { experiment_id: "0", start_time: 1_800_000_000_000, tags: [{ key: "mlflow.runName", value: "bench" }] });

function runIdIn(answer: Answer): string {
  const { run } = parsed(answer) as { run: { info: { run_id: string } } };
  if (!/^[0-9a-f]{32}$/.test(run.info.run_id)) throw new Error(`a run was made as ${run.info.run_id}`);
  return run.info.run_id;
}

export async function newRun(client: TrackingClient): Promise<string> {
  return runIdIn(await client.ask(creation));
}

export function batch(runId: string, count: number, i: number): Ask {
  const metrics = Array.from({ length: count }, (_, m) => ({ key: `m${m % 10}`, value: m / 7, timestamp: 1_800_000_000_000 + i, step: i * count + m }));
  return call("runs/log-batch", { run_id: runId, metrics });
}

const logging = (count: number) => async (client: TrackingClient) => {
  const runId = await newRun(client);
  return (i: number): Request => ({ ask: batch(runId, count, i) });
};

const search = (body: object) => async (): Promise<() => Request> => {
  const ask = call("runs/search", { experiment_ids: ["0"], max_results: 100, ...body });
  const check = (answer: Answer): void => {
    const { runs } = parsed(answer) as { runs?: unknown[] };
    if (runs?.length === undefined) throw new Error("a search found nothing");
  };
  return () => ({ ask, check });
};

function history(path: string, points: (count: number) => boolean): () => Request {
  const check = (answer: Answer): void => {
    const { metrics } = parsed(answer) as { metrics?: unknown[] };
    if (!points(metrics?.length ?? 0)) throw new Error(`a history has ${metrics?.length} points`);
  };
  return () => ({ ask: { method: "GET", path }, check });
}

const artifact = (place: string): string => `/api/2.0/mlflow-artifacts/artifacts/0/${place}`;

export const cases: readonly Case[] = [
  { name: "log-batch of 10 metrics", share: 1, prepare: logging(10) },
  { name: "log-batch of 1,000 metrics", share: 0.25, prepare: logging(1000) },
  { name: "create run", share: 1, prepare: async () => () => ({ ask: creation, check: (answer) => void runIdIn(answer) }) },
  { name: "search, metric above a threshold", share: 0.25, prepare: search({ filter: "metrics.auc > 0.995" }) },
  { name: "search, ordered by a metric", share: 0.25, prepare: search({ order_by: ["metrics.auc DESC"] }) },
  { name: "search, two metrics and a param", share: 0.25, prepare: search({ filter: "metrics.auc > 0.4 AND metrics.loss < 0.6 AND params.p3 = '1'" }) },
  {
    name: "search, deep page",
    share: 0.25,
    prepare: async (client, size) => {
      let token: string | undefined;
      // Nine tenths of the way down.
      for (let left = Math.floor((size.runs * 0.9) / 1000); left > 0; left--) {
        const page = parsed(await client.ask(call("runs/search", { experiment_ids: ["0"], max_results: 1000, page_token: token }))) as {
          next_page_token?: string;
        };
        token = page.next_page_token ?? token;
      }
      return search(token === undefined ? {} : { page_token: token })();
    },
  },
  {
    name: "history of 10,000 points",
    share: 0.2,
    prepare: async () =>
      history(`/api/2.0/mlflow/metrics/get-history?run_id=${runIdOf(1)}&metric_key=long&max_results=25000`, (count) => count === longHistoryPoints),
  },
  {
    name: "history of 10 runs, sampled",
    share: 0.25,
    prepare: async () => {
      const ids = Array.from({ length: 10 }, (_, i) => `run_ids=${runIdOf(i + 1)}`).join("&");
      return history(`/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?${ids}&metric_key=${metricKeys[0]}&max_results=320`, (count) => count > 0);
    },
  },
  {
    name: "upload of a 10 MB artifact",
    share: 0.2,
    settles: true,
    prepare: async (client) => {
      const runId = await newRun(client);
      const body = Buffer.alloc(artifactBytes, "x");
      return (i) => ({ ask: { method: "PUT", path: artifact(`${runId}/artifacts/${i}.bin`), body, type: "application/octet-stream" } });
    },
  },
  {
    name: "download of a 10 MB artifact",
    share: 0.2,
    prepare: async (client) => {
      const path = artifact(`${await newRun(client)}/artifacts/a.bin`);
      await client.ask({ method: "PUT", path, body: Buffer.alloc(artifactBytes, "x"), type: "application/octet-stream" });
      const check = ({ bytes }: Answer): void => {
        if (bytes !== artifactBytes) throw new Error(`an artifact has ${bytes} bytes`);
      };
      return () => ({ ask: { method: "GET", path, countOnly: true }, check });
    },
  },
];
