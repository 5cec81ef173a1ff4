import { aucEstimate } from "../../learn/evaluate.ts";
import type { Job } from "./job.ts";
import { visitLog, type LogPlace } from "./read-log.ts";

export type LiveInput = {
  readonly logFolder: string;
  readonly model: string;
  readonly from: LogPlace;
  readonly fromUs: number;
  readonly toUs: number;
};

export type LiveQuality = {
  readonly version: number;
  readonly matured: number;
  readonly auc: number | null;
};

export type LiveOutput = {
  /** Answers given, shadows not counted, each question once. */
  readonly predictions: number;
  readonly matured: number;
  readonly auc: number | null;
  readonly aucLow: number | null;
  readonly aucHigh: number | null;
  readonly byVersion: readonly LiveQuality[];
};

/** How good the answers given were, of every question of a span whose outcome is known by now. */
export const live: Job<LiveInput, LiveOutput> = async (input) => {
  const scored = new Map<number, { scores: number[]; labels: number[] }>();
  const answered = new Set<string>();
  await visitLog(input.logFolder, {
    model: input.model,
    from: input.from,
    prediction: (record) => {
      if (counts(input, record)) answered.add(record.id);
    },
    matured: ({ prediction, label }) => {
      if (!counts(input, prediction)) return;
      let own = scored.get(prediction.version);
      if (own === undefined) scored.set(prediction.version, (own = { scores: [], labels: [] }));
      own.scores.push(prediction.score);
      own.labels.push(label);
    },
  });
  const all = [...scored.values()];
  const overall = aucOf(
    all.flatMap((s) => s.scores),
    all.flatMap((s) => s.labels),
  );
  return {
    predictions: answered.size,
    matured: all.reduce((sum, s) => sum + s.labels.length, 0),
    auc: overall?.value ?? null,
    aucLow: overall?.low ?? null,
    aucHigh: overall?.high ?? null,
    byVersion: [...scored]
      .sort(([a], [b]) => a - b)
      .map(([version, s]) => ({ version, matured: s.labels.length, auc: aucOf(s.scores, s.labels)?.value ?? null })),
  };
};

function counts(input: LiveInput, record: { readonly role: string; readonly askedUs: number; readonly id: string }): boolean {
  return record.role !== "shadow" && record.askedUs >= input.fromUs && record.askedUs < input.toUs && !record.id.startsWith("rehearsal-");
}

function aucOf(scores: readonly number[], labels: readonly number[]): ReturnType<typeof aucEstimate> | undefined {
  if (!labels.includes(0) || !labels.includes(1)) return undefined;
  // Sums of floats depend on their order, and answers lie in the log as they came: in one order the same answers give the same figures.
  const order = Uint32Array.from(scores, (_score, i) => i).sort((a, b) => scores[a]! - scores[b]! || labels[a]! - labels[b]!);
  return aucEstimate(
    Float64Array.from(order, (i) => scores[i]!),
    Uint8Array.from(order, (i) => labels[i]!),
  );
}
