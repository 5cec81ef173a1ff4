import { describe, expect, it } from "vitest";
import { openModel, parseModel } from "../../src/serving/formats/open.ts";
import { readGoldenCases, type GoldenCase } from "./golden-models.ts";

/** Largest distance of our contributions from the library's, against the largest of them. */
async function distance(golden: GoldenCase): Promise<number> {
  const { tabular } = await openModel(
    parseModel("model", golden.model, { ...(golden.range && { iterations: golden.range }), ...(golden.missing !== undefined && { missing: golden.missing }) }),
  );
  const expected = golden.contributions!;
  const { numFeatures, numScores, contributions } = tabular!;
  const width = numScores * (numFeatures + 1);
  let [far, scale] = [0, 1e-3];
  for (let row = 0; row < expected.length / width; row++) {
    const actual = contributions!(golden.rows.slice(row * numFeatures, (row + 1) * numFeatures));
    expect(actual.length).toBe(width);
    for (let i = 0; i < width; i++) {
      far = Math.max(far, Math.abs(actual[i]! - expected[row * width + i]!));
      scale = Math.max(scale, Math.abs(expected[row * width + i]!));
    }
  }
  return far / scale;
}

const explained = (file: string) => readGoldenCases(file).filter((golden) => golden.contributions !== undefined);

describe("contributions of features (TreeSHAP)", () => {
  it.each(explained("models-lightgbm.json.gz").map((golden) => [golden.name, golden] as const))("LightGBM, %s: as its pred_contrib", async (_name, golden) => {
    expect(await distance(golden)).toBeLessThan(1e-12);
  });

  // XGBoost sums covers and contributions in float32.
  it.each(explained("models-xgboost.json.gz").map((golden) => [golden.name, golden] as const))("XGBoost, %s: as its pred_contribs", async (_name, golden) => {
    expect(await distance(golden)).toBeLessThan(2e-6);
  });

  it("add up to the raw score, for every model that has them", async () => {
    const cases = [...explained("models-lightgbm.json.gz"), ...explained("models-xgboost.json.gz")].filter(({ range }) => range === undefined);
    expect(cases.length).toBeGreaterThan(70);
    for (const golden of cases) {
      const { tabular } = await openModel(parseModel("model", golden.model, golden.missing === undefined ? {} : { missing: golden.missing }));
      const { numFeatures, numScores, contributions } = tabular!;
      for (let row = 0; row < 20; row++) {
        const phi = contributions!(golden.rows.slice(row * numFeatures, (row + 1) * numFeatures));
        for (let g = 0; g < numScores; g++) {
          const sum = phi.slice(g * (numFeatures + 1), (g + 1) * (numFeatures + 1)).reduce((a, b) => a + b, 0);
          const raw = golden.raw[row * numScores + g]!;
          expect(Math.abs(sum - raw), golden.name).toBeLessThan(3e-6 * Math.max(1, Math.abs(raw)));
        }
      }
    }
  });
});
