/**
 * Tracking requests beside MLflow's own server, on this machine in one run: the two take turns at every request, so that whatever else the
 * machine does falls on both. Each has one connection that it keeps; in the part with many clients each has as many as there are clients.
 *
 *   npm run bench -- tracking [--runs 20000] [--points 8000000] [--repeat 200] [--case-seconds 40] [--clients 16] [--seconds 10]
 *                             [--databases sqlite,postgres] [--json results.json]
 *
 * PostgreSQL is measured where KARKHANA_TEST_POSTGRES_URL names a server: `bash scripts/test-servers.sh npm run bench -- tracking`.
 * A small trial: --runs 200 --points 8000 --repeat 10 --seconds 1. What is compared and what each server does for it: docs/tracking-and-registry.md.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { machine } from "../src/cli/load/machine.ts";
import { mlflowVersion } from "../src/tracking/mlflow/call.ts";
import { batch, cases, newRun, type Request } from "./tracking-cases.ts";
import { TrackingClient } from "./tracking-client.ts";
import { tableOf, timesOf, type Measured, type Side } from "./tracking-report.ts";
import type { SeedSize } from "./tracking-seed.ts";
import { startServer, type Database, type TrackingServer } from "./tracking-servers.ts";

/** Both servers settle what their start left. */
const idleMs = 5000;

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      runs: { type: "string", default: "20000" },
      points: { type: "string", default: "8000000" },
      repeat: { type: "string", default: "200" },
      "case-seconds": { type: "string", default: "40" },
      clients: { type: "string", default: "16" },
      seconds: { type: "string", default: "10" },
      databases: { type: "string", default: "sqlite,postgres" },
      json: { type: "string" },
    },
  });
  const size = { runs: Number(values.runs), points: Number(values.points) };
  const postgresUrl = process.env["KARKHANA_TEST_POSTGRES_URL"];
  const started = performance.now();
  const say = (text: string): void => void process.stderr.write(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${text}\n`);
  const results: Measured[] = [];
  for (const database of values.databases.split(",")) {
    if (database !== "sqlite" && database !== "postgres") throw new Error(`--databases takes sqlite and postgres, not ${database}`);
    if (database === "postgres" && postgresUrl === undefined) {
      say("PostgreSQL is left out: KARKHANA_TEST_POSTGRES_URL is not set");
      continue;
    }
    const plan = { size, postgresUrl, repeat: Number(values.repeat), caseSeconds: Number(values["case-seconds"]), clients: Number(values.clients) };
    results.push(await measure(database, { ...plan, seconds: Number(values.seconds), say }));
  }
  const json = JSON.stringify({ bench: "tracking", machine: machine(), peer: `mlflow ${mlflowVersion}`, size, results }, null, 2);
  if (values.json !== undefined) writeFileSync(values.json, `${json}\n`);
  process.stderr.write(`\n${results.map(tableOf).join("\n")}\n`);
  console.log(json);
}

interface Plan {
  readonly size: SeedSize;
  readonly postgresUrl: string | undefined;
  readonly repeat: number;
  readonly caseSeconds: number;
  readonly clients: number;
  readonly seconds: number;
  readonly say: (text: string) => void;
}

async function measure(database: Database, { size, postgresUrl, repeat, caseSeconds, clients, seconds, say }: Plan): Promise<Measured> {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-bench-tracking-"));
  const servers: TrackingServer[] = [];
  try {
    for (const name of ["karkhana", "mlflow"] as const) {
      say(`${database}: ${name} with ${size.runs} runs and ${size.points} points`);
      servers.push(await startServer(name, { folder: path.join(folder, name), database, size, postgresUrl }));
    }
    await wait(idleMs);
    const idleMb = memoryOf(servers);
    const requests: Record<string, Record<Side, ReturnType<typeof timesOf>>> = {};
    for (const { name, share, prepare, settles = false } of cases) {
      const ready: Ready[] = [];
      for (const server of servers) {
        const client = new TrackingClient(server.url);
        ready.push({ server, client, next: await prepare(client, size), ms: [], cpuBefore: 0 });
      }
      const times = Math.max(5, Math.round(repeat * share));
      // The first ones warm caches and compilers and are not counted.
      const warmup = Math.max(3, Math.round(times / 10));
      const until = performance.now() + caseSeconds * 1000;
      for (let i = 0; i < warmup + times && (i < warmup + 5 || performance.now() < until); i++) {
        if (i === warmup) for (const one of ready) one.cpuBefore = one.server.cpuSeconds();
        for (const one of ready) {
          if (settles) execFileSync("sync");
          const ms = await timed(one.client, one.next(i));
          if (i >= warmup) one.ms.push(ms);
        }
      }
      const found = Object.fromEntries(
        ready.map(({ server, ms, cpuBefore }) => [server.name, timesOf(ms, (server.cpuSeconds() - cpuBefore) / ms.length)]),
      ) as Record<Side, ReturnType<typeof timesOf>>;
      for (const { client } of ready) client.close();
      requests[name] = found;
      say(`${database}: ${name}: p95 ${found.karkhana.p95} ms, mlflow ${found.mlflow.p95} ms`);
    }
    const throughput: Record<string, { perSecond: number; refused: number }> = {};
    const loadedMb: Record<string, number> = {};
    for (const server of servers) {
      throughput[server.name] = await requestsPerSecond(server, clients, seconds);
      loadedMb[server.name] = Math.round(server.memoryMb());
    }
    say(`${database}: log-batch of 10 at ${clients} clients: ${JSON.stringify(throughput)}`);
    return { database, requests, logBatchOf10: { clients, ...throughput }, memoryMb: { idle: idleMb, loaded: loadedMb } };
  } finally {
    for (const server of servers) await server.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Ready {
  readonly server: TrackingServer;
  readonly client: TrackingClient;
  readonly next: (i: number) => Request;
  readonly ms: number[];
  cpuBefore: number;
}

async function timed(client: TrackingClient, { ask, check }: Request): Promise<number> {
  const from = performance.now();
  const answer = await client.ask(ask);
  const ms = performance.now() - from;
  check?.(answer);
  return ms;
}

function memoryOf(servers: readonly TrackingServer[]): Record<string, number> {
  return Object.fromEntries(servers.map((server) => [server.name, Math.round(server.memoryMb())]));
}

async function requestsPerSecond(server: TrackingServer, clients: number, seconds: number): Promise<{ perSecond: number; refused: number }> {
  let [done, refused] = [0, 0];
  const connections = Array.from({ length: clients }, () => new TrackingClient(server.url));
  const runIds = await Promise.all(connections.map(newRun));
  const until = performance.now() + seconds * 1000;
  await Promise.all(
    connections.map(async (client, c) => {
      for (let i = 0; performance.now() < until; i++) {
        try {
          await client.ask(batch(runIds[c]!, 10, i));
          done++;
        } catch {
          // A server may say that its database is locked.
          refused++;
        }
      }
      client.close();
    }),
  );
  return { perSecond: Math.round(done / seconds), refused };
}
