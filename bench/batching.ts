/**
 * `npm run bench -- batching [--hidden 64,512] [--clients 64] [--rows 20000]`: an ONNX network in its worker thread, asked by many clients
 * one row at a time, each with its next question when it has its answer; requests alone, put together as they wait, and after a short wait.
 * Processor time is the whole process's, all threads: what a row costs, whoever else uses the machine.
 */
import { parseArgs } from "node:util";
import { inputs as width, network } from "../src/serving/formats/onnx/made-network.fixture.ts";
import type { Tensor } from "../src/serving/formats/model.ts";
import { openModel, parseModel } from "../src/serving/formats/open.ts";
import { oneByOne, type BatchingPolicy } from "../src/serving/batching/policy.ts";
import { BatchScheduler } from "../src/serving/batching/scheduler.ts";

const alone = oneByOne(1, 10_000);
const policies: readonly (readonly [string, BatchingPolicy])[] = [
  ["one request a run", alone],
  ["what waits, up to 32", { ...alone, maxBatchSize: 32 }],
  ["what waits, up to 128", { ...alone, maxBatchSize: 128 }],
  ["up to 32 after 1 ms at most", { ...alone, maxBatchSize: 32, maxDelayMs: 1 }],
];

interface Measured {
  readonly rowsPerSecond: number;
  /** Processor seconds of 1,000 rows. */
  readonly cpuSeconds: number;
  readonly rowsPerRun: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { hidden: { type: "string", default: "64,512" }, clients: { type: "string", default: "64" }, rows: { type: "string", default: "20000" } },
  });
  const [clients, rows] = [Number(values.clients), Number(values.rows)];
  console.log(`${clients} clients, ${rows} rows of ${width} numbers, one a request; Node ${process.version}\n`);
  console.log("| hidden units | requests | rows a run | rows/s | CPU s per 1,000 rows | p50 | p99 |\n| --- | --- | --- | --- | --- | --- | --- |");
  for (const hidden of values.hidden.split(",").map(Number))
    for (const [name, policy] of policies) {
      const m = await measure(hidden, policy, clients, rows);
      console.log(
        `| ${hidden} | ${name} | ${m.rowsPerRun.toFixed(1)} | ${m.rowsPerSecond.toFixed(0)} | ${m.cpuSeconds.toFixed(4)} | ${m.p50Ms.toFixed(2)} ms | ${m.p99Ms.toFixed(2)} ms |`,
      );
    }
}

async function measure(hidden: number, policy: BatchingPolicy, clients: number, rows: number): Promise<Measured> {
  const model = await openModel(parseModel("model.onnx", network({ hidden })));
  let runs = 0;
  const scheduler = new BatchScheduler({ predict: model.predict, policy, timerMs: () => performance.now(), onRun: () => runs++ });
  const outputs = model.outputs.map(({ name }) => name);
  const latencies: number[] = [];
  const client = async (questions: number): Promise<void> => {
    for (let i = 0; i < questions; i++) {
      const input: Tensor = { name: "X", datatype: "FP32", shape: [1, width], data: new Float32Array(width).fill(i / questions) };
      const startMs = performance.now();
      await scheduler.run({ inputs: [input], outputs, priority: 0, tenant: "", deadlineMs: Infinity });
      latencies.push(performance.now() - startMs);
    }
  };
  const all = (questions: number): Promise<unknown> => Promise.all(Array.from({ length: clients }, () => client(questions)));
  const each = Math.ceil(rows / clients);
  await all(Math.ceil(each / 10));
  latencies.length = runs = 0;
  const [before, startMs] = [process.cpuUsage(), performance.now()];
  await all(each);
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - startMs) / 1000;
  await model.close();
  latencies.sort((a, b) => a - b);
  const at = (q: number): number => latencies[Math.min(latencies.length - 1, Math.floor(q * latencies.length))]!;
  return {
    rowsPerSecond: latencies.length / seconds,
    cpuSeconds: (user + system) / 1e6 / (latencies.length / 1000),
    rowsPerRun: latencies.length / runs,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}
