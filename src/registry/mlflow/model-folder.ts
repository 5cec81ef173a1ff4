/**
 * What a folder that MLflow's client logged holds, read from its `MLmodel`. Models are data here: three formats are read without Python, and
 * whatever would have to run code to be opened is refused by name, with what to log instead.
 */
import { parseDocument } from "yaml";
import { KarkhanaError } from "../../kernel/error.ts";

export type FolderFormat = "lightgbm" | "xgboost" | "onnx";

export interface ModelFolder {
  readonly format: FolderFormat;
  /** Name of the model's own file in the folder. */
  readonly file: string;
  /** Values of categorical features in the order of their codes, where whoever logged the model said them. */
  readonly categories: Readonly<Record<string, readonly string[]>>;
}

/** Key of `log_model(metadata=...)` under which categories are said. */
export const categoriesKey = "karkhana.categories";

const maxBytes = 1024 * 1024;

/** What to log in place of a flavor that only its own library, or Python itself, can open. */
const instead: Readonly<Record<string, string>> = {
  sklearn: "convert it with skl2onnx and log it with mlflow.onnx.log_model",
  pytorch: "export it with torch.onnx.export and log it with mlflow.onnx.log_model",
  tensorflow: "convert it with tf2onnx and log it with mlflow.onnx.log_model",
  keras: "convert it with tf2onnx and log it with mlflow.onnx.log_model",
  catboost: 'save it with save_model(format="onnx") and log it with mlflow.onnx.log_model',
  spark: "train it with LightGBM or XGBoost and log that, or export it to ONNX",
  statsmodels: "log its prediction as an ONNX model with mlflow.onnx.log_model",
  prophet: "serve it from Python behind this program as a remote model",
  python_function: "log the model inside it with mlflow.lightgbm, mlflow.xgboost or mlflow.onnx; Python code is never run here",
};

/**
 * @param path of the folder, for messages
 * @param files names in it
 * @throws MODEL_FOLDER_REFUSED naming the flavor and what to log instead
 */
export function readModelFolder(path: string, mlmodel: Uint8Array, files: readonly string[]): ModelFolder {
  const refuse = (problem: string, remedy: string): never => {
    throw new KarkhanaError("MODEL_FOLDER_REFUSED", { path, problem, instead: remedy });
  };
  const root = parse(mlmodel) ?? refuse("MLmodel is not the YAML that MLflow writes", "log the model again with MLflow's client");
  const flavors = record(root["flavors"]) ?? refuse("MLmodel names no flavor", "log the model again with MLflow's client");
  const format = (["lightgbm", "xgboost", "onnx"] as const).find((name) => record(flavors[name]) !== undefined);
  if (format === undefined) {
    const known = Object.keys(flavors).sort((a, b) => Number(a === "python_function") - Number(b === "python_function"));
    const flavor = known.find((name) => Object.hasOwn(instead, name)) ?? "python_function";
    const pickled = /pickle|cloudpickle|\.pkl/.test(JSON.stringify(flavors));
    return refuse(
      `it is a ${known.slice(0, 3).join(" and ") || "nameless"} model${pickled ? ", kept as a pickle, which runs code when it is opened" : ""}`,
      instead[flavor] ?? "log it with mlflow.onnx.log_model",
    );
  }
  const flavor = record(flavors[format])!;
  const file = typeof flavor["data"] === "string" ? flavor["data"] : refuse(`flavor ${format} names no data file`, "log the model again");
  if (!/^[\w-][\w.-]{0,99}$/.test(file))
    return refuse(`flavor ${format} names the data file ${JSON.stringify(file.slice(0, 100))}, which is no plain name`, "log it again");
  if (/\.(pkl|pickle|joblib|skops)$/.test(file)) {
    const remedy =
      format === "lightgbm" ? "mlflow.lightgbm.log_model(model.booster_)" : "the library's own format: mlflow.xgboost.log_model(model, model_format='ubj')";
    return refuse(`it is a ${format} model wrapped for scikit-learn and kept as ${file}, which runs code when it is opened`, `log ${remedy}`);
  }
  if (!files.includes(file)) return refuse(`its data file ${file} is not in the folder`, "log the model again; its upload did not end");
  const aside = files.find((name) => name !== file && /\.(data|bin|weight|onnx_data)$/.test(name));
  if (format === "onnx" && aside !== undefined)
    return refuse(`its tensors are kept apart from it in ${aside}`, "log it with mlflow.onnx.log_model(model, save_as_external_data=False)");
  return {
    format,
    file,
    categories: categoriesOf(record(root["metadata"])?.[categoriesKey]) ?? refuse(`metadata ${categoriesKey} is not lists of text`, "correct it"),
  };
}

/** Anchors are not followed: they could make a small file a huge value. */
function parse(bytes: Uint8Array): Record<string, unknown> | undefined {
  if (bytes.length > maxBytes) return undefined;
  try {
    const document = parseDocument(new TextDecoder("utf-8", { fatal: true }).decode(bytes), { schema: "core", merge: false });
    return document.errors.length > 0 ? undefined : record(document.toJS({ maxAliasCount: 0 }));
  } catch {
    return undefined;
  }
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : undefined;
}

function categoriesOf(value: unknown): Record<string, readonly string[]> | undefined {
  const found: Record<string, readonly string[]> = {};
  for (const [name, values] of Object.entries(value === undefined ? {} : (record(value) ?? { "": null }))) {
    if (!Array.isArray(values) || !values.every((item): item is string => typeof item === "string")) return undefined;
    found[name] = values;
  }
  return found;
}
