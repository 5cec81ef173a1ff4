import { KarkhanaError } from "../../kernel/error.ts";
import type { ModelFormat } from "./model.ts";

/** Formats that are a file. */
export type FileFormat = Exclude<ModelFormat, "remote" | "ensemble">;

function refused(name: string, problem: string): KarkhanaError {
  return new KarkhanaError("MODEL_FORMAT_UNKNOWN", { name, problem });
}

/**
 * Which format a model file has, by its first bytes; the name is only for messages. Executable formats are refused by name.
 * @throws MODEL_FORMAT_UNKNOWN
 */
export function detectFormat(name: string, bytes: Uint8Array): FileFormat {
  if (bytes.length === 0) throw refused(name, "it is empty");
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 4096));
  if (/^\s*tree\r?\n/.test(head)) return "lightgbm";
  // UBJSON: an object whose first keys have a length marker and the names XGBoost writes.
  if (bytes[0] === 0x7b && /^\{[iUIlL$#]/.test(head) && /learner|version/.test(head)) return "xgboost";
  if (/^\s*\{/.test(head)) return jsonFormat(name, head);
  if (/^(binf|bs64|CONFIG-offset:)/.test(head))
    throw refused(name, "XGBoost's old binary format is not read: save the model as JSON or UBJSON with XGBoost 1.6 to 3.0");
  if (bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5)
    throw refused(name, "a pickle runs code when it is opened, so it is never opened: export the model as LightGBM text, XGBoost JSON or ONNX");
  if (head.startsWith("PK\u0003\u0004")) throw refused(name, "an archive (torch.save, .keras, .skops) is not read: export the model as ONNX");
  if (head.startsWith("\u0089HDF")) throw refused(name, "HDF5 (Keras) is not read: export the model as ONNX");
  if (head.startsWith("CBM1")) throw refused(name, "CatBoost's binary format is not read: save the model as ONNX");
  // ONNX: a protobuf message that begins with ir_version (field 1, varint) or producer_name (field 2, text).
  if ((bytes[0] === 0x08 && bytes.length > 8) || bytes[0] === 0x12) return "onnx";
  throw refused(name, "its first bytes are of no known format");
}

function jsonFormat(name: string, head: string): FileFormat {
  if (head.includes('"karkhana-model"')) return "karkhana";
  if (/^\s*\{\s*"(learner|version)"/.test(head)) return "xgboost";
  if (head.includes('"tree_info"') || head.includes('"name":"tree"'))
    throw refused(name, "it is LightGBM's JSON dump, which rounds nothing but omits much: save the model as text");
  throw refused(name, "it is JSON, but neither of this program nor of XGBoost");
}

/** Names that libraries and MLflow give their model files, the likeliest first. */
const knownNames = ["model.json", "model.txt", "model.lgb", "model.ubj", "model.xgb", "model.onnx"];

/**
 * The model file of a folder: one of the known names, else the only file with a known ending.
 * @param files paths in the folder, "/"-separated @throws MODEL_FORMAT_UNKNOWN
 */
export function findModelFile(folder: string, files: readonly string[]): string {
  const known = knownNames.find((candidate) => files.includes(candidate));
  if (known !== undefined) return known;
  const likely = files.filter(
    (file) => /\.(lgb|txt|ubj|xgb|json|onnx)$/.test(file) && !/(^|\/)(MLmodel|requirements|conda|manifest|profile|config|golden)/.test(file),
  );
  if (likely.length === 1) return likely[0]!;
  const pickle = files.find((file) => /\.(pkl|pickle|joblib|cloudpickle)$/.test(file));
  if (pickle !== undefined) throw refused(`${folder}/${pickle}`, "a pickle runs code when it is opened, so it is never opened: export the model as ONNX");
  throw refused(folder, likely.length === 0 ? "it holds no model file" : `it holds several model files: ${likely.slice(0, 5).join(", ")}`);
}
