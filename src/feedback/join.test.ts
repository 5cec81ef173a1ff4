import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { FeedbackJoin, type MaturedPrediction } from "./join.ts";
import type { LabelRecord, PredictionRecord, PredictionRole } from "./prediction.ts";

const horizonUs = 6400;

function prediction(id: string, askedUs: number, more: Partial<PredictionRecord> = {}): PredictionRecord {
  const fixed = {
    model: "m",
    version: 1,
    role: "champion" as PredictionRole,
    servedUs: askedUs,
    score: 0.5,
    vector: new Float64Array(0),
    serviceHash: "s",
    fields: {},
    latencyUs: 1,
  };
  return { ...fixed, id, askedUs, ...more };
}

function label(id: string, value: 0 | 1, knownUs: number, model = "m"): LabelRecord {
  return { id, model, label: value, knownUs };
}

describe("predictions joined with their labels", () => {
  it("match in either order of arrival", () => {
    const join = new FeedbackJoin(horizonUs);
    const early = prediction("a", 10);
    const late = prediction("b", 20);
    expect(join.addPrediction(early)).toEqual([]);
    expect(join.addLabel(label("a", 1, 30))).toEqual([{ prediction: early, label: 1, knownUs: 30 }]);
    expect(join.addLabel(label("b", 0, 25))).toEqual([]);
    expect(join.addPrediction(late)).toEqual([{ prediction: late, label: 0, knownUs: 25 }]);
  });

  it("keep models with equal ids apart", () => {
    const join = new FeedbackJoin(horizonUs);
    join.addPrediction(prediction("a", 10, { model: "other" }));
    expect(join.addLabel(label("a", 1, 30))).toEqual([]);
    expect(join.addLabel(label("a", 0, 30, "other"))).toMatchObject([{ label: 0 }]);
  });

  it("give one label to champion and shadow alike", () => {
    const join = new FeedbackJoin(horizonUs);
    join.addPrediction(prediction("a", 10));
    join.addPrediction(prediction("a", 10, { version: 2, role: "shadow" }));
    const matured = join.addLabel(label("a", 1, 30));
    expect(matured.map((m) => m.prediction.version)).toEqual([1, 2]);
    expect(join.counts()).toMatchObject({ labels: 1, matured: 2 });
  });

  it("tell one version's answers in two roles apart", () => {
    const join = new FeedbackJoin(horizonUs);
    join.addLabel(label("a", 1, 30));
    expect(join.addPrediction(prediction("a", 10, { role: "shadow" }))).toHaveLength(1);
    expect(join.addPrediction(prediction("a", 10, { role: "challenger" }))).toHaveLength(1);
  });

  it("count a question asked twice once, with its first answer", () => {
    const join = new FeedbackJoin(horizonUs);
    expect(join.holds(prediction("a", 10))).toBe(false);
    join.addPrediction(prediction("a", 10, { score: 0.1 }));
    expect(join.holds(prediction("a", 10))).toBe(true);
    expect(join.holds(prediction("a", 10, { role: "shadow" }))).toBe(false);
    expect(join.holds(prediction("a", 10, { model: "other" }))).toBe(false);
    expect(join.addPrediction(prediction("a", 10, { score: 0.9 }))).toEqual([]);
    expect(join.addLabel(label("a", 1, 30)).map((m) => m.prediction.score)).toEqual([0.1]);
    expect(join.addPrediction(prediction("a", 10, { score: 0.9 }))).toEqual([]);
    expect(join.counts()).toMatchObject({ predictions: 1, repeatedPredictions: 2, matured: 1 });
  });

  it("take a repeated label once and a later one with another value as a correction, naming what it replaces", () => {
    const join = new FeedbackJoin(horizonUs);
    join.addPrediction(prediction("a", 10));
    join.addLabel(label("a", 1, 30));
    expect(join.addLabel(label("a", 1, 30))).toEqual([]);
    expect(join.addLabel(label("a", 0, 40))).toMatchObject([{ label: 0, knownUs: 40, replaces: 1 }]);
    expect(join.addLabel(label("a", 1, 30))).toEqual([]);
    expect(join.counts()).toMatchObject({ labels: 1, repeatedLabels: 2, corrections: 1, matured: 1 });
  });

  it("apply a correction that came before the prediction", () => {
    const join = new FeedbackJoin(horizonUs);
    join.addLabel(label("a", 1, 30));
    join.addLabel(label("a", 0, 40));
    expect(join.addPrediction(prediction("a", 10))).toEqual([{ prediction: prediction("a", 10), label: 0, knownUs: 40 }]);
  });

  it("hand over what got no label within the horizon, oldest first, and forget it", () => {
    const join = new FeedbackJoin(horizonUs);
    join.addPrediction(prediction("late", 500));
    join.addPrediction(prediction("old", 10));
    join.addPrediction(prediction("labelled", 10));
    join.addLabel(label("labelled", 1, 20));
    expect(join.advanceTo(10 + horizonUs)).toEqual([]);
    expect(join.advanceTo(700 + horizonUs).map((p) => p.id)).toEqual(["old", "late"]);
    expect(join.addLabel(label("old", 1, 7000))).toEqual([]);
    expect(join.counts()).toMatchObject({ unlabelled: 2, open: 0 });
  });

  it("never give a question out a second time once it is forgotten", () => {
    const join = new FeedbackJoin(horizonUs);
    join.addPrediction(prediction("a", 10));
    join.addLabel(label("a", 1, 20));
    join.advanceTo(3 * horizonUs);
    join.addLabel(label("a", 1, 2 * horizonUs + 200));
    expect(join.addPrediction(prediction("a", 10))).toEqual([]);
    expect(join.counts()).toMatchObject({ matured: 1, latePredictions: 1 });
  });

  it("count labels nobody asked for", () => {
    const join = new FeedbackJoin(horizonUs);
    join.addLabel(label("a", 1, 10));
    join.advanceTo(3 * horizonUs);
    join.addLabel(label("b", 1, 10));
    expect(join.counts()).toMatchObject({ labelsWithoutPrediction: 2 });
  });

  it("count a label as matched when its prediction came after it", () => {
    const join = new FeedbackJoin(horizonUs);
    join.addLabel(label("a", 1, 10));
    join.addPrediction(prediction("a", 10));
    join.advanceTo(3 * horizonUs);
    expect(join.counts()).toMatchObject({ matured: 1, labelsWithoutPrediction: 0, unlabelled: 0 });
  });

  it("never let time go back", () => {
    const join = new FeedbackJoin(horizonUs);
    join.advanceTo(3 * horizonUs);
    expect(join.advanceTo(0)).toEqual([]);
    join.addPrediction(prediction("a", 10));
    expect(join.counts()).toMatchObject({ latePredictions: 1, open: 0 });
  });

  it("hold no more than the questions of about one horizon, even when one is dated far in the future", () => {
    const join = new FeedbackJoin(horizonUs);
    join.addPrediction(prediction("future", 1e12));
    let most = 0;
    for (let us = 0; us < 20 * horizonUs; us++) {
      join.addPrediction(prediction(`q${us}`, us));
      join.advanceTo(us);
      most = Math.max(most, join.counts().open);
    }
    expect(most).toBeLessThanOrEqual(horizonUs + horizonUs / 64 + 2);
    expect(most).toBeGreaterThan(horizonUs);
  });

  it("end as a naive join of the whole logs does, whatever the order, repeats and corrections", () => {
    type Event =
      | { readonly kind: "prediction"; readonly id: string; readonly version: number; readonly score: number }
      | { readonly kind: "label"; readonly id: string; readonly value: 0 | 1; readonly knownUs: number };
    const id = fc.constantFrom("a", "b", "c", "d", "e");
    const event: fc.Arbitrary<Event> = fc.oneof(
      fc.record({ kind: fc.constant("prediction" as const), id, version: fc.integer({ min: 1, max: 2 }), score: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ kind: fc.constant("label" as const), id, value: fc.constantFrom<(0 | 1)[]>(0, 1), knownUs: fc.integer({ min: 0, max: 5 }) }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const join = new FeedbackJoin(horizonUs);
        // What a consumer that honours `replaces` believes.
        const believed = new Map<string, { score: number; label: number }>();
        const take = (matured: MaturedPrediction): void => {
          const key = `${matured.prediction.id}/${matured.prediction.version}`;
          expect(believed.get(key)?.label).toBe(matured.replaces);
          believed.set(key, { score: matured.prediction.score, label: matured.label });
        };
        for (const e of events) {
          const out =
            e.kind === "prediction"
              ? join.addPrediction(prediction(e.id, 1, { version: e.version, score: e.score }))
              : join.addLabel(label(e.id, e.value, e.knownUs));
          for (const matured of out) take(matured);
        }
        const first = new Map<string, number>();
        const final = new Map<string, { value: 0 | 1; knownUs: number }>();
        for (const e of events) {
          if (e.kind === "prediction") {
            const key = `${e.id}/${e.version}`;
            if (!first.has(key)) first.set(key, e.score);
          } else {
            const standing = final.get(e.id);
            if (standing === undefined || (standing.value !== e.value && e.knownUs >= standing.knownUs)) final.set(e.id, e);
          }
        }
        const naive = new Map<string, { score: number; label: number }>();
        for (const [key, score] of first) {
          const outcome = final.get(key.split("/")[0]!);
          if (outcome !== undefined) naive.set(key, { score, label: outcome.value });
        }
        expect(believed).toEqual(naive);
        const left = join.advanceTo(10 * horizonUs).length;
        expect(left + naive.size).toBe(first.size);
      }),
      { numRuns: 500 },
    );
  });

  it("refuse a horizon that is no duration", () => {
    expect(() => new FeedbackJoin(0)).toThrow("horizonUs: expected a duration above 0 (got 0)");
  });
});
