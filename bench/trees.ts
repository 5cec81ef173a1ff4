/**
 * Tree evaluation: our typed-array evaluator beside LightGBM's own predictor, ONNX Runtime, lleaves and treelite, on one LightGBM model
 * and the same rows, one thread each, in one run.
 *
 *   npm run bench -- trees [--trees 300] [--leaves 31] [--features 30] [--missing 0.1] [--python <path>] [--seconds 0.3] [--repeats 5] [--json]
 *
 * The Python (or KARKHANA_BENCH_PYTHON) needs lightgbm and numpy; onnxruntime with onnxmltools, lleaves and treelite are used if there.
 * Raw scores are compared first: a figure for other answers is worth nothing.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import type { TabularModel } from "../src/serving/formats/model.ts";
import { openModel, parseModel } from "../src/serving/formats/open.ts";
import { machine } from "../src/cli/load/machine.ts";

const batches = [1, 64, 10_000];

interface Timing {
  readonly name: string;
  readonly version: string;
  /** By batch size. */
  readonly microsecondsARow: Readonly<Record<string, number>>;
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      trees: { type: "string", default: "300" },
      leaves: { type: "string", default: "31" },
      features: { type: "string", default: "30" },
      missing: { type: "string", default: "0.1" },
      seconds: { type: "string", default: "0.3" },
      repeats: { type: "string", default: "5" },
      seed: { type: "string", default: "1" },
      python: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const python = values.python ?? process.env["KARKHANA_BENCH_PYTHON"];
  if (python === undefined) throw new Error("give --python <path> of a Python that has lightgbm and numpy: it trains the model and times the peers");
  const plan = Object.fromEntries(
    (["trees", "leaves", "features", "missing", "seconds", "repeats", "seed"] as const).map((name) => [name, Number(values[name])]),
  );
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-bench-"));
  try {
    writeFileSync(path.join(folder, "plan.json"), JSON.stringify(plan));
    const child = spawnSync(python, [path.join(import.meta.dirname, "trees-peers.py"), folder], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
    if (child.status !== 0) throw new Error(`${python} could not train and time LightGBM (exit ${child.status ?? child.signal})`);
    const { peers } = JSON.parse(child.stdout.slice(child.stdout.lastIndexOf('{"peers"'))) as { peers: Timing[] };
    const { tabular } = await openModel(parseModel("model.txt", readFileSync(path.join(folder, "model.txt"))));
    const rows = floatsOf(path.join(folder, "rows.f64"));
    const unequal = countUnequal(tabular!, rows, floatsOf(path.join(folder, "scores.f64")));
    const ours: Timing = {
      name: "karkhana",
      version: process.version,
      microsecondsARow: measure(tabular!, rows, Number(values.seconds), Number(values.repeats)),
    };
    const report = { bench: "trees", machine: machine(), plan, rowsUnequalToLightGbm: unequal, timings: [ours, ...peers] };
    process.stdout.write(`${values.json ? JSON.stringify(report) : describe(report)}\n`);
    if (unequal > 0) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function floatsOf(file: string): Float64Array {
  const bytes = readFileSync(file);
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

function countUnequal({ scoreRows }: TabularModel, rows: Float64Array, expected: Float64Array): number {
  const scores = new Float64Array(expected.length);
  scoreRows(rows, expected.length, scores);
  return scores.reduce((count, score, i) => count + Number(!Object.is(score, expected[i])), 0);
}

/** Best of several stretches, as the peers are measured. */
function measure({ scoreRows, numFeatures }: TabularModel, rows: Float64Array, seconds: number, repeats: number): Record<string, number> {
  const numRows = rows.length / numFeatures;
  return Object.fromEntries(
    batches.map((batch) => {
      const out = new Float64Array(batch);
      const blocks = Array.from({ length: Math.max(1, Math.floor(numRows / batch)) }, (_, i) =>
        rows.subarray(i * batch * numFeatures, (i + 1) * batch * numFeatures),
      );
      let best = Infinity;
      // One stretch more than counted: the compiler needs it.
      for (let repeat = 0; repeat <= repeats; repeat++) {
        const started = performance.now();
        let done = 0;
        while (performance.now() - started < seconds * 1000)
          for (const block of blocks) {
            scoreRows(block, batch, out);
            done += batch;
          }
        if (repeat > 0) best = Math.min(best, ((performance.now() - started) * 1000) / done);
      }
      return [batch, best];
    }),
  );
}

function describe(report: { plan: Record<string, number>; rowsUnequalToLightGbm: number; timings: readonly Timing[] }): string {
  const { cpu, cores, node } = machine();
  const [ours] = report.timings;
  const cell = (timing: Timing, batch: number): string => {
    const value = timing.microsecondsARow[batch];
    if (value === undefined) return "";
    return timing === ours ? value.toFixed(2) : `${value.toFixed(2)} (${(value / ours!.microsecondsARow[batch]!).toFixed(1)}x)`;
  };
  const head = ["microseconds a row", ...batches.map((batch) => (batch === 1 ? "one row" : `batch of ${batch.toLocaleString("en")}`))];
  const table = [head, ...report.timings.map((timing) => [`${timing.name} ${timing.version}`, ...batches.map((batch) => cell(timing, batch))])];
  const widths = head.map((_, c) => Math.max(...table.map((row) => row[c]!.length)));
  return [
    `${report.plan["trees"]} trees of ${report.plan["leaves"]} leaves, ${report.plan["features"]} features, ${report.plan["missing"]! * 100}% missing; raw scores of 10,000 rows, unequal to LightGBM's: ${report.rowsUnequalToLightGbm}`,
    `${cpu}, ${cores} cores, node ${node}; in brackets: how many times as long as karkhana`,
    "",
    ...table.map((row) => row.map((text, c) => (c === 0 ? text.padEnd(widths[c]!) : text.padStart(widths[c]!))).join("  ")),
  ].join("\n");
}

if (import.meta.main) await run(process.argv.slice(2));
