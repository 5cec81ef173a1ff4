import { describe, expect, it } from "vitest";
import { readLightGbm } from "../../src/serving/formats/lightgbm/read-text.ts";
import { openLightGbm } from "../../src/serving/formats/lightgbm/open.ts";
import { differences, maxUlps, readGoldenCases } from "./golden-models.ts";

const cases = readGoldenCases("models-lightgbm.json.gz");

describe("LightGBM models answer as LightGBM 4.7 does", () => {
  it("holds the whole golden set", () => {
    expect(cases.length).toBe(44);
  });

  it.each(cases.map((golden) => [golden.name, golden] as const))("%s: raw scores to the bit, predictions to 2 units of the last place", (_name, golden) => {
    const { tabular } = openLightGbm(readLightGbm(golden.model, golden.range));
    const raw = new Float64Array(golden.raw.length);
    tabular!.scoreRows(golden.rows, golden.numRows, raw);
    expect(differences(raw, golden.raw)).toEqual([]);
    const predictions = new Float64Array(golden.predict.length);
    tabular!.predictRows(golden.rows, golden.numRows, predictions);
    expect(maxUlps(predictions, golden.predict, false)).toBeLessThanOrEqual(2);
  });

  it("gives a row the same bits alone and in a batch", () => {
    for (const golden of cases) {
      const { numFeatures, numOutputs, predictRows } = openLightGbm(readLightGbm(golden.model, golden.range)).tabular!;
      const all = new Float64Array(golden.predict.length);
      predictRows(golden.rows, golden.numRows, all);
      const one = new Float64Array(numOutputs);
      for (let row = 0; row < golden.numRows; row++) {
        predictRows(golden.rows.subarray(row * numFeatures, (row + 1) * numFeatures), 1, one);
        expect(differences(one, all.slice(row * numOutputs, (row + 1) * numOutputs))).toEqual([]);
      }
    }
  });
});
