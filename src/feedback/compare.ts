import { KarkhanaError } from "../kernel/error.ts";
import { confidenceHalfWidth } from "./confidence-sequence.ts";
import { sampleRatio, type AssignedArm } from "./sample-ratio.ts";

/*
 * Champion against challenger on matured labels. The difference is the champion's mean log loss less the challenger's, so above 0 the
 * challenger is better. With the margin m (nats the challenger may lose):
 *
 *   better     interval above 0            worse      interval below -m
 *   not-worse  interval above -m           undecided  anything else, too few labels, or arms that were not split as declared
 *
 * "not-worse" and "worse" exclude each other at every later look, unless the interval itself misses (probability alpha).
 */

export type Verdict = "better" | "not-worse" | "worse" | "undecided";

export interface ComparisonOptions {
  /** Chance of an interval that ever misses the truth. Default 0.05. */
  readonly alpha?: number;
  /** Log loss in nats that the challenger may lose and still be called not worse. Default 0. */
  readonly margin?: number;
  /** Matured labels needed (of each arm, or pairs) before any verdict: the interval is asymptotic. Default 200. */
  readonly minMatured?: number;
  /** Number of labels, both arms together, at which a decision is expected. Default 5000. */
  readonly tuneFor?: number;
  /** Areas under the curve on the same rows, for the sentence only; AUC has no interval of this kind. */
  readonly auc?: { readonly champion: number; readonly challenger: number };
}

