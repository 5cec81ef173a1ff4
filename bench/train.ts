/**
 * Speed of the gradient-boosting trainer in rows x features x trees a second, beside LightGBM on one thread where a Python
 * that has it is given. Both get the same table and parameters, one after the other on this machine; both AUCs on rows
 * held out are shown, so that speed is not bought with quality.
 *
 *   npm run bench -- train [--rows 300000] [--features 55] [--trees 150] [--leaves 63] [--seed 1] [--python <path>] [--json]
 *
 * KARKHANA_BENCH_PYTHON stands for --python. CPU seconds are those of the process, user and system; wall seconds suffer from
 * whatever else runs here.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { seededRng } from "../src/kernel/rng.ts";
import type { TrainingTable } from "../src/learn/dataset.ts";
import { trainGbdt } from "../src/learn/gbdt/train.ts";
import { auc } from "../src/learn/metrics.ts";
import { createPredictor, predictTable } from "../src/learn/predictor.ts";
import { machine } from "../src/cli/load/machine.ts";

const holdoutRows = 50_000;

interface Timing {
  readonly name: string;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Part of `seconds` before the first tree: finding bins and binning. */
  readonly binSeconds: number;
  readonly auc: number;
}

interface TrainReport {
  readonly rows: number;
  readonly features: number;
  readonly trees: number;
  readonly leaves: number;
  readonly runs: readonly (Timing & { readonly updatesPerSecond: number })[];
  /** Our seconds over LightGBM's; absent without a peer. */
  readonly ratio?: { readonly wall: number; readonly cpu: number };
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rows: { type: "string", default: "300000" },
      features: { type: "string", default: "55" },
      trees: { type: "string", default: "150" },
      leaves: { type: "string", default: "63" },
      seed: { type: "string", default: "1" },
      python: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const [rows, features, trees, leaves, seed] = [values.rows, values.features, values.trees, values.leaves, values.seed].map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const python = values.python ?? process.env["KARKHANA_BENCH_PYTHON"];
  const all = makeTable(rows + holdoutRows, features, seed);
  const [train, holdout] = [rowsOf(all, 0, rows), rowsOf(all, rows, rows + holdoutRows)];
  const timings = [timeOurs(train, holdout, trees, leaves, seed)];
  if (python !== undefined) timings.push(timeLightGbm(python, all, rows, trees, leaves, seed));
  const [ours, peer] = timings;
  const report: TrainReport = {
    rows,
    features,
    trees,
    leaves,
    runs: timings.map((timing) => ({ ...timing, updatesPerSecond: (rows * features * trees) / timing.seconds })),
    ...(ours !== undefined && peer !== undefined ? { ratio: { wall: ours.seconds / peer.seconds, cpu: ours.cpuSeconds / peer.cpuSeconds } } : {}),
  };
  process.stdout.write(`${values.json ? JSON.stringify({ ...report, machine: machine() }) : describe(report)}\n`);
  return Promise.resolve();
}

/** Continuous, skewed, few-valued, partly missing and categorical columns in turn; the label depends on the first dozen. */
function makeTable(numRows: number, numFeatures: number, seed: number): TrainingTable {
  const rng = seededRng(seed, "bench/train");
  const scores = new Float64Array(numRows).fill(-1);
  const columns = Array.from({ length: numFeatures }, (_, f) => {
    const kind = f % 11 === 10 ? "categorical" : (["uniform", "skewed", "few", "missing"] as const)[f % 4]!;
    const draw = rng.fork(`column-${f}`);
    const column = new Float64Array(numRows);
    for (let i = 0; i < numRows; i++) {
      const u = draw.next();
      if (kind === "categorical") column[i] = Math.floor(30 * u * u);
      else if (kind === "few") column[i] = Math.floor(24 * u);
      else if (kind === "skewed") column[i] = -Math.log(1 - u) * 40;
      else column[i] = kind === "missing" && draw.next() < 0.1 ? Number.NaN : u;
      if (f < 12) scores[i]! += 0.7 * Math.sin(6 * u + f);
    }
    return column;
  });
  const labelRng = rng.fork("labels");
  return {
    numRows,
    features: columns.map((_, f) => ({ name: `f${f}`, type: f % 11 === 10 ? "categorical" : "numeric" })),
    columns,
    labels: Uint8Array.from(scores, (score) => (labelRng.next() < 1 / (1 + Math.exp(-score)) ? 1 : 0)),
  };
}

