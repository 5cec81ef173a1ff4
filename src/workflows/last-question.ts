import type { FeedbackReader } from "../feedback/log.ts";
import type { PredictionRecord } from "../feedback/prediction.ts";

const batch = 1000;

/** The newest question a model was asked. The log holds those of every model of the project, so it may lie some way back; undefined if it holds none. */
export async function lastQuestion(feedback: Pick<FeedbackReader, "ends" | "predictions">, model: string): Promise<PredictionRecord | undefined> {
  const { predictions: end } = await feedback.ends();
  for (let to = end; to > 0; to -= batch) {
    const from = Math.max(0, to - batch);
    const records = await feedback.predictions(from, to - from);
    const last = records.findLast(({ record }) => record.model === model);
    if (last !== undefined) return last.record;
    // Nothing older is kept.
    if (records.length > 0 && records[0]!.offset > from) return undefined;
  }
  return undefined;
}
