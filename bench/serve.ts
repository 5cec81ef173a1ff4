/**
 * Predictions a second, and how long they take: the program's own serving processes (features read by key, every answer logged, lookups
 * profiled), driven open-loop from another process over 127.0.0.1. Both share this machine, so each one's CPU is shown.
 *
 *   npm run bench -- serve [--rate 10000] [--seconds 20] [--connections 64] [--arrivals poisson|constant] [--trees 200] [--leaves 63]
 *                          [--overload 1024,1024,3500] [--swaps 10] [--processes 1] [--full] [--node-args="<flags>"] [--profile <folder>] [--json]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { loadClientFile, type LoadPlan, type LoadReport } from "../src/cli/load/client.ts";
import { machine, machineBusySeconds } from "../src/cli/load/machine.ts";
import { keepToCore, measureOverload } from "./serve-overload.ts";
import { startServers, type ServeServers } from "./serve-servers.ts";
import { measureSwaps, swapsLine } from "./serve-swaps.ts";
import { buildServeWorld, type ServeWorld } from "./serve-world.ts";

const warmupSeconds = 3;

interface UsageReading {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  /** Of all cores, since the machine started. */
  readonly machineBusySeconds: number;
}

interface ServeRun extends LoadReport {
  /** Cores in use during the measured part: 1 is one whole core. `others` is whatever else ran on the machine, and spoils the latencies. */
  readonly cpu: { readonly client: number; readonly server: number; readonly others: number };
  readonly serverRssMb: number;
}

export async function run(args: string[]): Promise<void> {
  const options = {
    rate: { type: "string", default: "2000,5000,10000" },
    seconds: { type: "string", default: "20" },
    connections: { type: "string", default: "64" },
    arrivals: { type: "string", default: "poisson" },
    trees: { type: "string", default: "200" },
    leaves: { type: "string", default: "63" },
    // Three times more than it can do, over so many connections each time, on cores of its own: `serve-overload.ts`.
    overload: { type: "string" },
    // Promotes so many versions one after the other while questions come at the first rate: how those in the windows of the swaps fared.
    swaps: { type: "string" },
    processes: { type: "string", default: "1" },
    full: { type: "boolean", default: false },
    "node-args": { type: "string", default: "" },
    profile: { type: "string" },
    json: { type: "boolean", default: false },
  } as const;
  const { values } = parseArgs({ args, options });
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  // The flights project reads this: all airports instead of the twelve busiest.
  if (values.full) process.env["KARKHANA_FULL"] = "1";
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-bench-"));
  try {
    const data = path.join(folder, "data");
    const world = await buildServeWorld(data, { trees: Number(values.trees), leaves: Number(values.leaves), spareVersions: Number(values.swaps ?? 0) }, say);
    if (values.overload !== undefined) keepToCore(0);
    const servers = await startServers(data, Number(values.processes), [...values["node-args"].split(" ").filter(Boolean), ...profileArgs(values.profile)]);
    const runs: ServeRun[] = [];
    if (values.swaps !== undefined) {
      const plan = {
        host: "127.0.0.1",
        port: servers.port,
        path: `/v1/models/${world.model}/predict`,
        rate: Number(values.rate.split(",")[0]),
        connections: Number(values.connections),
        arrivals: "poisson",
        bodies: world.bodies,
      } as const;
      const swapped = await measureSwaps(data, plan, Number(values.swaps));
      await servers.stop();
      process.stdout.write(`${values.json ? JSON.stringify({ ...swapped, machine: machine() }) : swapsLine(swapped)}\n`);
      return;
    }
    if (values.overload !== undefined) {
      keepToCore(1);
      const plan = {
        host: "127.0.0.1",
        port: servers.port,
        path: `/v1/models/${world.model}/predict`,
        seconds: Number(values.seconds),
        warmupSeconds,
        arrivals: "poisson",
        bodies: world.bodies,
      } as const;
      const report = await measureOverload(servers, plan, values.overload.split(",").map(Number), folder, say);
      await servers.stop();
      const text = `median of ${report.rounds.length} rounds: ${(100 * report.shareOfPeak).toFixed(0)} % of the peak on as many connections, ${(100 * report.shareOfCapacity).toFixed(0)} % of the capacity of 64, answered at three times it`;
      process.stdout.write(`${values.json ? JSON.stringify({ ...report, machine: machine() }) : text}\n`);
      return;
    }
    const rates = values.rate.split(",").map(Number);
    for (const [i, rate] of rates.entries()) {
      const plan = {
        host: "127.0.0.1",
        port: servers.port,
        path: `/v1/models/${world.model}/predict`,
        rate,
        seconds: Number(values.seconds),
        warmupSeconds,
        connections: Number(values.connections),
        arrivals: values.arrivals === "constant" ? "constant" : "poisson",
        bodies: world.bodies,
        idPrefix: `r${i}-`,
      } as const;
      runs.push(await measure(servers, folder, plan));
      say(line(runs.at(-1)!));
    }
    const stageMeanUs = await stageMeans(servers.port);
    await servers.stop();
    const { bodies: _bodies, ...size } = world;
    if (values.json)
      process.stdout.write(
        `${JSON.stringify({ runs, stageMeanUs, world: size, arrivals: values.arrivals, connections: Number(values.connections), processes: Number(values.processes), warmupSeconds, machine: machine() })}\n`,
      );
    else process.stdout.write(`${table(runs, size, stageMeanUs)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function profileArgs(folder: string | undefined): string[] {
  return folder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${folder}`];
}

async function measure(servers: ServeServers, folder: string, plan: LoadPlan): Promise<ServeRun> {
  const file = path.join(folder, "plan.json");
  writeFileSync(file, JSON.stringify(plan));
  const client = spawn(process.execPath, [loadClientFile, file], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  let started: UsageReading | undefined;
  let output = "";
  client.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    for (let end = output.indexOf("\n"); end >= 0; end = output.indexOf("\n")) {
      const text = output.slice(0, end);
      output = output.slice(end + 1);
      if (text === "measuring") started = read(servers);
      else lines.push(text);
    }
  });
  await once(client, "close");
  const report = JSON.parse(lines.at(-1) ?? "null") as LoadReport | null;
  if (report === null || started === undefined) throw new Error("the load client gave no report");
  const [before, after] = [started, read(servers)];
  const serverCores = (after.cpuSeconds - before.cpuSeconds) / report.measuredSeconds;
  const busyCores = (after.machineBusySeconds - before.machineBusySeconds) / report.measuredSeconds;
  const cpu = { client: round(report.cpuShare), server: round(serverCores), others: round(Math.max(0, busyCores - serverCores - report.cpuShare)) };
  return { ...report, cpu, serverRssMb: Math.round(after.rssBytes / 2 ** 20) };
}

