/**
 * A trained model as bytes: JSON `{"format":"karkhana-model","version":1,"model":{...}}`, arrays as base64 of their
 * little-endian elements, so that a model comes back to the bit. Nothing in a file is trusted: `decodeModel` gives a model
 * that a predictor can walk without leaving its arrays or going in circles, or it throws.
 */
import { base64OfFloats, base64OfInts } from "./array-text.ts";
import { checkEnsemble } from "./gbdt/check-ensemble.ts";
import type { TreeEnsemble } from "./gbdt/ensemble.ts";
import type { FeatureInfo } from "./dataset.ts";
import { invalidModel, ObjectReader } from "./model-reader.ts";
import type { Calibration, GbdtModel, LogisticModel, TrainedModel } from "./model.ts";

const format = "karkhana-model";
const version = 1;

export function encodeModel(model: TrainedModel): Uint8Array {
  const { kind, calibration } = model;
  // Callers pass wider records; a file holds what a reader reads.
  const features = model.features.map(({ name, type }) => ({ name, type }));
  const body = kind === "gbdt" ? { ensemble: ensembleJson(model.ensemble) } : logisticJson(model);
  return new TextEncoder().encode(JSON.stringify({ format, version, model: { kind, features, calibration: calibrationJson(calibration), ...body } }));
}

/** @throws MODEL_FILE_INVALID naming the field */
export function decodeModel(bytes: Uint8Array): TrainedModel {
  const file = ObjectReader.parse(bytes);
  if (file.text("format") !== format) throw invalidModel("format", `expected ${format}`);
  const found = file.whole("version", 1);
  if (found > version) throw invalidModel("version", `is ${found}; this program reads up to ${version}`);
  const model = file.object("model");
  const kind = model.text("kind");
  const features = readFeatures(model);
  const calibration = readCalibration(model.object("calibration"));
  if (kind === "gbdt") return readGbdt(model.object("ensemble"), features, calibration);
  if (kind === "logistic") return readLogistic(model, features, calibration);
  throw invalidModel("model.kind", `${kind} is not known`);
}

function ensembleJson(ensemble: TreeEnsemble): object {
  return {
    numTrees: ensemble.numTrees,
    baseScore: base64OfFloats([ensemble.baseScore]),
    treeOffsets: base64OfInts(ensemble.treeOffsets),
    leafOffsets: base64OfInts(ensemble.leafOffsets),
    splitFeature: base64OfInts(ensemble.splitFeature),
    threshold: base64OfFloats(ensemble.threshold),
    leftChild: base64OfInts(ensemble.leftChild),
    rightChild: base64OfInts(ensemble.rightChild),
    defaultLeft: base64OfInts(ensemble.defaultLeft),
    isCategorical: base64OfInts(ensemble.isCategorical),
    splitGain: base64OfFloats(ensemble.splitGain),
    categoryOffsets: base64OfInts(ensemble.categoryOffsets),
    categoryBits: base64OfInts(ensemble.categoryBits),
    leafValue: base64OfFloats(ensemble.leafValue),
    leafCount: base64OfInts(ensemble.leafCount),
  };
}

function readGbdt(reader: ObjectReader, features: readonly FeatureInfo[], calibration: Calibration): GbdtModel {
  const baseScore = reader.floats("baseScore");
  if (baseScore.length !== 1 || !Number.isFinite(baseScore[0])) throw invalidModel("model.ensemble.baseScore", "expected one finite number");
  const ensemble: TreeEnsemble = {
    numTrees: reader.whole("numTrees", 0),
    baseScore: baseScore[0]!,
    treeOffsets: reader.ints("treeOffsets"),
    leafOffsets: reader.ints("leafOffsets"),
    splitFeature: reader.ints("splitFeature"),
    threshold: reader.floats("threshold"),
    leftChild: reader.ints("leftChild"),
    rightChild: reader.ints("rightChild"),
    defaultLeft: reader.flags("defaultLeft"),
    isCategorical: reader.flags("isCategorical"),
    splitGain: reader.floats("splitGain"),
    categoryOffsets: reader.ints("categoryOffsets"),
    categoryBits: Uint32Array.from(reader.ints("categoryBits")),
    leafValue: reader.floats("leafValue"),
    leafCount: reader.ints("leafCount"),
  };
  checkEnsemble(ensemble, features);
  return { kind: "gbdt", features, ensemble, calibration };
}

function logisticJson({ means, scales, weights, intercept, numCategories }: LogisticModel): object {
  return {
    means: base64OfFloats(means),
    scales: base64OfFloats(scales),
    weights: base64OfFloats(weights),
    intercept: base64OfFloats([intercept]),
    numCategories,
  };
}

function readLogistic(reader: ObjectReader, features: readonly FeatureInfo[], calibration: Calibration): LogisticModel {
  const counts = reader.object("numCategories");
  const numCategories = Object.fromEntries(features.flatMap(({ name, type }) => (type === "categorical" ? [[name, counts.whole(name, 0)]] : [])));
  const numColumns = features.reduce((sum, { name }) => sum + (numCategories[name] ?? 1), 0);
  const column = (field: string, length: number): number[] => {
    const values = [...reader.floats(field)];
    if (values.length !== length || !values.every(Number.isFinite)) throw invalidModel(`model.${field}`, `expected ${length} finite numbers`);
    return values;
  };
  const scales = column("scales", numColumns);
  if (!scales.every((scale) => scale > 0)) throw invalidModel("model.scales", "expected numbers above 0");
  return {
    kind: "logistic",
    features,
    means: column("means", numColumns),
    scales,
    weights: column("weights", numColumns),
    intercept: column("intercept", 1)[0]!,
    numCategories,
    calibration,
  };
}

function readFeatures(model: ObjectReader): readonly FeatureInfo[] {
  const names = new Set<string>();
  const features = model.list("features").map((feature): FeatureInfo => {
    const name = feature.text("name");
    const type = feature.text("type");
    if (names.has(name)) throw invalidModel("model.features", `${name} occurs twice`);
    if (type !== "numeric" && type !== "categorical") throw invalidModel(`model.features.${name}`, `type ${type} is not known`);
    names.add(name);
    return { name, type };
  });
  if (features.length === 0) throw invalidModel("model.features", "is empty");
  return features;
}

function calibrationJson(calibration: Calibration): object {
  if (calibration.kind === "sigmoid") return { kind: "sigmoid", coefficients: base64OfFloats([calibration.slope, calibration.intercept]) };
  return { kind: "isotonic", x: base64OfFloats(calibration.x), y: base64OfFloats(calibration.y) };
}

function readCalibration(reader: ObjectReader): Calibration {
  const kind = reader.text("kind");
  if (kind === "sigmoid") {
    const [slope, intercept, ...more] = reader.floats("coefficients");
    if (slope === undefined || intercept === undefined || more.length > 0 || !Number.isFinite(slope) || !Number.isFinite(intercept))
      throw invalidModel("model.calibration.coefficients", "expected two finite numbers");
    return { kind, slope, intercept };
  }
  if (kind !== "isotonic") throw invalidModel("model.calibration.kind", `${kind} is not known`);
  const x = [...reader.floats("x")];
  const y = [...reader.floats("y")];
  const rises = x.every((value, i) => Number.isFinite(value) && (i === 0 || value > x[i - 1]!));
  const isProbability = y.every((value, i) => value >= 0 && value <= 1 && (i === 0 || value >= y[i - 1]!));
  if (x.length === 0 || x.length !== y.length || !rises || !isProbability)
    throw invalidModel("model.calibration", "expected rising knots with probabilities that do not fall");
  return { kind, x, y };
}
