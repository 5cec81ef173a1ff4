/**
 * The same LightGBM model behind this program and behind Python's servers, asked for the same rows, one server at a time, in one run.
 * Each is asked at growing rates until its p95 passes the bound or it falls behind; the ratio is of the highest rates that held.
 *
 *   npm run bench -- serve-peers [--peers fastapi,litserve,mlflow,bentoml,ray-serve,mlserver,triton] [--rates 200,500,1000,2000,5000,10000,20000]
 *                                [--seconds 10] [--warmup 3] [--p95 10] [--trees 300] [--leaves 31] [--features 30] [--connections 64] [--json]
 *
 * Triton's Python backend brings an interpreter that does not know the newest patch releases of Python's library: put Debian's python3 first in PATH.
 * Installs each peer from PyPI into an environment of its own the first time. Ours is asked in the same way, features sent along (the Open
 * Inference Protocol, JSON); `npm run bench -- serve` measures what nobody else does, features read by key and every answer logged.
 */
import { spawnSync, fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { pythonEnvironment } from "../scripts/python-environment.ts";
import type { LoadReport } from "../src/cli/load/client.ts";
import { machine } from "../src/cli/load/machine.ts";
import { runLoadProcess } from "../src/cli/load/start-client.ts";
import { peers, trainingPackages, type Peer } from "./peers/peers.ts";
import { endServer, startServer, type StartedServer } from "./python-server.ts";

interface Asked {
  readonly path: string;
  readonly bodies: readonly string[];
}

interface Measured {
  readonly name: string;
  readonly runs: readonly LoadReport[];
  /** Highest rate at which p95 stayed under the bound, 98 % were answered and none failed; 0 if no rate did. */
  readonly heldRate: number;
  readonly problem?: string;
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      peers: { type: "string", default: peers.map(({ name }) => name).join(",") },
      rates: { type: "string", default: "200,500,1000,2000,5000,10000,20000" },
      seconds: { type: "string", default: "10" },
      warmup: { type: "string", default: "3" },
      p95: { type: "string", default: "10" },
      trees: { type: "string", default: "300" },
      leaves: { type: "string", default: "31" },
      features: { type: "string", default: "30" },
      connections: { type: "string", default: "64" },
      json: { type: "boolean", default: false },
    },
  });
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const chosen = values.peers.split(",").filter(Boolean);
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-peers-"));
  try {
    const python = pythonEnvironment("bench-train", trainingPackages);
    const trained = spawnSync(python, [path.join(import.meta.dirname, "peers", "train.py"), folder, values.trees, values.leaves, values.features], {
      stdio: "inherit",
    });
    if (trained.status !== 0) throw new Error("LightGBM could not be trained");
    const { rows, lightgbm } = JSON.parse(readFileSync(path.join(folder, "rows.json"), "utf8")) as { rows: number[][]; lightgbm: string };
    const measured: Measured[] = [];
    const measure = async (name: string, port: number, asked: Asked): Promise<Measured> => {
      const runs: LoadReport[] = [];
      let heldRate = 0;
      for (const rate of values.rates.split(",").map(Number)) {
        const report = await runLoadProcess({
          host: "127.0.0.1",
          port,
          path: asked.path,
          rate,
          seconds: Number(values.seconds),
          warmupSeconds: Number(values.warmup),
          connections: Number(values.connections),
          arrivals: "poisson",
          bodies: asked.bodies,
          idPrefix: "",
        });
        runs.push(report);
        say(`${name}: ${line(report)}`);
        if (report.errors > 0 || report.achievedRate < 0.98 * rate || !(report.latencyMs.p95 <= Number(values.p95))) break;
        heldRate = rate;
      }
      return { name, runs, heldRate };
    };
    const ours = await startOurs(folder);
    measured.push(await measure("karkhana", ours.port, { path: "/v2/models/bench/infer", bodies: bodiesOf(rows, oipBody) }));
    ours.child.send("close");
    await once(ours.child, "exit");
    for (const peer of peers.filter(({ name }) => chosen.includes(name))) {
      try {
        const { child, port } = await startPeer(peer, folder, rows[0]!, say);
        try {
          measured.push(await measure(peer.name, port, { path: peer.path, bodies: bodiesOf(rows, peer.body) }));
        } finally {
          await endServer(child);
        }
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        say(`${peer.name}: ${problem}`);
        measured.push({ name: peer.name, runs: [], heldRate: 0, problem });
      }
    }
    const best = measured.slice(1).reduce<Measured | undefined>((a, b) => (a === undefined || b.heldRate > a.heldRate ? b : a), undefined);
    const ratio = best === undefined || best.heldRate === 0 ? null : measured[0]!.heldRate / best.heldRate;
    const world = { trees: Number(values.trees), leaves: Number(values.leaves), features: Number(values.features), lightgbm };
    if (values.json)
      process.stdout.write(`${JSON.stringify({ p95BoundMs: Number(values.p95), ratio, bestPeer: best?.name ?? null, measured, world, machine: machine() })}\n`);
    else {
      const { cpu, cores, node, os } = machine();
      const held = measured.map((m) => `  ${m.name.padEnd(12)}${m.problem ?? `${m.heldRate}/s at p95 <= ${values.p95} ms`}`);
      process.stdout.write(
        `${cores} cores ${cpu}, ${os}, Node ${node}; LightGBM ${lightgbm}, ${world.trees} trees, ${world.features} features, one row a request, client on the same machine\n${held.join("\n")}\n${ratio === null ? "" : `ratio to the best of them (${best!.name}): ${ratio.toFixed(1)}\n`}`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const oipBody = (row: readonly number[]): unknown => ({ inputs: [{ name: "input", shape: [1, row.length], datatype: "FP64", data: row }] });

function bodiesOf(rows: readonly (readonly number[])[], body: Peer["body"]): string[] {
  return rows.map((row) => JSON.stringify(body(row)));
}

function line({ rate, achievedRate, latencyMs: l, errors, cpuShare }: LoadReport): string {
  return `${rate}/s: answered ${achievedRate.toFixed(0)}/s, p50 ${l.p50.toFixed(2)} p95 ${l.p95.toFixed(2)} p99 ${l.p99.toFixed(2)} p99.9 ${l.p999.toFixed(2)} ms, ${errors} errors, client ${cpuShare.toFixed(2)} cores`;
}

async function startOurs(folder: string): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const models = path.join(folder, "models");
  mkdirSync(path.join(models, "bench", "1"), { recursive: true });
  copyFileSync(path.join(folder, "model.txt"), path.join(models, "bench", "1", "model.txt"));
  const child = fork(path.join(import.meta.dirname, "serve-files-process.ts"), [models], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const [ready] = (await Promise.race([once(child, "message"), once(child, "exit").then(() => Promise.reject(new Error("our serving process ended")))])) as [
    { port: number },
  ];
  return { child, port: ready.port };
}

async function startPeer(peer: Peer, folder: string, row: readonly number[], say: (text: string) => void): Promise<StartedServer> {
  say(`${peer.name}: installing ${peer.packages.join(" ")}`);
  const python = pythonEnvironment(`bench-${peer.name}`, peer.packages);
  const server = await startServer(
    (port) => peer.command(python, folder, port),
    async (port) => (await fetch(`http://127.0.0.1:${port}${peer.health}`, { signal: AbortSignal.timeout(2000) })).ok,
    { PATH: `${path.dirname(python)}:${process.env["PATH"] ?? ""}`, HOME: folder },
  );
  try {
    await askInTurn(`http://127.0.0.1:${server.port}${peer.path}`, JSON.stringify(peer.body(row)));
    return server;
  } catch (error) {
    await endServer(server.child);
    throw error;
  }
}

/** One after the other until it answers as a warm server does: some load the model, or what serves it, with the first questions. */
async function askInTurn(url: string, body: string): Promise<void> {
  const until = performance.now() + 5000;
  for (let answered = 0; answered < 20 || performance.now() < until; answered++) {
    const response = await fetch(url, { method: "POST", body, headers: { "content-type": "application/json" }, signal: AbortSignal.timeout(30_000) });
    const text = await response.text();
    if (!response.ok) throw new Error(`answered ${response.status}: ${text.slice(0, 300)}`);
  }
}
