import { describe, expect, it } from "vitest";

import { seededRng, type Rng } from "../kernel/rng.ts";
import { compareArms, compareShadow, type ScoredLabels } from "./compare.ts";
import { confidenceHalfWidth } from "./confidence-sequence.ts";
import { sampleRatio, type AssignedArm } from "./sample-ratio.ts";

interface Answers {
  readonly labels: number[];
  readonly scores: number[];
}

/** A calibrated model's answers, its scores then moved by `noise` log-odds either way. */
function answers(rng: Rng, n: number, noise = 0): Answers {
  const labels: number[] = [];
  const scores: number[] = [];
  for (let i = 0; i < n; i++) {
    const logit = 3 * rng.next() - 2.5;
    labels.push(rng.next() < 1 / (1 + Math.exp(-logit)) ? 1 : 0);
    scores.push(1 / (1 + Math.exp(-(logit + noise * (2 * rng.next() - 1)))));
  }
  return { labels, scores };
}

const upTo = (all: Answers, n: number): ScoredLabels => ({ labels: all.labels.slice(0, n), scores: all.scores.slice(0, n) });
const arms = (champion: number, challenger: number, share: number): AssignedArm[] => [
  { name: "the champion", assigned: champion, share: 1 - share },
  { name: "the challenger", assigned: challenger, share },
];
const fair = arms(5000, 5000, 0.5);

describe("the confidence sequence", () => {
  it("has the width GrowthBook publishes for its sequential test", () => {
    // gbstats: relative lift of two means, by the delta method.
    const a = { sum: 1396.87, squares: 52_377.9767, n: 3000 };
    const b = { sum: 2422.7, squares: 134_698.29, n: 3461 };
    const mean = (s: typeof a): number => s.sum / s.n;
    const variance = (s: typeof a): number => (s.squares - s.sum ** 2 / s.n) / (s.n - 1);
    const lift = mean(b) / mean(a) - 1;
    const standardError = Math.sqrt(variance(b) / (b.n * mean(a) ** 2) + (variance(a) * mean(b) ** 2) / (a.n * mean(a) ** 4));
    const width = confidenceHalfWidth(standardError, a.n + b.n, 0.05, 1000);
    expect(lift).toBeCloseTo(0.50336, 5);
    expect(lift - width).toBeCloseTo(-0.55844, 5);
    expect(lift + width).toBeCloseTo(1.56516, 5);
  });
});

