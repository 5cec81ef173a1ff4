import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { madeTable, takeRows } from "../../test/reference/made-table.ts";
import { codeOf } from "../kernel/error.ts";
import { base64OfFloats, base64OfInts } from "./array-text.ts";
import { fitIsotonic } from "./calibration.ts";
import { trainGbdt } from "./gbdt/train.ts";
import { trainLogistic } from "./linear/logistic.ts";
import { decodeModel, encodeModel } from "./model-file.ts";
import type { GbdtModel, LogisticModel } from "./model.ts";
import { createPredictor, predictTable, scoreTable } from "./predictor.ts";

const table = madeTable(600, 8);
const { ensemble } = trainGbdt({ train: table, params: { numIterations: 4, numLeaves: 6 } });
const raw: GbdtModel = { kind: "gbdt", features: table.features, ensemble, calibration: { kind: "sigmoid", slope: 1.1, intercept: -0.2 } };
const gbdt: GbdtModel = { ...raw, calibration: fitIsotonic(scoreTable(createPredictor(raw), table), table.labels) };
const logistic: LogisticModel = trainLogistic({ train: table });

describe("a model file", () => {
  it.each([
    ["trees with an isotonic calibration", gbdt],
    ["trees with a sigmoid", raw],
    ["logistic", logistic],
    [
      "odd but legal numbers",
      {
        ...raw,
        ensemble: {
          ...ensemble,
          baseScore: -0,
          leafValue: ensemble.leafValue.map((v, i) => (i === 0 ? -0 : v)),
          threshold: ensemble.threshold.map((v, i) => (i === 0 ? Infinity : v)),
        },
      },
    ],
  ])("%s come back to the bit", (_, model) => {
    const bytes = encodeModel(model);
    const back = decodeModel(bytes);
    expect(back).toStrictEqual(model);
    expect(encodeModel(back)).toEqual(bytes);
    expect(predictTable(createPredictor(back), table)).toEqual(predictTable(createPredictor(model), table));
  });

  it("holds of a feature its name and type, whatever else the record has", () => {
    const wider = { ...gbdt, features: gbdt.features.map((feature) => ({ ...feature, view: "origin_delays" })) };
    expect(encodeModel(wider)).toEqual(encodeModel(gbdt));
  });

  it("is read from a view that starts anywhere in its buffer", () => {
    const bytes = encodeModel(gbdt);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(decodeModel(shifted.subarray(3))).toStrictEqual(gbdt);
  });
});

type Editable = Record<string, unknown>;

/** The file with one place of its JSON changed. */
function edited(model: GbdtModel | LogisticModel, change: (file: Editable, model: Editable, ensemble: Editable) => void): Uint8Array {
  const file = JSON.parse(new TextDecoder().decode(encodeModel(model))) as Editable & { model: Editable & { ensemble: Editable } };
  change(file, file.model, file.model.ensemble);
  return new TextEncoder().encode(JSON.stringify(file));
}

function withInts(
  name: "leftChild" | "rightChild" | "splitFeature" | "treeOffsets" | "leafOffsets" | "categoryOffsets" | "isCategorical" | "leafCount",
  change: (values: Int32Array) => Int32Array,
): Uint8Array {
  return edited(gbdt, (_file, _model, trees) => (trees[name] = base64OfInts(change(Int32Array.from(ensemble[name])))));
}

