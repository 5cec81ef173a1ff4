import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readGoldenCases } from "./golden-models.ts";
import { codeOf } from "../../src/kernel/error.ts";
import { parseModel } from "../../src/serving/formats/open.ts";

const lightgbm = readGoldenCases("models-lightgbm.json.gz");
const xgboost = readGoldenCases("models-xgboost.json.gz");
const onnx: Uint8Array[] = (
  JSON.parse(gunzipSync(readFileSync(new URL("models-onnx.json.gz", import.meta.url))).toString()) as { cases: { modelBase64: string }[] }
).cases.map(({ modelBase64 }) => new Uint8Array(Buffer.from(modelBase64, "base64")));
const named = (name: string) => new TextDecoder().decode([...lightgbm, ...xgboost].find((c) => c.name === name)!.model);
const bytes = (text: string) => new TextEncoder().encode(text);
const refusals: ReadonlySet<string> = new Set(["MODEL_FILE_INVALID", "MODEL_NOT_REPRODUCIBLE", "MODEL_FORMAT_UNKNOWN"]);

/** The code a file is refused with; undefined if it is read. Anything else thrown fails the test. */
function refusalOf(file: Uint8Array): string | undefined {
  try {
    parseModel("model", file);
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined || !refusals.has(code)) throw error;
    return code;
  }
}

describe("LightGBM files that are not what they say", () => {
  const text = named("regression");
  const categorical = named("categorical, sets");
  const replaced = (pattern: RegExp, by: string, from = text) => {
    const changed = from.replace(pattern, by);
    expect(changed).not.toBe(from);
    return changed;
  };
  it.each<[string, string, RegExp]>([
    ["cut off", text.slice(0, text.length / 2), /cut off/],
    ["with a child circle", replaced(/^left_child=(\S+)/m, "left_child=0"), /twice/],
    ["with a child beyond the tree", replaced(/^left_child=(\S+)/m, "left_child=99"), /outside the tree/],
    ["with a leaf beyond the tree", replaced(/^left_child=(\S+)/m, "left_child=-99"), /-99/],
    ["with a threshold that is not a number", replaced(/^threshold=(\S+)/m, "threshold=nan"), /not a number/],
    ["with a negative feature", replaced(/^split_feature=(\S+)/m, "split_feature=-1"), /whole number from 0/],
    ["with a feature beyond the last", replaced(/^split_feature=(\S+)/m, "split_feature=5"), /reads feature 5 of 5/],
    ["with a huge count of leaves", replaced(/^num_leaves=\d+/m, "num_leaves=2000000000"), /fewer leaf values/],
    ["with a huge count of features", replaced(/^max_feature_idx=\d+/m, "max_feature_idx=4000000000"), /max_feature_idx/],
    ["with fewer leaf values than leaves", replaced(/^leaf_value=\S+ /m, "leaf_value="), /expected 7 numbers, got 6/],
    ["with a meaningless missing kind", replaced(/^decision_type=(\S+)/m, "decision_type=12"), /no meaning/],
    ["without a tree that tree_sizes names", replaced(/^Tree=5\n[\s\S]*?\n\n\n/m, ""), /names 6 trees, the file holds 5/],
    ["of another version", replaced(/^version=v4/m, "version=v9"), /v9/],
    ["of an unknown objective", replaced(/^objective=regression/m, "objective=mystery"), /objective mystery/],
    ["with a set beyond the words", replaced(/^cat_threshold=\S+ /m, "cat_threshold=", categorical), /cat_threshold/],
    [
      "with falling set bounds",
      replaced(/^cat_boundaries=0 \d+/m, "cat_boundaries=0 0", categorical.replace(/^cat_boundaries=0 (\d+) /m, "cat_boundaries=9 $1 ")),
      /cat_boundaries/,
    ],
  ])("refuses a file %s", (_name, file, message) => {
    expect(() => parseModel("model", bytes(file))).toThrow(message);
    expect(refusalOf(bytes(file))).toBeDefined();
  });
});