describe("two versions on matured labels", () => {
  it("A/A with 50 looks: two arms of one model are told apart in fewer than 5 of 100 trials, even split or not", () => {
    for (const share of [0.5, 0.2]) {
      const trials = 300;
      let alarms = 0;
      for (let trial = 0; trial < trials; trial++) {
        const rng = seededRng(trial, `aa/${share}`);
        const champion = answers(rng, (5000 * (1 - share)) / 0.5);
        const challenger = answers(rng, (5000 * share) / 0.5);
        for (let look = 1; look <= 50; look++) {
          const a = upTo(champion, (champion.labels.length / 50) * look);
          const b = upTo(challenger, (challenger.labels.length / 50) * look);
          const { verdict } = compareArms(a, b, arms(a.labels.length, b.labels.length, share), { minMatured: 40 });
          if (verdict === "undecided") continue;
          alarms++;
          break;
        }
      }
      expect(alarms / trials).toBeLessThan(0.05);
    }
  });

  it("shadow of an equal with 50 looks: fewer than 5 of 100 trials see a difference", () => {
    const trials = 300;
    let alarms = 0;
    for (let trial = 0; trial < trials; trial++) {
      const rng = seededRng(trial, "shadow");
      const { labels, scores: champion } = answers(rng, 5000, 0);
      // Both move the truth by noise of the same size: equally good, never equal.
      const moved = champion.map((s) => 1 / (1 + Math.exp(-(Math.log(s / (1 - s)) + 0.6 * (2 * rng.next() - 1)))));
      const other = champion.map((s) => 1 / (1 + Math.exp(-(Math.log(s / (1 - s)) + 0.6 * (2 * rng.next() - 1)))));
      for (let n = 100; n <= 5000; n += 100) {
        if (compareShadow(labels.slice(0, n), moved.slice(0, n), other.slice(0, n), { minMatured: 100 }).verdict === "undecided") continue;
        alarms++;
        break;
      }
    }
    expect(alarms / trials).toBeLessThan(0.05);
  });

  it("a clearly better challenger is called better and a clearly worse one worse", () => {
    const rng = seededRng(1, "power");
    const good = answers(rng, 6000);
    const bad = { labels: good.labels, scores: good.scores.map((s) => 1 / (1 + Math.exp(-(Math.log(s / (1 - s)) + 2.4 * (2 * rng.next() - 1))))) };
    const shadow = compareShadow(good.labels, bad.scores, good.scores, { auc: { champion: 0.61, challenger: 0.68 } });
    expect(shadow.verdict).toBe("better");
    expect(shadow.low).toBeGreaterThan(0);
    expect(shadow.sentence).toMatch(
      /^The challenger is better: on 6000 questions answered by both, log loss 0\.\d{4} against the champion's 0\.\d{4}, gain \+0\.\d{4} \(\+0\.\d{4} to \+0\.\d{4} at 95%, margin 0\), AUC 0\.6800 against 0\.6100\.$/,
    );
    expect(compareShadow(good.labels, good.scores, bad.scores).verdict).toBe("worse");
    expect(compareArms(bad, good, fair, { margin: 0.001 }).verdict).toBe("better");
    expect(compareArms(good, bad, fair, { margin: 0.001 }).verdict).toBe("worse");
  });

  it("a small loss within the margin is not worse, and is worse or undecided without one", () => {
    const rng = seededRng(2, "margin");
    const good = answers(rng, 40_000);
    const slightly = good.scores.map((s) => 1 / (1 + Math.exp(-(Math.log(s / (1 - s)) + 0.3 * (2 * rng.next() - 1)))));
    expect(compareShadow(good.labels, good.scores, slightly, { margin: 0.01 }).verdict).toBe("not-worse");
    expect(compareShadow(good.labels, good.scores, slightly, { margin: 0 }).verdict).toBe("worse");
  });

  it("nothing is decided before the labels asked for are there, with none or one of them too", () => {
    const { labels, scores } = answers(seededRng(3), 150);
    const perfect = labels.map((l) => (l === 1 ? 1 : 0));
    expect(compareShadow(labels, scores, perfect)).toMatchObject({
      verdict: "undecided",
      sentence: expect.stringMatching(/^Undecided, 150 matured labels of 200 needed: /),
    });
    expect(compareShadow(labels, scores, perfect, { minMatured: 150 }).verdict).toBe("better");
    expect(compareShadow([], [], [], { minMatured: 0 })).toMatchObject({
      verdict: "undecided",
      sentence: "Undecided, 0 matured labels of 2 needed: nothing to compare yet.",
    });
    expect(compareShadow([1], [0.5], [0.9], { minMatured: 0 }).verdict).toBe("undecided");
  });

  it("arms that were not split as declared decide nothing, however different they are", () => {
    const rng = seededRng(4);
    const good = answers(rng, 3000);
    const bad = { labels: good.labels, scores: good.scores.map((s) => 1 - s) };
    const found = compareArms(bad, good, arms(5000, 4500, 0.5));
    expect(found.verdict).toBe("undecided");
    expect(found.sentence).toMatch(/^Undecided, the split is broken \(of 9500 requests 4500 fell to the challenger \(0\.5 declared\), p = /);
  });

  it("has the interval of the paired differences' own standard error", () => {
    // Labels all 1: the loss is -ln(score), so the differences are ln 2, ln 4 and -ln 2.
    const found = compareShadow([1, 1, 1], [0.4, 0.2, 0.8], [0.8, 0.8, 0.4], { minMatured: 3, tuneFor: 50, alpha: 0.1 });
    const mean = (2 * Math.LN2) / 3;
    const variance = ((Math.LN2 - mean) ** 2 + (2 * Math.LN2 - mean) ** 2 + (-Math.LN2 - mean) ** 2) / 2;
    expect(found.difference).toBeCloseTo(mean, 12);
    expect(found.high - mean).toBeCloseTo(confidenceHalfWidth(Math.sqrt(variance / 3), 3, 0.1, 50), 12);
    expect(mean - found.low).toBeCloseTo(found.high - mean, 12);
  });

  it("a certain and wrong answer costs much but not everything", () => {
    const found = compareShadow([1, 0], [0, 1], [0.5, 0.5]);
    expect(found.logLoss.champion).toBeCloseTo(52 * Math.LN2, 10);
    expect(found.logLoss.challenger).toBeCloseTo(Math.LN2, 10);
  });

  it("refuses what is no probability, unequal lengths and impossible options, naming them", () => {
    expect(() => compareShadow([1], [1.5], [0.5])).toThrow("champion.scores[0]: expected a probability (got 1.5)");
    expect(() => compareShadow([1], [0.5], [Number.NaN])).toThrow("challenger.scores[0]: expected a probability (got NaN)");
    expect(() => compareShadow([1, 0], [0.5, 0.5], [0.5])).toThrow("challenger.scores: expected shape [2], got [1]");
    expect(() => compareShadow([1], [0.5], [0.5], { alpha: 0 })).toThrow("alpha");
    expect(() => compareShadow([1], [0.5], [0.5], { margin: -1 })).toThrow("margin");
    expect(() => compareShadow([1], [0.5], [0.5], { tuneFor: 0 })).toThrow("tuneFor");
  });
});

describe("sample-ratio mismatch", () => {
  it("is seen in 5,000 against 4,700 of an even split and not in 5,000 against 4,800", () => {
    expect(sampleRatio(arms(5000, 4700, 0.5))).toMatchObject({ mismatch: false });
    expect(sampleRatio(arms(5000, 4650, 0.5))).toMatchObject({ mismatch: true });
    // scipy.stats.chisquare([8100, 1900], [8000, 2000]): statistic 6.25
    expect(sampleRatio(arms(8100, 1900, 0.2)).pValue).toBeCloseTo(0.012419, 6);
    expect(sampleRatio(arms(0, 0, 0.2)).mismatch).toBe(false);
    expect(() => sampleRatio(arms(1, 1, 0))).toThrow("share of the champion");
    expect(() => sampleRatio(arms(1, 1, 0.5).slice(1))).toThrow("at least two");
  });

  it("is asked of every arm at once", () => {
    const of = (...counts: number[]) => sampleRatio(counts.map((assigned, i) => ({ name: `v${i + 1}`, assigned, share: [0.75, 0.05, 0.2][i]! })));
    // scipy.stats.chisquare([7400, 560, 2040], [7500, 500, 2000]): statistic 9.3333
    expect(of(7400, 560, 2040).pValue).toBeCloseTo(0.009404, 6);
    expect(of(7400, 560, 2040)).toMatchObject({
      mismatch: false,
      sentence: "of 10000 requests 560 fell to v2 (0.05 declared), 2040 fell to v3 (0.2 declared), p = 0.0094",
    });
    expect(of(7300, 700, 2000).mismatch).toBe(true);
  });
});
