import { compareArms, compareShadow, type ScoredLabels, type Verdict } from "../../feedback/compare.ts";
import { routingKey } from "../../feedback/assignment.ts";
import { ComparedOutcomes } from "../../feedback/outcomes.ts";
import { auc } from "../../learn/metrics.ts";
import { LatencyHistogram } from "../../math/latency-histogram.ts";
import type { Job } from "./job.ts";
import { visitLog, type LogPlace } from "./read-log.ts";

export type CompareInput = {
  readonly logFolder: string;
  readonly model: string;
  readonly champion: number;
  readonly candidate: number;
  readonly phase: "shadow" | "ab";
  /** Where the phase begins in the logs, and in event time. */
  readonly from: LogPlace;
  readonly fromUs: number;
  /** Of every challenger of the experiment; the champion has the rest. */
  readonly shares: readonly { readonly version: number; readonly share: number }[];
  /** Request fields that the assignment is by; none: the id. */
  readonly stickyBy: readonly string[];
  /** Chance of an interval that ever misses the truth; default 0.05. */
  readonly alpha?: number;
  /** Log loss in nats the candidate may lose. */
  readonly margin: number;
  readonly minMatured: number;
  /** Records of each log to read, the latest; default all from `from` on. */
  readonly atMost?: number;
};

/** Of server time spent on a question, lookup and compute. Microseconds, at most 1/16 too high; null before the first. */
export type LatencyFigures = {
  readonly count: number;
  readonly p50Us: number | null;
  readonly p95Us: number | null;
  readonly p99Us: number | null;
};

export type CompareOutput = {
  readonly verdict: Verdict;
  readonly summary: string;
  readonly matured: number;
  readonly championLogLoss: number | null;
  readonly candidateLogLoss: number | null;
  readonly difference: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly championAuc: number | null;
  readonly candidateAuc: number | null;
  /** Of all answers, matured or not; of the same questions in shadow. */
  readonly championLatency: LatencyFigures;
  readonly candidateLatency: LatencyFigures;
  /** When the oldest question looked at was asked; null if none was. */
  readonly oldestUs: number | null;
};

/** Champion against candidate on what has matured since the phase began. */
export const compare: Job<CompareInput, CompareOutput> = async (input) => {
  const outcomes = new ComparedOutcomes({ champion: input.champion, challenger: input.candidate, fromUs: input.fromUs });
  // Keys, not questions: where a model is sticky by a field, one key asks many questions and they all fall to one arm.
  const keys = new Map([input.champion, ...input.shares.map(({ version }) => version)].map((version) => [version, new Set<string>()]));
  const latency = { champion: new LatencyHistogram(), candidate: new LatencyHistogram() };
  let oldestUs = Number.POSITIVE_INFINITY;
  await visitLog(input.logFolder, {
    model: input.model,
    from: input.from,
    ...(input.atMost === undefined ? {} : { atMost: input.atMost }),
    prediction: (record) => {
      if (record.askedUs < input.fromUs) return;
      oldestUs = Math.min(oldestUs, record.askedUs);
      if (record.instead === undefined) {
        if (record.version === input.champion && record.role === "champion") latency.champion.add(record.latencyUs);
        else if (record.version === input.candidate) latency.candidate.add(record.latencyUs);
      }
      // To whom a question fell, not who answered it instead.
      const { version, role } = record.instead ?? record;
      if (role === (version === input.champion ? "champion" : "challenger")) keys.get(version)?.add(routingKey(record.id, record.fields, input.stickyBy));
    },
    matured: (matured) => outcomes.add(matured),
  });
  const seen = { championLatency: figuresOf(latency.champion), candidateLatency: figuresOf(latency.candidate), oldestUs: finite(oldestUs) };
  const { margin, minMatured, alpha = 0.05 } = input;
  const options = { margin, minMatured, alpha };
  if (input.phase === "shadow") {
    const { labels, champion, challenger } = outcomes.pairs();
    const areas = { champion: auc(champion, labels), challenger: auc(challenger, labels) };
    return output(compareShadow(labels, champion, challenger, { ...options, ...(labels.length > 0 ? { auc: areas } : {}) }), areas, seen);
  }
  const { champion, challenger } = outcomes.arms();
  const areas = { champion: areaOf(champion), challenger: areaOf(challenger) };
  const rest = 1 - input.shares.reduce((sum, { share }) => sum + share, 0);
  const assigned = [
    { name: "the champion", assigned: keys.get(input.champion)!.size, share: rest },
    ...input.shares.map(({ version, share }) => ({
      name: input.shares.length === 1 ? "the challenger" : `v${version}`,
      assigned: keys.get(version)!.size,
      share,
    })),
  ];
  return output(compareArms(champion, challenger, assigned, { ...options, auc: areas }), areas, seen);
};

function output(
  comparison: ReturnType<typeof compareShadow>,
  areas: { champion: number; challenger: number },
  seen: Pick<CompareOutput, "championLatency" | "candidateLatency" | "oldestUs">,
): CompareOutput {
  const { verdict, sentence, matured, logLoss, difference, low, high } = comparison;
  return {
    verdict,
    summary: sentence,
    matured: Math.min(matured.champion, matured.challenger),
    championLogLoss: finite(logLoss.champion),
    candidateLogLoss: finite(logLoss.challenger),
    difference: finite(difference),
    low: finite(low),
    high: finite(high),
    championAuc: finite(areas.champion),
    candidateAuc: finite(areas.challenger),
    ...seen,
  };
}

function figuresOf(histogram: LatencyHistogram): LatencyFigures {
  return {
    count: histogram.count,
    p50Us: finite(histogram.quantileUs(0.5)),
    p95Us: finite(histogram.quantileUs(0.95)),
    p99Us: finite(histogram.quantileUs(0.99)),
  };
}

function areaOf(arm: ScoredLabels): number {
  return auc(Float64Array.from(arm.scores), Uint8Array.from(arm.labels));
}

/** JSON has no NaN: a figure that is not there yet is null. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