describe("XGBoost files that are not what they say", () => {
  interface Tree {
    [field: string]: unknown[] | Record<string, unknown>;
  }
  const changed = (change: (tree: Tree, learner: Record<string, Record<string, unknown>>) => void) => {
    const model = JSON.parse(named("reg:squarederror")) as { learner: Record<string, Record<string, unknown>> };
    const booster = model.learner["gradient_booster"] as { model: { trees: Tree[] } };
    change(booster.model.trees[0]!, model.learner);
    return bytes(JSON.stringify(model));
  };
  const list = (tree: Tree, name: string) => tree[name] as unknown[];
  it.each<[string, Uint8Array, RegExp]>([
    ["with a child circle", changed((t) => (list(t, "left_children")[1] = 0)), /twice/],
    ["with a child beyond the tree", changed((t) => (list(t, "left_children")[0] = 1000)), /outside its/],
    ["with a child below -1", changed((t) => (list(t, "left_children")[0] = -2)), /-2/],
    ["with a condition that is not a number", changed((t) => (list(t, "split_conditions")[0] = null)), /is not a number/],
    ["with a feature beyond the last", changed((t) => (list(t, "split_indices")[0] = 5)), /feature 5 of 5/],
    ["with fewer children than nodes", changed((t) => list(t, "right_children").pop()), /expected \d+ numbers/],
    ["with a categorical node without categories", changed((t) => (list(t, "split_type")[0] = 1)), /disagree/],
    ["with vector leaves", changed((t) => ((t["tree_param"] as Record<string, unknown>)["size_leaf_vector"] = "3")), /multi_output_tree/],
    ["of an unknown objective", changed((_t, l) => (l["objective"]!["name"] = "reg:mystery")), /reg:mystery/],
    ["of an unknown booster", changed((_t, l) => (l["gradient_booster"]!["name"] = "gbmystery")), /gbmystery/],
    ["with a base score that is no number", changed((_t, l) => (l["learner_model_param"]!["base_score"] = "[a]")), /base_score/],
    ["with a huge count of classes", changed((_t, l) => (l["learner_model_param"]!["num_class"] = "999999999")), /num_class/],
    ["without a learner", bytes('{"learner":[]}'), /learner/],
    ["cut off", bytes(named("reg:squarederror").slice(0, -200)), /not JSON/],
  ])("refuses a file %s", (_name, file, message) => {
    expect(() => parseModel("model", file)).toThrow(message);
    expect(refusalOf(file)).toBeDefined();
  });

  it("refuses UBJSON that counts more than it holds, or nests without end", () => {
    const ubjson = (...parts: (string | number[])[]) => Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...bytes(part)] : part)));
    const head: (string | number[])[] = ["{L", [0, 0, 0, 0, 0, 0, 0, 7], "learner"];
    const huge = ubjson(...head, "[$d#L", [0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]);
    expect(() => parseModel("model", huge)).toThrow(/more than the file holds/);
    expect(() => parseModel("model", ubjson(...head, "[".repeat(100_000)))).toThrow(/nested too deeply/);
    expect(() => parseModel("model", ubjson(...head, "S", "L", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))).toThrow(/text of -1 bytes/);
  });
});

describe("damaged files", () => {
  it("are read or refused with a code, whatever byte is changed, cut or repeated", () => {
    const files: Uint8Array[] = [named("categorical, sets"), named("linear_tree"), named("rf, multiclass"), named("binary:logistic 1"), named("dart")].map(
      bytes,
    );
    files.push(...onnx);
    files.push(...xgboost.filter((c) => c.model[1] !== 0x22).map((c) => c.model));
    expect(files.length).toBeGreaterThan(7);
    let refused = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(255),
        fc.constantFrom("change", "cut", "repeat"),
        (file, where, byte, how) => {
          const at = Math.floor(where * file.length);
          const damaged =
            how === "change"
              ? file.slice()
              : how === "cut"
                ? file.slice(0, at)
                : Uint8Array.from([...file.subarray(0, at), ...file.subarray(Math.max(0, at - 50))]);
          if (how === "change") damaged[at] = byte;
          if (refusalOf(damaged) !== undefined) refused++;
        },
      ),
      { numRuns: 1500, seed: 5 },
    );
    expect(refused).toBeGreaterThan(100);
  });
});