describe("a model file is refused when it", () => {
  const tooNew = edited(gbdt, (file) => (file["version"] = 2));

  it.each<[string, Uint8Array, RegExp]>([
    ["is empty", new Uint8Array(0), /not JSON/],
    ["is cut off", encodeModel(gbdt).slice(0, -20), /not JSON/],
    ["is not UTF-8", Uint8Array.of(0xff, 0xfe, 0x00), /not JSON/],
    ["is a JSON list", new TextEncoder().encode("[]"), /expected an object/],
    ["is of another format", edited(gbdt, (file) => (file["format"] = "pickle")), /format/],
    ["is newer than the program", tooNew, /version: is 2; this program reads up to 1/],
    ["has an unknown kind", edited(gbdt, (_, model) => (model["kind"] = "forest")), /forest/],
    ["has no features", edited(gbdt, (_, model) => (model["features"] = [])), /features/],
    ["names a feature twice", edited(gbdt, (_, model) => (model["features"] = [table.features[0], ...table.features.slice(0, 3)])), /twice/],
    ["has base64 that is none", edited(gbdt, (_f, _m, trees) => (trees["leafValue"] = "not base64!")), /leafValue/],
    ["has half a number", edited(gbdt, (_f, _m, trees) => (trees["leafValue"] = "AAAA")), /leafValue/],
    ["reads a feature it has not", withInts("splitFeature", (v) => v.with(0, 4)), /splitFeature/],
    ["reads a negative feature", withInts("splitFeature", (v) => v.with(0, -1)), /splitFeature/],
    ["has a child beyond the tree's nodes", withInts("leftChild", (v) => v.with(0, 5)), /outside|twice/],
    ["has a child beyond the tree's leaves", withInts("rightChild", (v) => v.with(1, ~6)), /outside|twice/],
    [
      "goes in a circle",
      withInts("leftChild", (v) =>
        v.with(
          v.findIndex((c) => c < 0),
          0,
        ),
      ),
      /twice/,
    ],
    ["has nodes nothing reaches", edited(gbdt, circleBesideTheRoot), /outside|twice|reach/],
    ["has one threshold too few", edited(gbdt, (_f, _m, trees) => (trees["threshold"] = base64OfFloats(ensemble.threshold.slice(1)))), /threshold/],
    [
      "has a threshold that is no number",
      edited(gbdt, (_f, _m, trees) => (trees["threshold"] = base64OfFloats(ensemble.threshold.with(0, Number.NaN)))),
      /threshold/,
    ],
    ["has an infinite leaf", edited(gbdt, (_f, _m, trees) => (trees["leafValue"] = base64OfFloats(ensemble.leafValue.with(0, Infinity)))), /leafValue/],
    ["has one leaf count too many", withInts("leafCount", (v) => Int32Array.of(...v, 1)), /leafCount/],
    ["has offsets that fall", withInts("treeOffsets", (v) => v.with(1, v[2]! + 1)), /treeOffsets|leaves/],
    ["counts more trees than it has", edited(gbdt, (_f, _m, trees) => (trees["numTrees"] = 5)), /treeOffsets/],
    ["has category sets beyond the bits", withInts("categoryOffsets", (v) => v.with(v.length - 1, 999)), /categoryOffsets/],
    ["splits a number as a category", withInts("isCategorical", (v) => v.with(Int32Array.from(ensemble.isCategorical).indexOf(0), 1)), /isCategorical/],
    [
      "has isotonic knots that fall",
      edited(gbdt, (_, model) => (model["calibration"] = { kind: "isotonic", x: base64OfFloats([1, 0]), y: base64OfFloats([0, 1]) })),
      /calibration/,
    ],
    [
      "calibrates above 1",
      edited(gbdt, (_, model) => (model["calibration"] = { kind: "isotonic", x: base64OfFloats([0, 1]), y: base64OfFloats([0, 1.5]) })),
      /calibration/,
    ],
    ["has weights missing", edited(logistic, (_, model) => (model["weights"] = base64OfFloats([1]))), /weights/],
    ["divides by a scale of 0", edited(logistic, (_, model) => (model["scales"] = base64OfFloats(logistic.scales.map(() => 0)))), /scales/],
    ["has more categories than columns", edited(logistic, (_, model) => (model["numCategories"] = { kind: 1e15 })), /scales|means/],
  ])("%s", (_, bytes, message) => {
    const error = refusalOf(bytes);
    expect(codeOf(error)).toBe("MODEL_FILE_INVALID");
    expect(String(error)).toMatch(message);
  });

  it("has any bytes changed, unless it still is a model that can be walked", () => {
    const bytes = encodeModel(gbdt);
    let refused = 0;
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 32, max: 126 })), { minLength: 1, maxLength: 3 }), (changes) => {
        const damaged = bytes.slice();
        for (const [at, byte] of changes) damaged[at] = byte;
        let model;
        try {
          model = decodeModel(damaged);
        } catch (error) {
          refused++;
          if (codeOf(error) !== "MODEL_FILE_INVALID") throw error;
          return;
        }
        predictTable(createPredictor(model), takeRows(table, [0, 1, 2]));
      }),
      { numRuns: 500 },
    );
    expect(refused).toBeGreaterThan(50);
  });
});

/** Tree 0's root gets two leaves; two other nodes point at each other. */
function circleBesideTheRoot(_file: Editable, _model: Editable, trees: Editable): void {
  const left = Int32Array.from(ensemble.leftChild);
  const right = Int32Array.from(ensemble.rightChild);
  [left[0], right[0], left[1], right[1], left[2], right[2]] = [~0, ~1, 2, ~2, 1, ~3];
  trees["leftChild"] = base64OfInts(left);
  trees["rightChild"] = base64OfInts(right);
}

function refusalOf(bytes: Uint8Array): unknown {
  try {
    return decodeModel(bytes);
  } catch (error) {
    return error;
  }
}
