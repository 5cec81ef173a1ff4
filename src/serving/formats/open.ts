import { decodeModel } from "../../learn/model-file.ts";
import type { TrainedModel } from "../../learn/model.ts";
import { detectFormat } from "./detect.ts";
import { openKarkhanaModel } from "./karkhana-model.ts";
import { openLightGbm } from "./lightgbm/open.ts";
import { readLightGbm, type IterationRange, type LightGbmModel } from "./lightgbm/read-text.ts";
import type { ServableModel } from "./model.ts";
import { openOnnx, readOnnx, type OnnxModel } from "./onnx/open.ts";
import type { SessionPoolOptions } from "./onnx/session-pool.ts";
import { openXgboost } from "./xgboost/open.ts";
import { readXgboost, type XgboostModel } from "./xgboost/read-model.ts";

/** A model file read and checked: plain data, which crosses threads as a copy. */
export type ParsedModel =
  | { readonly format: "karkhana"; readonly model: TrainedModel }
  | { readonly format: "lightgbm"; readonly model: LightGbmModel }
  | { readonly format: "xgboost"; readonly model: XgboostModel; readonly missing: number }
  | { readonly format: "onnx"; readonly model: OnnxModel };

export interface ReadingOptions {
  /** Which boosting iterations are used; default all. */
  readonly iterations?: IterationRange;
  /** XGBoost only: a value that means missing beside NaN. */
  readonly missing?: number;
}

/**
 * Reads a model file of any known format. Heavy for a large one: call it off the thread that answers requests.
 * @param name for messages
 * @throws MODEL_FORMAT_UNKNOWN, MODEL_FILE_INVALID, MODEL_NOT_REPRODUCIBLE naming the feature
 */
export function parseModel(name: string, bytes: Uint8Array, options: ReadingOptions = {}): ParsedModel {
  const format = detectFormat(name, bytes);
  if (format === "karkhana") return { format, model: decodeModel(bytes) };
  if (format === "lightgbm") return { format, model: readLightGbm(bytes, options.iterations) };
  if (format === "xgboost") return { format, model: readXgboost(bytes, options.iterations), missing: options.missing ?? Number.NaN };
  return { format, model: readOnnx(bytes) };
}

/** Makes a parsed model answer. @throws RUNTIME_ABSENT, MODEL_FILE_INVALID where ONNX Runtime refuses it */
export async function openModel(parsed: ParsedModel, sessions: SessionPoolOptions = {}): Promise<ServableModel> {
  if (parsed.format === "karkhana") return openKarkhanaModel(parsed.model);
  if (parsed.format === "lightgbm") return openLightGbm(parsed.model);
  return parsed.format === "xgboost" ? openXgboost(parsed.model, parsed.missing) : openOnnx(parsed.model, sessions);
}
