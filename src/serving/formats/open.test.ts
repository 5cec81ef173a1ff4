import { describe, expect, it } from "vitest";
import { encodeModel } from "../../learn/model-file.ts";
import type { LogisticModel } from "../../learn/model.ts";
import { createPredictor } from "../../learn/predictor.ts";
import { findModelFile } from "./detect.ts";
import type { Tensor } from "./model.ts";
import { openModel, parseModel } from "./open.ts";
import { checkTensor, newTensorData } from "./tensor.ts";

const own: LogisticModel = {
  kind: "logistic",
  features: [
    { name: "a", type: "numeric" },
    { name: "b", type: "numeric" },
  ],
  means: [0, 1],
  scales: [1, 2],
  weights: [0.5, -1],
  intercept: 0.25,
  numCategories: {},
  calibration: { kind: "sigmoid", slope: 1, intercept: 0 },
};
const open = () => openModel(parseModel("model.json", encodeModel(own)));
const fp64 = (name: string, shape: number[], values: number[]): Tensor => ({ name, datatype: "FP64", shape, data: Float64Array.from(values) });

describe("a model behind its face", () => {
  it("answers a matrix as its predictor does, to the bit", async () => {
    const model = await open();
    const predictor = createPredictor(own);
    const [predict, raw] = await model.predict([fp64("input", [2, 2], [1, 2, 3, 4])]);
    const rows = Float64Array.of(1, 2, 3, 4);
    expect(predict).toEqual({
      name: "predict",
      datatype: "FP64",
      shape: [2],
      data: Float64Array.of(predictor.predictRow(rows, 0), predictor.predictRow(rows, 2)),
    });
    expect(raw!.data).toEqual(Float64Array.of(predictor.scoreRow(rows, 0), predictor.scoreRow(rows, 2)));
  });

  it("answers the same table given as one tensor a feature, in any order and number type", async () => {
    const model = await open();
    const whole = await model.predict([fp64("input", [2, 2], [1, 2, 3, 4])]);
    const columns = await model.predict([
      { name: "b", datatype: "INT64", shape: [2, 1], data: BigInt64Array.of(2n, 4n) },
      { name: "a", datatype: "FP16", shape: [2], data: Uint16Array.of(0x3c00, 0x4200) },
    ]);
    expect(columns).toEqual(whole);
  });

  it.each([
    ["another width", [fp64("input", [1, 3], [1, 2, 3])], /shape is \[1, 3\]/],
    ["fewer elements than its shape says", [fp64("input", [2, 2], [1, 2])], /has 2 elements, its shape says 4/],
    ["a negative length", [fp64("input", [-1, 2], [1, 2])], /not a whole number/],
    ["text", [{ name: "input", datatype: "BYTES", shape: [1, 2], data: ["1", "2"] } satisfies Tensor], /is text/],
    ["a missing feature", [fp64("a", [1], [1]), fp64("c", [1], [1])], /c: is no feature/],
    ["nothing", [], /is missing/],
  ])("refuses %s, naming the tensor", async (_name, inputs, message) => {
    const model = await open();
    expect(() => model.predict(inputs)).toThrow(expect.objectContaining({ code: "TENSOR_REFUSED", message: expect.stringMatching(message) }));
  });

  it("refuses outputs it does not have", async () => {
    const model = await open();
    expect(() => model.predict([fp64("input", [1, 2], [1, 2])], ["probability"])).toThrow(/probability: is no output/);
  });
});

describe("recognising model files", () => {
  const text = (content: string) => new TextEncoder().encode(content);
  it.each([
    ["a pickle", Uint8Array.of(0x80, 4, 0x95, 0), /runs code/],
    ["an archive", text("PK\u0003\u0004rest"), /archive/],
    ["XGBoost's old binary format", text("binf0000"), /old binary/],
    ["other JSON", text('{"a":1}'), /neither of this program nor of XGBoost/],
    ["nothing", new Uint8Array(0), /empty/],
    ["noise", Uint8Array.of(0xff, 0xd8, 1, 2), /no known format/],
  ])("refuses %s by name", (_name, bytes, message) => {
    expect(() => parseModel("m", bytes)).toThrow(expect.objectContaining({ code: "MODEL_FORMAT_UNKNOWN", message: expect.stringMatching(message) }));
  });

  it("finds the model file of a folder, and names a pickle that is all there is", () => {
    expect(findModelFile("m", ["MLmodel", "model.lgb", "conda.yaml"])).toBe("model.lgb");
    expect(findModelFile("m", ["MLmodel", "weights.onnx"])).toBe("weights.onnx");
    expect(() => findModelFile("m", ["MLmodel", "model.pkl"])).toThrow(/pickle runs code/);
    expect(() => findModelFile("m", ["a.onnx", "b.onnx"])).toThrow(/several model files/);
  });
});

describe("tensors held against a declaration", () => {
  it("accepts any length where the declaration has -1, and refuses another datatype", () => {
    const info = { name: "x", datatype: "FP32", shape: [-1, 2] } as const;
    expect(() => checkTensor({ name: "x", datatype: "FP32", shape: [3, 2], data: newTensorData("FP32", 6) }, info)).not.toThrow();
    expect(() => checkTensor({ name: "x", datatype: "FP64", shape: [3, 2], data: newTensorData("FP64", 6) }, info)).toThrow(/takes FP32/);
  });
});
