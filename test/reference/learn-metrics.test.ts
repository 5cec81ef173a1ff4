import { describe, expect, it } from "vitest";
import { comparePaired } from "../../src/learn/compare.ts";
import { aucCovariance, placementValues } from "../../src/learn/delong.ts";
import { auc, averagePrecision, brier, logLoss } from "../../src/learn/metrics.ts";
import { readFixture } from "./learn-fixture.ts";

interface Figures {
  readonly auc: number;
  readonly logLoss: number;
  readonly brier: number;
  readonly averagePrecision: number;
}

interface Case {
  readonly labels: readonly number[];
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly metricsA: Figures;
  readonly metricsB: Figures;
  readonly delongAucs: readonly [number, number];
  readonly delongCovariance: readonly [readonly [number, number], readonly [number, number]];
}

const { cases } = readFixture("learn-metrics.json") as { readonly cases: readonly Case[] };

describe.each(cases.map((fixture) => ({ rows: fixture.labels.length, fixture })))("on $rows rows with ties", ({ fixture }) => {
  const labels = Uint8Array.from(fixture.labels);
  const a = Float64Array.from(fixture.a);
  const b = Float64Array.from(fixture.b);

  it("AUC, log loss, Brier score and average precision match scikit-learn", () => {
    expect(new Set(fixture.a).size).toBeLessThan(labels.length);
    for (const [scores, expected] of [[a, fixture.metricsA] as const, [b, fixture.metricsB] as const]) {
      expect(auc(scores, labels)).toBeCloseTo(expected.auc, 12);
      expect(logLoss(scores, labels)).toBeCloseTo(expected.logLoss, 12);
      expect(brier(scores, labels)).toBeCloseTo(expected.brier, 12);
      expect(averagePrecision(scores, labels)).toBeCloseTo(expected.averagePrecision, 12);
    }
  });

  it("DeLong's AUCs and covariances match the paper's full kernel", () => {
    const [placeA, placeB] = [placementValues(a, labels), placementValues(b, labels)];
    expect(placeA.auc).toBeCloseTo(fixture.delongAucs[0], 12);
    expect(placeB.auc).toBeCloseTo(fixture.delongAucs[1], 12);
    expect(aucCovariance(placeA, placeA)).toBeCloseTo(fixture.delongCovariance[0][0], 12);
    expect(aucCovariance(placeA, placeB)).toBeCloseTo(fixture.delongCovariance[0][1], 12);
    expect(aucCovariance(placeB, placeB)).toBeCloseTo(fixture.delongCovariance[1][1], 12);
  });

  it("the interval of the paired AUC difference comes from that covariance", () => {
    const [[varA, cov], [, varB]] = fixture.delongCovariance;
    const { aucDifference } = comparePaired({ champion: a, challenger: b, labels });
    const difference = fixture.delongAucs[1] - fixture.delongAucs[0];
    expect(aucDifference?.value).toBeCloseTo(difference, 12);
    expect(aucDifference?.high).toBeCloseTo(difference + 1.959963984540054 * Math.sqrt(varA + varB - 2 * cov), 12);
  });
});
