import { describe, expect, it } from "vitest";
import { openXgboost } from "../../src/serving/formats/xgboost/open.ts";
import { readXgboost } from "../../src/serving/formats/xgboost/read-model.ts";
import { differences, maxUlps, readGoldenCases } from "./golden-models.ts";

const current = readGoldenCases("models-xgboost.json.gz");
// Of XGBoost 2.1, whose files hold NaN, which JSON has not.
const older = readGoldenCases("models-xgboost-2.json.gz").map((golden) => ({ ...golden, name: `${golden.name}, of 2.1` }));
const cases = [...current, ...older];

describe("XGBoost models answer as XGBoost does", () => {
  it("holds the whole golden set", () => {
    expect([current.length, older.length]).toEqual([44, 3]);
  });

  it.each(cases.map((golden) => [golden.name, golden] as const))(
    "%s: margins to the bit, predictions to 2 units of the last place of float32",
    (_name, golden) => {
      const { tabular } = openXgboost(readXgboost(golden.model, golden.range), golden.missing);
      const raw = new Float64Array(golden.raw.length);
      tabular!.scoreRows(golden.rows, golden.numRows, raw);
      expect(differences(raw, golden.raw)).toEqual([]);
      const predictions = new Float64Array(golden.predict.length);
      tabular!.predictRows(golden.rows, golden.numRows, predictions);
      expect(maxUlps(predictions, golden.predict, true)).toBeLessThanOrEqual(2);
    },
  );

  it("gives a row the same bits alone and in a batch", () => {
    for (const golden of cases) {
      const { numFeatures, numOutputs, predictRows } = openXgboost(readXgboost(golden.model, golden.range), golden.missing).tabular!;
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
