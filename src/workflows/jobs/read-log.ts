import { readFeedback, type FeedbackReader, type Logged } from "../../feedback/log.ts";
import { isPrediction, type PredictionRecord } from "../../feedback/prediction.ts";

const batch = 5000;

/** An answer whose outcome is known. */
export interface MaturedAnswer {
  readonly prediction: PredictionRecord;
  readonly label: 0 | 1;
}

export interface LogVisitor {
  /** Every record, repeats included. */
  readonly prediction?: (record: PredictionRecord) => void;
  /** Each answer (id, version, role) once, with the label that stands. */
  readonly matured?: (matured: MaturedAnswer) => void;
}

/** Offsets in the two logs. */
export type LogPlace = {
  readonly predictions: number;
  readonly labels: number;
};

interface Outcome {
  label: 0 | 1;
  knownUs: number;
  /** Versions and roles that were given out. */
  answered: string;
}

/**
 * Reads what the logs hold of a model from a place to where they end now, and joins what was asked with what came of it. Labels first: an
 * outcome is small, while to hold the answers until their labels come takes 2.7 kB a question (300,000 questions: 868 MB, against 360 so).
 * With `atMost`, no more than so many of the latest records of each log are read.
 */
export async function visitLog(
  logFolder: string,
  { model, from: wanted, atMost, ...visitor }: LogVisitor & { readonly model: string; readonly from: LogPlace; readonly atMost?: number },
): Promise<void> {
  const reader = await readFeedback(logFolder);
  try {
    const from = atMost === undefined ? wanted : latest(wanted, await reader.ends(), atMost);
    const outcomes = visitor.matured === undefined ? new Map<string, Outcome>() : await outcomesOf(reader, model, from.labels);
    // Few distinct ones: shared, not made anew for each question.
    const shared = new Map<string, string>();
    for await (const record of recordsOf(async (at, limit) => reader.predictions(at, limit), from.predictions)) {
      if (record.model !== model) continue;
      visitor.prediction?.(record);
      const outcome = outcomes.get(record.id);
      if (outcome === undefined || !isPrediction(record)) continue;
      const answer = `${record.version} ${record.role};`;
      if (outcome.answered.includes(`;${answer}`)) continue;
      const answered = `${outcome.answered}${answer}`;
      if (!shared.has(answered)) shared.set(answered, answered);
      outcome.answered = shared.get(answered)!;
      visitor.matured?.({ prediction: record, label: outcome.label });
    }
  } finally {
    await reader.close();
  }
}

function latest(from: LogPlace, ends: LogPlace, atMost: number): LogPlace {
  return { predictions: Math.max(from.predictions, ends.predictions - atMost), labels: Math.max(from.labels, ends.labels - atMost) };
}

/** The label that stands for each id, by the rule of `feedback/join.ts`: the first, until one comes that was not known earlier. */
async function outcomesOf(reader: FeedbackReader, model: string, from: number): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  for await (const { id, model: own, label, knownUs } of recordsOf(async (at, limit) => reader.labels(at, limit), from)) {
    if (own !== model) continue;
    const standing = outcomes.get(id);
    if (standing === undefined) outcomes.set(id, { label, knownUs, answered: ";" });
    else if (standing.label !== label && knownUs >= standing.knownUs) {
      standing.label = label;
      standing.knownUs = knownUs;
    }
  }
  return outcomes;
}

async function* recordsOf<T>(read: (from: number, limit: number) => Promise<Logged<T>[]>, fromOffset: number): AsyncGenerator<T> {
  for (let from = fromOffset; ;) {
    const records = await read(from, batch);
    for (const { record } of records) yield record;
    if (records.length < batch) return;
    from = records.at(-1)!.offset + 1;
  }
}
