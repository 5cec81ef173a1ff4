/**
 * Tracking requests beside MLflow's own server, on this machine in one run: the two take turns at every request, so that whatever else the
 * machine does falls on both.
 *
 *   npm run bench -- tracking [--runs 20000] [--points 8000000] [--repeat 200] [--clients 16] [--seconds 10] [--databases sqlite,postgres]
 *
 * PostgreSQL is measured where KARKHANA_TEST_POSTGRES_URL names a server: `bash scripts/test-servers.sh npm run bench -- tracking`.
 * A small trial: --runs 200 --points 8000 --repeat 10 --seconds 1.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { machine } from "../src/cli/load/machine.ts";
import { mlflowVersion } from "../src/tracking/mlflow/call.ts";
import { batch, cases, newRun, post } from "./tracking-cases.ts";
import type { SeedSize } from "./tracking-seed.ts";
import { startServer, type Database, type TrackingServer } from "./tracking-servers.ts";

interface Times {
  readonly p50: number;
  readonly p95: number;
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      runs: { type: "string", default: "20000" },
      points: { type: "string", default: "8000000" },
      repeat: { type: "string", default: "200" },
      clients: { type: "string", default: "16" },
      seconds: { type: "string", default: "10" },
      databases: { type: "string", default: "sqlite,postgres" },
    },
  });
  const size = { runs: Number(values.runs), points: Number(values.points) };
  const postgresUrl = process.env["KARKHANA_TEST_POSTGRES_URL"];
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const results: object[] = [];
  for (const database of values.databases.split(",")) {
    if (database !== "sqlite" && database !== "postgres") throw new Error(`--databases takes sqlite and postgres, not ${database}`);
    if (database === "postgres" && postgresUrl === undefined) {
      say("PostgreSQL is left out: KARKHANA_TEST_POSTGRES_URL is not set");
      continue;
    }
    results.push(
      await measure(database, { size, postgresUrl, repeat: Number(values.repeat), clients: Number(values.clients), seconds: Number(values.seconds), say }),
    );
  }
  console.log(JSON.stringify({ bench: "tracking", machine: machine(), peer: `mlflow ${mlflowVersion}`, size, results }, null, 2));
}

interface Plan {
  readonly size: SeedSize;
  readonly postgresUrl: string | undefined;
  readonly repeat: number;
  readonly clients: number;
  readonly seconds: number;
  readonly say: (text: string) => void;
}

async function measure(database: Database, { size, postgresUrl, repeat, clients, seconds, say }: Plan): Promise<object> {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-bench-tracking-"));
  const servers: TrackingServer[] = [];
  try {
    for (const name of ["karkhana", "mlflow"] as const) {
      say(`${database}: ${name} with ${size.runs} runs and ${size.points} points`);
      servers.push(await startServer(name, { folder: path.join(folder, name), database, size, postgresUrl }));
    }
    const idleMb = Object.fromEntries(servers.map((server) => [server.name, Math.round(server.memoryMb())]));
    const requests: Record<string, object> = {};
    for (const { name, share, prepare } of cases) {
      const ready = [];
      for (const server of servers) ready.push({ server, request: await prepare(server.url, size), ms: [] as number[] });
      const times = Math.max(5, Math.round(repeat * share));
      // The first ones warm caches and are not counted.
      for (let i = -3; i < times; i++) {
        for (const { request, ms } of ready) {
          const from = performance.now();
          await request(i + 3);
          if (i >= 0) ms.push(performance.now() - from);
        }
      }
      const found = Object.fromEntries(ready.map(({ server, ms }) => [server.name, timesOf(ms)]));
      const ratio = round(found["mlflow"]!.p95 / found["karkhana"]!.p95);
      requests[name] = { ...found, ratioOfP95: ratio };
      say(`${database}: ${name}: p95 ${found["karkhana"]!.p95} ms, mlflow ${found["mlflow"]!.p95} ms, ${ratio} times`);
    }
    const throughput: Record<string, number> = {};
    for (const server of servers) throughput[server.name] = await requestsPerSecond(server, clients, seconds);
    say(`${database}: log-batch of 10 at ${clients} clients: ${JSON.stringify(throughput)} a second`);
    const loadedMb = Object.fromEntries(servers.map((server) => [server.name, Math.round(server.memoryMb())]));
    return { database, requests, requestsPerSecond: { clients, ...throughput }, memoryMb: { idle: idleMb, loaded: loadedMb } };
  } finally {
    for (const server of servers) await server.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function requestsPerSecond(server: TrackingServer, clients: number, seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1000;
  let done = 0;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      const runId = await newRun(server.url);
      for (let i = 0; performance.now() < until; i++) {
        await post(server.url, "runs/log-batch", batch(runId, 10, i));
        done++;
      }
    }),
  );
  return Math.round(done / seconds);
}

function timesOf(ms: readonly number[]): Times {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (quantile: number): number => round(sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? Number.NaN);
  return { p50: at(0.5), p95: at(0.95) };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
