// Two serving processes' logs written, dropped from and read in one process, which the test kills. Says what was acknowledged.
import { setTimeout as wait } from "node:timers/promises";
import { openFeedbackLog, readFeedback } from "../../src/feedback/log.ts";
import { logFolderOf } from "../../src/feedback/log-folders.ts";
import type { PredictionRecord } from "../../src/feedback/prediction.ts";
import { keepLogs } from "../../src/feedback/retention.ts";

const folder = process.argv[2]!;
const nextOf = JSON.parse(process.argv[3]!) as number[];
const nowUs = (): number => Date.now() * 1000;
const recordOf = (writer: number, sequence: number): PredictionRecord => ({
  id: `${writer}/${sequence}`,
  model: "m",
  version: 1,
  role: "champion",
  askedUs: nowUs(),
  servedUs: nowUs(),
  score: 0.5,
  vector: Float64Array.of(sequence),
  serviceHash: "s",
  fields: {},
  latencyUs: 1,
});

const logs = await Promise.all(nextOf.map((_, writer) => openFeedbackLog(logFolderOf(folder, writer), { maxSegmentBytes: 1500 })));
const reader = await readFeedback(folder);
let ended = 0;
for (let round = 0; ; round++) {
  for (const [writer, log] of logs.entries()) {
    const from = nextOf[writer]!;
    await log.logPredictions(Array.from({ length: 5 }, (_, i) => recordOf(writer, from + i)));
    nextOf[writer] = from + 5;
    process.stdout.write(`${JSON.stringify(nextOf)}\n`);
  }
  if (round % 3 === 0) ended = (await reader.ends()).predictions;
  if (round % 4 === 0) await reader.predictions(Math.max(0, ended - 40), 1000);
  const { dropped } = await keepLogs(folder, { keptUs: 60_000, maxBytes: 12_000, neededUs: 20_000 }, nowUs());
  if (dropped > 0) process.stdout.write(`"dropped"\n`);
  await wait(2);
}