export interface Comparison {
  readonly verdict: Verdict;
  /** For a person: what was compared with what, and the figures. */
  readonly sentence: string;
  readonly matured: { readonly champion: number; readonly challenger: number };
  readonly logLoss: { readonly champion: number; readonly challenger: number };
  /** Champion's log loss less the challenger's, in nats, and its always-valid interval; NaN below two labels. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
}

/** Scores and labels of the same rows in the same order, shape [n] each. */
export interface ScoredLabels {
  readonly scores: ArrayLike<number>;
  readonly labels: ArrayLike<number>;
}

/**
 * Shadow: both answered the same questions, so the difference is taken question by question and what makes a question hard cancels out.
 * @throws SHAPE_MISMATCH, INVALID_ARGUMENT (a score that is no probability)
 */
export function compareShadow(
  labels: ArrayLike<number>,
  champion: ArrayLike<number>,
  challenger: ArrayLike<number>,
  options: ComparisonOptions = {},
): Comparison {
  const championLoss = losses("champion", champion, labels);
  const challengerLoss = losses("challenger", challenger, labels);
  const differences = championLoss.map((loss, i) => loss - challengerLoss[i]!);
  const { n, mean, variance } = moments(differences);
  return conclude({
    matured: { champion: n, challenger: n },
    logLoss: { champion: moments(championLoss).mean, challenger: moments(challengerLoss).mean },
    difference: mean,
    standardError: Math.sqrt(variance / n),
    n,
    what: `${n} questions answered by both`,
    options,
  });
}

/**
 * A/B: each arm answered its own questions. The split is checked first: where requests did not fall as declared, the arms differ in more
 * than the model and no difference means anything.
 * @param assigned keys that fell to each arm of the experiment, the champion first, labelled or not
 */
export function compareArms(champion: ScoredLabels, challenger: ScoredLabels, assigned: readonly AssignedArm[], options: ComparisonOptions = {}): Comparison {
  const a = moments(losses("champion", champion.scores, champion.labels));
  const b = moments(losses("challenger", challenger.scores, challenger.labels));
  const split = sampleRatio(assigned);
  return conclude({
    matured: { champion: a.n, challenger: b.n },
    logLoss: { champion: a.mean, challenger: b.mean },
    difference: a.mean - b.mean,
    standardError: Math.sqrt(a.variance / a.n + b.variance / b.n),
    n: a.n + b.n,
    what: `${b.n} questions answered by the challenger and ${a.n} by the champion`,
    ...(split.mismatch ? { invalid: split.sentence } : {}),
    options,
  });
}

interface Evidence {
  readonly matured: Comparison["matured"];
  readonly logLoss: Comparison["logLoss"];
  readonly difference: number;
  readonly standardError: number;
  readonly n: number;
  readonly what: string;
  readonly invalid?: string;
  readonly options: ComparisonOptions;
}

function conclude(evidence: Evidence): Comparison {
  const { matured, logLoss, difference, n, what, invalid } = evidence;
  const { alpha = 0.05, margin = 0, minMatured = 200, tuneFor = 5000, auc } = evidence.options;
  requireOptions(alpha, margin, tuneFor);
  const width = confidenceHalfWidth(evidence.standardError, n, alpha, tuneFor);
  const low = difference - width;
  const high = difference + width;
  const fewest = Math.min(matured.champion, matured.challenger);
  // Two labels are the least a variance needs, whatever the caller asks for.
  const tooFew = fewest < Math.max(minMatured, 2);
  const verdict = tooFew || invalid !== undefined ? "undecided" : verdictOf(low, high, margin);
  const figures = `log loss ${logLoss.challenger.toFixed(4)} against the champion's ${logLoss.champion.toFixed(4)}, gain ${signed(difference)} (${signed(low)} to ${signed(high)} at ${percent(1 - alpha)}, margin ${margin})`;
  const areas = auc === undefined ? "" : `, AUC ${auc.challenger.toFixed(4)} against ${auc.champion.toFixed(4)}`;
  const sentence = `${opening(verdict, invalid, tooFew ? `${fewest} matured labels of ${Math.max(minMatured, 2)} needed` : undefined)}: ${fewest === 0 ? "nothing to compare yet" : `on ${what}, ${figures}${areas}`}.`;
  return { verdict, sentence, matured, logLoss, difference, low, high };
}

function verdictOf(low: number, high: number, margin: number): Verdict {
  if (low > 0) return "better";
  if (low > -margin) return "not-worse";
  return high < -margin ? "worse" : "undecided";
}

function opening(verdict: Verdict, invalid: string | undefined, tooFew: string | undefined): string {
  if (invalid !== undefined) return `Undecided, the split is broken (${invalid})`;
  if (tooFew !== undefined) return `Undecided, ${tooFew}`;
  if (verdict === "better") return "The challenger is better";
  if (verdict === "not-worse") return "The challenger is not worse by more than the margin";
  return verdict === "worse" ? "The challenger is worse" : "Undecided, the interval is still too wide";
}

/** A sure and wrong answer costs 36 nats rather than infinitely many: scikit-learn's clip for float64, 2^-52. */
const clip: number = 2 ** -52;

function losses(field: string, scores: ArrayLike<number>, labels: ArrayLike<number>): Float64Array {
  if (scores.length !== labels.length)
    throw new KarkhanaError("SHAPE_MISMATCH", { field: `${field}.scores`, expected: `[${labels.length}]`, actual: `[${scores.length}]` });
  const loss = new Float64Array(scores.length);
  for (let i = 0; i < loss.length; i++) {
    const score = scores[i]!;
    if (!(score >= 0 && score <= 1))
      throw new KarkhanaError("INVALID_ARGUMENT", { field: `${field}.scores[${i}]`, problem: "expected a probability", value: String(score) });
    loss[i] = -Math.log(Math.max(clip, labels[i] === 1 ? score : 1 - score));
  }
  return loss;
}

/** Mean and sample variance, two passes; NaN where there are too few. */
function moments(values: Float64Array): { n: number; mean: number; variance: number } {
  const n = values.length;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[i]!;
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i]! - mean) ** 2;
  return { n, mean, variance: squares / (n - 1) };
}

function requireOptions(alpha: number, margin: number, tuneFor: number): void {
  const refuse = (field: string, problem: string, value: number): never => {
    throw new KarkhanaError("INVALID_ARGUMENT", { field, problem, value });
  };
  if (!(alpha > 0 && alpha < 1)) refuse("alpha", "expected a probability between 0 and 1", alpha);
  if (!(margin >= 0)) refuse("margin", "expected nats of log loss, 0 or more", margin);
  if (!(tuneFor > 0)) refuse("tuneFor", "expected a number of labels above 0", tuneFor);
}

function signed(nats: number): string {
  return `${nats < 0 ? "" : "+"}${nats.toFixed(4)}`;
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))}%`;
}
