/**
 * Opens the model of a version's folder, whatever it is:
 *
 *   model.json, model.txt, model.ubj, model.onnx …   a file of a known format
 *   remote.json                                      a model on another server of the Open Inference Protocol
 *   ensemble.json                                    a graph; its steps name files of the same folder, so that the version pins all of it
 */
import { KarkhanaError } from "../kernel/error.ts";
import { sha256 } from "../kernel/hashing.ts";
import type { ServableModel } from "./formats/model.ts";
import { openModel, type ParsedModel, type ReadingOptions } from "./formats/open.ts";
import { checkQuantization } from "./formats/onnx/quantization-report.ts";
import { openEnsemble, readEnsemble, type GraphModel } from "./oip/ensemble.ts";
import { openRemoteModel, readRemotePlan } from "./oip/remote-model.ts";

/** Turns a model file into a model, here or on another thread. */
export type ModelDecoder = (name: string, bytes: Uint8Array, reading: ReadingOptions) => ParsedModel | Promise<ParsedModel>;

export const remoteFile = "remote.json";
export const graphFile = "ensemble.json";
const quantizationFile = "quantization.json";

export interface VersionFiles {
  readonly file: string;
  readonly bytes: Uint8Array;
  /** The other files of the version, by name: steps of a graph, a quantisation report. */
  readonly others: ReadonlyMap<string, Uint8Array>;
  readonly reading: ReadingOptions;
}

/** @throws the codes of reading and opening a model */
export async function openVersionModel(files: VersionFiles, decoder: ModelDecoder): Promise<ServableModel> {
  const { file, bytes, others, reading } = files;
  if (file === remoteFile) return openRemoteModel(readRemotePlan(bytes));
  if (file === graphFile) return openGraph(files, decoder);
  const parsed = await decoder(file, bytes, reading);
  if (parsed.format === "onnx") await checkQuantization(parsed.model, sha256(bytes), async () => others.get(quantizationFile));
  return openModel(parsed);
}

async function openGraph({ bytes, others }: VersionFiles, decoder: ModelDecoder): Promise<ServableModel> {
  const plan = readEnsemble(bytes);
  const steps = new Map<string, GraphModel & { readonly model: ServableModel }>();
  const close = async (): Promise<void> => {
    await Promise.all(Array.from(steps.values(), ({ model }) => model.close()));
  };
  try {
    for (const [i, step] of plan.steps.entries()) {
      if (step.kind === "rules" || steps.has(step.model)) continue;
      const file = others.get(step.model);
      const invalid = (problem: string): KarkhanaError => new KarkhanaError("MODEL_FILE_INVALID", { field: `${graphFile}.steps[${i}].model`, problem });
      if (file === undefined) throw invalid(`${step.model} is no file of the version; it has ${[...others.keys()].join(", ") || "none"}`);
      if (step.model === graphFile) throw invalid("a graph is no step of a graph");
      const name = /(^|[.-])remote\.json$/.test(step.model) ? remoteFile : step.model;
      const servable = await openVersionModel({ file: name, bytes: file, others, reading: {} }, decoder);
      steps.set(step.model, { model: servable, run: (inputs, outputs) => servable.predict(inputs, outputs) });
    }
    const graph = openEnsemble(plan, (name) => steps.get(name));
    const models = Array.from(steps.values(), ({ model }) => model);
    return {
      ...graph,
      runs: models.some(({ runs }) => runs === "remote") ? "remote" : models.some(({ runs }) => runs === "worker") ? "worker" : "inline",
      memoryBytes: models.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