/** Wall time inside the server by stage: log is mostly waiting for the turn's other requests, total is from head to answer. */
async function stageMeans(port: number): Promise<Record<string, number | null>> {
  const reply = await fetch(`http://127.0.0.1:${port}/v1/stats`);
  const { models } = (await reply.json()) as { models: { stageMeanUs: Record<string, number | null> }[] };
  return models[0]!.stageMeanUs;
}

function read(servers: ServeServers): UsageReading {
  return { ...servers.usage(), machineBusySeconds: machineBusySeconds() };
}

function line(r: ServeRun): string {
  const { p50, p95, p99 } = r.latencyMs;
  return `${r.rate}/s: answered ${r.achievedRate.toFixed(0)}/s, p50 ${ms(p50)} p95 ${ms(p95)} p99 ${ms(p99)} ms, ${r.errors} errors, cores: server ${r.cpu.server}, client ${r.cpu.client}, others ${r.cpu.others}`;
}

function table(runs: readonly ServeRun[], world: Omit<ServeWorld, "bodies">, stageMeanUs: Readonly<Record<string, number | null>>): string {
  const { os, cpu, cores, node } = machine();
  const head = [
    "asked/s",
    "answered/s",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "p99.9 ms",
    "max ms",
    "errors",
    "server cores",
    "client cores",
    "others' cores",
    "server MB",
  ];
  const rows = runs.map((r) =>
    [
      r.rate,
      r.achievedRate.toFixed(0),
      ...[r.latencyMs.p50, r.latencyMs.p95, r.latencyMs.p99, r.latencyMs.p999, r.latencyMs.max].map(ms),
      r.errors,
      r.cpu.server,
      r.cpu.client,
      r.cpu.others,
      r.serverRssMb,
    ].map(String),
  );
  const widths = head.map((h, c) => Math.max(h.length, ...rows.map((r) => r[c]!.length)));
  const text = [head, ...rows].map((r) => r.map((cell, c) => cell.padStart(widths[c]!)).join("  "));
  return [
    `${world.slots} slots, ${world.trees} trees with ${world.leaves} leaves, ${world.rowsIngested} rows in the online store, every prediction logged`,
    `${cores} cores of ${cpu}, ${os}, Node ${node}; latency from the scheduled arrival`,
    "",
    ...text,
    "",
    `server time of a request, mean over all runs, us: ${Object.entries(stageMeanUs)
      .flatMap(([stage, us]) => (us === null ? [] : [`${stage} ${us.toFixed(0)}`]))
      .join(", ")}`,
  ].join("\n");
}

/** Null where nothing was answered: JSON has no NaN. */
function ms(value: number | null): string {
  return value === null ? "-" : value.toFixed(2);
}

function round(x: number): number {
  return Math.round(x * 1000) / 1000;
}

if (import.meta.main) await run(process.argv.slice(2));
