import { describe, expect, test } from "vitest";
import { readModelFolder } from "./model-folder.ts";

const read = (yaml: string, files: readonly string[]): ReturnType<typeof readModelFolder> =>
  readModelFolder("models:/m/1", new TextEncoder().encode(yaml), ["MLmodel", "conda.yaml", ...files]);

describe("a folder that MLflow's client logged", () => {
  test.each([
    ["lightgbm", "model.lgb", "flavors:\n  lightgbm:\n    data: model.lgb\n    model_class: lightgbm.basic.Booster\n  python_function:\n    data: model.lgb\n"],
    ["xgboost", "model.ubj", "flavors:\n  xgboost:\n    data: model.ubj\n    model_format: ubj\n"],
    ["xgboost", "model.json", "flavors:\n  xgboost:\n    data: model.json\n    model_format: json\n"],
    ["onnx", "model.onnx", "flavors:\n  onnx:\n    data: model.onnx\n    onnx_version: 1.23.2\n"],
  ])("is recognised as %s by its %s", (format, file, yaml) => {
    expect(read(yaml, [file])).toEqual({ format, file, categories: {} });
  });

  test("says the values of categories in its metadata", () => {
    const yaml = "flavors:\n  lightgbm:\n    data: model.lgb\nmetadata:\n  karkhana.categories:\n    origin: [ATL, BOS]\n";
    expect(read(yaml, ["model.lgb"]).categories).toEqual({ origin: ["ATL", "BOS"] });
  });

  test.each([
    [
      "a scikit-learn pickle",
      "flavors:\n  sklearn:\n    pickled_model: model.pkl\n    serialization_format: cloudpickle\n  python_function:\n    model_path: model.pkl\n",
      ["model.pkl"],
      /sklearn and python_function model, kept as a pickle/,
      /skl2onnx/,
    ],
    [
      "a Python function",
      "flavors:\n  python_function:\n    python_model: python_model.pkl\n    cloudpickle_version: 3.1.1\n",
      ["python_model.pkl"],
      /python_function model, kept as a pickle/,
      /never run here/,
    ],
    ["a torch model", "flavors:\n  pytorch:\n    model_data: data\n  python_function: {}\n", [], /pytorch/, /torch\.onnx\.export/],
    [
      "LightGBM wrapped for scikit-learn",
      "flavors:\n  lightgbm:\n    data: model.pkl\n    model_class: lightgbm.sklearn.LGBMClassifier\n",
      ["model.pkl"],
      /wrapped for scikit-learn and kept as model\.pkl/,
      /model\.booster_/,
    ],
    ["the same as skops", "flavors:\n  lightgbm:\n    data: model.skops\n", ["model.skops"], /model\.skops/, /model\.booster_/],
    ["a flavor nobody knows", "flavors:\n  novelty:\n    data: x\n", ["x"], /novelty/, /never run here/],
    [
      "ONNX with its tensors apart",
      "flavors:\n  onnx:\n    data: model.onnx\n",
      ["model.onnx", "model.onnx.data"],
      /kept apart from it in model\.onnx\.data/,
      /save_as_external_data=False/,
    ],
    ["a data file elsewhere", "flavors:\n  lightgbm:\n    data: ../../../other/model.lgb\n", [], /no plain name/, /log it again/],
    ["a data file by its full path", "flavors:\n  lightgbm:\n    data: /etc/passwd\n", [], /no plain name/, /log it again/],
    ["a data file that never came", "flavors:\n  lightgbm:\n    data: model.lgb\n", [], /not in the folder/, /upload did not end/],
    ["no flavor", "run_id: x\n", [], /names no flavor/, /log the model again/],
    ["no YAML", "flavors: [", [], /not the YAML/, /log the model again/],
    [
      "a YAML of nothing but references",
      `a: &a [x,x]\nb: &b [*a,*a]\nflavors: {lightgbm: {data: model.lgb, x: *b}}\n`,
      ["model.lgb"],
      /not the YAML/,
      /log the model again/,
    ],
    ["a YAML with a tag of Python's", "flavors: !!python/object/apply:os.system ['x']\n", [], /names no flavor|not the YAML/, /log the model again/],
    [
      "categories that are no text",
      "flavors:\n  lightgbm:\n    data: model.lgb\nmetadata:\n  karkhana.categories:\n    origin: [1]\n",
      ["model.lgb"],
      /not lists of text/,
      /correct it/,
    ],
  ])("is refused as %s, with what to log instead", (_what, yaml, files, problem, remedy) => {
    expect(() => read(yaml, files)).toThrow(
      expect.objectContaining({ code: "MODEL_FOLDER_REFUSED", message: expect.stringMatching(problem), remedy: expect.stringMatching(remedy) }),
    );
  });

  test("that is not text, or is too long, is no MLmodel", () => {
    for (const bytes of [Uint8Array.of(0xff, 0xfe, 0x80), new TextEncoder().encode(`# ${"x".repeat(1_100_000)}`)])
      expect(() => readModelFolder("m", bytes, [])).toThrow(/not the YAML/);
  });
});
