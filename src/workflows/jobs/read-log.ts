import { FeedbackJoin, type MaturedPrediction } from "../../feedback/join.ts";
import { readFeedback, type FeedbackReader } from "../../feedback/log.ts";
import type { PredictionRecord } from "../../feedback/prediction.ts";
import { MICROS_PER_DAY } from "../../kernel/time.ts";

const batch = 5000;

export interface LogVisitor {
  readonly prediction?: (record: PredictionRecord) => void;
  readonly matured?: (matured: MaturedPrediction) => void;
}

/** Offsets in the two logs. */
export type LogPlace = {
  readonly predictions: number;
  readonly labels: number;
};

/** Longer than any replay: a visit reads a bounded stretch of the logs, so nothing need be forgotten on the way. */
const horizonUs = 4000 * MICROS_PER_DAY;

/** Reads the logs from a place to where they end now and joins what was asked with what came of it, in batches. */
export async function visitLog(logFolder: string, place: LogPlace, visitor: LogVisitor): Promise<void> {
  const reader = await readFeedback(logFolder);
  try {
    const join = new FeedbackJoin(horizonUs);
    const matured = (found: readonly MaturedPrediction[]): void => {
      if (visitor.matured !== undefined) for (const one of found) visitor.matured(one);
    };
    for await (const record of predictionsOf(reader, place.predictions)) {
      visitor.prediction?.(record);
      if (visitor.matured !== undefined) matured(join.addPrediction(record));
    }
    if (visitor.matured === undefined) return;
    for (let from = place.labels; ;) {
      const labels = await reader.labels(from, batch);
      for (const { record } of labels) matured(join.addLabel(record));
      if (labels.length < batch) break;
      from = labels.at(-1)!.offset + 1;
    }
  } finally {
    await reader.close();
  }
}

async function* predictionsOf(reader: FeedbackReader, fromOffset: number): AsyncGenerator<PredictionRecord> {
  for (let from = fromOffset; ;) {
    const records = await reader.predictions(from, batch);
    for (const { record } of records) yield record;
    if (records.length < batch) return;
    from = records.at(-1)!.offset + 1;
  }
}
