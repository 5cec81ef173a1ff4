/** Lookups over HTTP, pushes and loading: this program and Feast's feature server over SQLite and over Redis, one at a time, over the same tables. */
import { fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { findTypes } from "../src/data/inspect.ts";
import { relationOf } from "../src/data/relation.ts";
import type { LoadReport, Quantiles } from "../src/cli/load/client.ts";
import { runLoadProcess } from "../src/cli/load/start-client.ts";
import { materialize } from "../src/features/online/materialize.ts";
import { createOnlineFeatures } from "../src/features/online/online-features.ts";
import { formatIso } from "../src/kernel/time.ts";
import { viewsOf } from "../src/project/definition.ts";
import type { DuckDb } from "../src/storage/duckdb/duckdb.ts";
import { openLmdb } from "../src/storage/kv/lmdb.ts";
import { endUs, featureNames, numColumns, numViews, statsProject, writeStats } from "./features-data.ts";
import { endServer, startServer } from "./python-server.ts";

export interface LookupSize {
  readonly entities: number;
  readonly rowsEach: number;
  readonly seconds: number;
  readonly pushes: number;
}

interface Loading {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly bytes: number | null;
}

export interface Shape {
  readonly entities: number;
  /** Arrivals at a rate that every server keeps up with. */
  readonly latencyMs: Quantiles;
  readonly latencyRate: number;
  /** At a rate that keeps a server warm, for those that can answer twice as many; the others have none. */
  readonly brisk: { readonly rate: number; readonly latencyMs: Quantiles } | null;
  /** Eight connections that are never idle. */
  readonly requestsPerSecond: number;
  readonly errors: number;
}

export interface ServerFigures {
  readonly name: string;
  readonly rowsLoaded: number;
  readonly rowsLoadedPerSecond: number;
  readonly rowsLoadedPerCpuSecond: number;
  readonly bytesPerEntity: number | null;
  readonly shapes: readonly Shape[];
  /** From sending a row to having the answer that shows it. */
  readonly pushToReadableMs: Quantiles | null;
}

type Say = (text: string) => void;

export async function measureLookups(duck: DuckDb, folder: string, python: string | undefined, size: LookupSize, say: Say): Promise<ServerFigures[]> {
  await writeStats(duck, folder, size.entities, size.rowsEach);
  const measured = [await measureOurs(duck, folder, size, say)];
  if (python === undefined) return measured;
  measured.push(await measureFeast("feast, sqlite", "sqlite", folder, python, size, say));
  const redis = await startServer(
    (port) => ["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder],
    async (port) => (await redisInfo(port)).includes("redis_version"),
  ).catch((error: unknown) => {
    say(`Redis is left out: ${error instanceof Error ? error.message : String(error)}`);
  });
  if (redis === undefined) return measured;
  try {
    const before = memoryOf(await redisInfo(redis.port));
    const figures = await measureFeast(
      "feast, redis",
      `redis://127.0.0.1:${redis.port}`,
      folder,
      python,
      size,
      say,
      async () => memoryOf(await redisInfo(redis.port)) - before,
    );
    return [...measured, figures];
  } finally {
    await endServer(redis.child);
  }
}

async function measureOurs(duck: DuckDb, folder: string, size: LookupSize, say: Say): Promise<ServerFigures> {
  const { project, sources } = statsProject(folder);
  const online = path.join(folder, "ours", "online");
  const store = openLmdb(online);
  const features = createOnlineFeatures({ store, views: project.models.flatMap((one) => viewsOf(one.service)) });
  const [started, before] = [performance.now(), process.cpuUsage()];
  for (const source of sources) {
    const relation = relationOf(source, { numQuarantined: 0, foundTypes: await findTypes(duck, source, folder) }, folder);
    await materialize({ duck, online: features, relation, source, upToKnownUs: endUs });
  }
  const cpu = process.cpuUsage(before);
  const seconds = (performance.now() - started) / 1000;
  await store.close();
  const loading = { seconds, cpuSeconds: (cpu.user + cpu.system) / 1e6, bytes: statSync(path.join(online, "data.mdb")).size };
  const child = fork(path.join(import.meta.dirname, "features-process.ts"), [path.join(folder, "ours"), folder], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [{ port }] = (await Promise.race([once(child, "message"), once(child, "exit").then(() => Promise.reject(new Error("our process ended")))])) as [
    { port: number },
  ];
  try {
    return await figuresOf("karkhana", port, loading, size, say);
  } finally {
    const gone = once(child, "exit");
    child.disconnect();
    await gone;
  }
}

async function measureFeast(
  name: string,
  store: string,
  folder: string,
  python: string,
  size: LookupSize,
  say: Say,
  bytesNow?: () => Promise<number>,
): Promise<ServerFigures> {
  const repository = path.join(folder, name.replace(", ", "-"));
  const env = { FEAST_USAGE: "False", FEAST_TELEMETRY: "False", DO_NOT_TRACK: "true" };
  const args = ["online", repository, store, folder, String(numViews), String(numColumns), formatIso(endUs).slice(0, 19)];
  const loaded = runPython(python, args, env);
  const loading = { ...(loaded as unknown as Loading), ...(bytesNow === undefined ? {} : { bytes: await bytesNow() }) };
  // Its default of restarting a worker every thousand requests, and its access log, are switched off in its favour.
  const server = await startServer(
    (port) => [path.join(path.dirname(python), "feast"), "-c", repository, "serve", "-p", String(port), "--no-access-log", "--max-requests", "100000000"],
    async (port) => (await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(2000) })).ok,
    env,
    true,
  );
  try {
    return await figuresOf(name, server.port, loading, size, say);
  } finally {
    await endServer(server.child);
  }
}

/** @returns the one line of JSON that `feast_features.py` prints @throws Error with the end of what it said */
export function runPython(python: string, args: readonly string[], env: Readonly<Record<string, string>>, timeoutSeconds = 600): Record<string, number> {
  const script = path.join(import.meta.dirname, "peers", "feast_features.py");
  const { status, signal, stdout, stderr, error } = spawnSync(python, [script, ...args], {
    encoding: "utf8",
    env: { ...process.env, ...env },
    maxBuffer: 1 << 26,
    timeout: timeoutSeconds * 1000,
    killSignal: "SIGKILL",
  });
  if (error !== undefined && status === null && signal === null) throw error;
  if (signal !== null) throw new Error(`not done in ${timeoutSeconds} s`);
  if (status !== 0) throw new Error(stderr.trim().split("\n").slice(-1)[0]?.slice(0, 300) || `ended with ${status}`);
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Record<string, number>;
}

async function figuresOf(name: string, port: number, loading: Loading, size: LookupSize, say: Say): Promise<ServerFigures> {
  const rowsLoaded = numViews * size.entities * size.rowsEach;
  say(`${name}: ${rowsLoaded} rows in ${loading.seconds.toFixed(1)} s`);
  const shapes: Shape[] = [];
  for (const { entities, latencyRate, briskRate, tooMuch } of [
    { entities: 1, latencyRate: 20, briskRate: 1000, tooMuch: 30_000 },
    { entities: 100, latencyRate: 5, briskRate: 100, tooMuch: 3000 },
  ]) {
    const load = (rate: number, seconds: number, giveUp?: { readonly giveUpMs: number }): Promise<LoadReport> =>
      runLoadProcess({
        host: "127.0.0.1",
        port,
        path: "/get-online-features",
        rate,
        seconds,
        warmupSeconds: 2,
        connections: 8,
        arrivals: "poisson",
        bodies: bodiesOf(entities, size.entities),
        idPrefix: "",
        ...giveUp,
      });
    const alone = await load(latencyRate, size.seconds * 2);
    // More than any server here can answer: eight connections are then never idle.
    const busy = await load(tooMuch, size.seconds / 4, { giveUpMs: 500 });
    const warm = busy.achievedRate >= 2 * briskRate ? await load(briskRate, size.seconds) : undefined;
    const shape = {
      entities,
      latencyMs: alone.serviceMs,
      latencyRate,
      brisk: warm === undefined ? null : { rate: briskRate, latencyMs: warm.serviceMs },
      requestsPerSecond: busy.achievedRate,
      errors: alone.errors + failedOf(busy) + (warm?.errors ?? 0),
    };
    shapes.push(shape);
    say(
      `${name}: ${entities} x 50, p50 ${shape.latencyMs.p50.toFixed(2)} p99 ${shape.latencyMs.p99.toFixed(2)} ms, ${shape.requestsPerSecond.toFixed(0)}/s, ${shape.errors} errors`,
    );
  }
  return {
    name,
    rowsLoaded,
    rowsLoadedPerSecond: rowsLoaded / loading.seconds,
    rowsLoadedPerCpuSecond: rowsLoaded / loading.cpuSeconds,
    bytesPerEntity: loading.bytes === null ? null : loading.bytes / size.entities,
    shapes,
    pushToReadableMs: await pushToReadable(port, size.pushes),
  };
}

/** The schedule asks for more than can be answered: what was not reached is no error. */
function failedOf({ statuses }: LoadReport): number {
  return Object.entries(statuses).reduce((sum, [status, count]) => (status === "200" || status === "given up" ? sum : sum + count), 0);
}

function bodiesOf(entities: number, of: number): string[] {
  return Array.from({ length: 200 }, (_, i) =>
    JSON.stringify({
      full_feature_names: true,
      features: featureNames,
      entities: { driver: Array.from({ length: entities }, (_one, k) => 1 + ((i * 7919 + k * 104_729) % of)) },
    }),
  );
}

async function pushToReadable(port: number, pushes: number): Promise<Quantiles | null> {
  const post = async (where: string, body: unknown): Promise<Response> => {
    const response = await fetch(`http://127.0.0.1:${port}${where}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${where}: ${response.status} ${(await response.text()).slice(0, 300)}`);
    return response;
  };
  const values = Object.fromEntries(Array.from({ length: numColumns }, (_, c) => [`f${c}`, [c + 0.5]]));
  const delays: number[] = [];
  for (let i = -5; i < pushes; i++) {
    const value = 1e7 + i;
    const row = { driver: [1 + (i + 5)], event_timestamp: [formatIso(endUs + (i + 5) * 1_000_000)], ...values, f0: [value] };
    const started = performance.now();
    await post("/push", { push_source_name: "stats_0", df: row, to: "online" });
    for (;;) {
      const answer = (await (await post("/get-online-features", { features: ["view_0:f0"], entities: { driver: row.driver } })).json()) as {
        results: { values: unknown[] }[];
      };
      if (answer.results.some((one) => one.values[0] === value)) break;
      if (performance.now() - started > 10_000) return null;
    }
    if (i >= 0) delays.push(performance.now() - started);
  }
  const sorted = Float64Array.from(delays).sort();
  const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)]!;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), p999: at(0.999), max: at(1) };
}

function redisInfo(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port }, () => socket.end("INFO\r\nQUIT\r\n"));
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
}

function memoryOf(info: string): number {
  return Number(/used_memory:(\d+)/.exec(info)?.[1] ?? Number.NaN);
}