function rowsOf(table: TrainingTable, begin: number, end: number): TrainingTable {
  return {
    numRows: end - begin,
    features: table.features,
    columns: table.columns.map((column) => column.slice(begin, end)),
    labels: table.labels.slice(begin, end),
  };
}

function timeOurs(train: TrainingTable, holdout: TrainingTable, trees: number, leaves: number, seed: number): Timing {
  // A small run first, so that compiling the loops is not counted as learning.
  trainGbdt({ train: rowsOf(train, 0, Math.min(train.numRows, 20_000)), params: { numIterations: 5, numLeaves: leaves, seed } });
  const cpu = process.cpuUsage();
  const start = performance.now();
  const { ensemble } = trainGbdt({ train, params: { numIterations: trees, numLeaves: leaves, seed } });
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const binStart = performance.now();
  trainGbdt({ train, params: { numIterations: 1, numLeaves: 2, seed } });
  const binSeconds = (performance.now() - binStart) / 1000;
  const predictor = createPredictor({ kind: "gbdt", features: train.features, ensemble, calibration: { kind: "sigmoid", slope: 1, intercept: 0 } });
  return { name: "karkhana", seconds, cpuSeconds: (user + system) / 1e6, binSeconds, auc: auc(predictTable(predictor, holdout), holdout.labels) };
}

function timeLightGbm(python: string, table: TrainingTable, numTrain: number, trees: number, leaves: number, seed: number): Timing {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-bench-"));
  try {
    const columns = path.join(folder, "columns.f64");
    writeFileSync(columns, "");
    for (const column of table.columns) writeFileSync(columns, new Uint8Array(column.buffer), { flag: "a" });
    writeFileSync(path.join(folder, "labels.u8"), table.labels);
    const plan = {
      numRows: table.numRows,
      numTrain,
      trees,
      leaves,
      seed,
      categorical: table.features.flatMap(({ type }, f) => (type === "categorical" ? [f] : [])),
    };
    writeFileSync(path.join(folder, "plan.json"), JSON.stringify(plan));
    const child = spawnSync(python, [path.join(import.meta.dirname, "train-lightgbm.py"), folder], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
    if (child.status !== 0)
      throw new Error(`${python} could not run LightGBM (exit ${child.status ?? child.signal}); give a Python that has lightgbm, numpy and scikit-learn`);
    return JSON.parse(child.stdout) as Timing;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function describe({ rows, features, trees, leaves, runs, ratio }: TrainReport): string {
  const { cpu, cores, node } = machine();
  const head = ["trainer", "seconds", "CPU s", "binning s", "M updates/s", "AUC"];
  const cells = runs.map((r) => [
    r.name,
    r.seconds.toFixed(2),
    r.cpuSeconds.toFixed(2),
    r.binSeconds.toFixed(2),
    (r.updatesPerSecond / 1e6).toFixed(0),
    r.auc.toFixed(4),
  ]);
  const widths = head.map((title, c) => Math.max(title.length, ...cells.map((row) => row[c]!.length)));
  const print = (row: readonly string[]): string => row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join("  ");
  return [
    `${rows} rows x ${features} features x ${trees} trees of ${leaves} leaves; one update is one row of one feature in one tree`,
    `${cpu}, ${cores} cores, node ${node}`,
    "",
    print(head),
    ...cells.map(print),
    ...(ratio === undefined
      ? ["", "no peer: give --python <path> of a Python with lightgbm"]
      : ["", `karkhana takes ${ratio.wall.toFixed(2)} times as long as LightGBM on one thread (CPU ${ratio.cpu.toFixed(2)} times)`]),
  ].join("\n");
}

if (import.meta.main) await run(process.argv.slice(2));
