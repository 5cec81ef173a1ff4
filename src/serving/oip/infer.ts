/** Answers an Open Inference Protocol question from the version that the deployment, or the question, names. Logged as every other answer is. */
import { armOf } from "../../feedback/assignment.ts";
import type { PredictionRecord, PredictionRole } from "../../feedback/prediction.ts";
import { codeOf, KarkhanaError } from "../../kernel/error.ts";
import type { NewId } from "../../kernel/ids.ts";
import { refuseIfLate, type Call } from "../call.ts";
import type { Tensor } from "../formats/model.ts";
import type { PredictOptions } from "../predict.ts";
import type { RequestFields } from "../request-fields.ts";
import type { InForce, LoadedVersion, ServedModel } from "../served-model.ts";
import { classify } from "./classification.ts";
import type { InferReply } from "./infer-http.ts";
import { refusedInfer, type InferRequest } from "./infer-request.ts";
import { outputsOf, rawScoreOutput, scoreOutput } from "./model-face.ts";
import type { Rows } from "./rows.ts";
import { shortly } from "./tensor-wire.ts";

/** A question as inference needs it, whatever protocol it came by. */
export interface Question {
  readonly id: string;
  /** undefined: all. */
  readonly outputs: InferRequest["outputs"];
  /** @throws TENSOR_REFUSED */
  readonly rowsFor: (version: LoadedVersion) => Rows;
}

export function questionOf({ id, outputs, inputs }: InferRequest): Question {
  return { id, outputs, rowsFor: (version) => version.rows.read(inputs) };
}

export interface InferOptions extends PredictOptions {
  readonly newId: NewId;
}

interface Place {
  readonly version: LoadedVersion;
  readonly role: PredictionRole;
}

/** @param versionText empty: as the deployment routes @throws INFER_REFUSED, TENSOR_REFUSED, MODEL_NOT_LOADED, MODEL_VERSION_NOT_LOADED, DEADLINE_PASSED, and whatever the log refuses with */
export async function infer(model: ServedModel, versionText: string, request: Question, call: Call, options: InferOptions): Promise<InferReply> {
  const { clock, timerMs, feedback, shadows } = options;
  const startMs = timerMs();
  let place: Place | undefined;
  try {
    const inForce = model.current();
    const id = request.id === "" ? options.newId() : request.id;
    place = versionText === "" ? route(inForce, id) : placeOf(model, inForce, versionText);
    const { version, role } = place;
    refuseIfLate(call, startMs);
    const rows = request.rowsFor(version);
    const wanted = wantedOutputs(request, version);
    const nowUs = clock.nowUs();
    const { vectors, fields } = await vectorsOf(model, version, rows, nowUs);
    const computeMs = timerMs();
    refuseIfLate(call, computeMs);
    const scores = new Float64Array(rows.numRows);
    const predicting = version.predictor.predictRows(vectors, rows.numRows, scores, call);
    if (predicting !== undefined) await predicting;
    const rawScores = wanted.includes(rawScoreOutput) ? new Float64Array(rows.numRows) : undefined;
    const scoring = rawScores === undefined ? undefined : version.predictor.scoreRows?.(vectors, rows.numRows, rawScores);
    if (scoring !== undefined) await scoring;
    const computedMs = timerMs();
    const records = recordsOf(model, place, { id, vectors, fields, scores, askedUs: nowUs, servedUs: clock.nowUs(), latencyUs: (computedMs - startMs) * 1000 });
    const logMs = timerMs();
    // A shadow that is asked by its number answers nobody's question: a record of it would be compared with no champion's.
    if (role !== "shadow") await feedback.logPredictions(records);
    const loggedMs = timerMs();
    const outputs = wanted.map((name): Tensor => {
      const data = name === scoreOutput ? scores : rawScores!;
      const n = request.outputs?.find((output) => output.name === name)?.classification ?? 0;
      const tensor: Tensor = { name, datatype: "FP64", shape: [rows.numRows, 1], data };
      return n === 0 ? tensor : classify(tensor, n);
    });
    const doneMs = timerMs();
    model.statisticsOf(version.version).succeeded(rows.numRows, nowUs, {
      totalMs: doneMs - call.startedMs,
      queueMs: startMs - call.startedMs,
      inputMs: computeMs - startMs,
      computeMs: computedMs - computeMs,
      outputMs: doneMs - computedMs,
    });
    const times = {
      parse: startMs - call.startedMs,
      lookup: computeMs - startMs,
      compute: computedMs - computeMs,
      log: loggedMs - logMs,
      serialise: doneMs - loggedMs,
      total: doneMs - call.startedMs,
    };
    call.answeredBy = { version: version.version, role, stages: times };
    model.stats.answered(version.version, role, times, doneMs, rows.numRows, call.traceId);
    if (inForce.shadow !== undefined && role !== "shadow")
      for (const record of records)
        shadows.add({
          model,
          version: inForce.shadow,
          categories: version.vector.categories,
          id: record.id,
          askedUs: record.askedUs,
          fields: fields === undefined ? undefined : record.fields,
          vector: record.vector,
        });
    return { model: model.definition.name, version: String(version.version), id: request.id, outputs };
  } catch (error) {
    if (place === undefined) model.stats.refused[model.inForce === undefined ? "failed" : "invalid"]++;
    else {
      model.statisticsOf(place.version.version).failed(timerMs() - call.startedMs);
      model.stats.count(place.version.version, place.role, outcomeOf(error));
    }
    throw error;
  }
}

/** How a failed request is counted. */
export function outcomeOf(error: unknown): "invalid" | "late" | "failed" {
  const code = codeOf(error);
  if (code === "DEADLINE_PASSED") return "late";
  return code === "TENSOR_REFUSED" || code === "INFER_REFUSED" || code === "INFER_UNSUPPORTED" || code === "INVALID_ARGUMENT" ? "invalid" : "failed";
}

function route({ challenger, champion, deployment, salt }: InForce, id: string): Place {
  if (challenger !== undefined && armOf(id, deployment.abShare, salt) === "challenger") return { version: challenger, role: "challenger" };
  return { version: champion, role: "champion" };
}

function placeOf(model: ServedModel, inForce: InForce, versionText: string): Place {
  for (const role of ["champion", "challenger", "shadow"] as const) {
    const version = inForce[role];
    if (version !== undefined && String(version.version) === versionText) return { version, role };
  }
  throw new KarkhanaError("MODEL_VERSION_NOT_LOADED", {
    model: model.definition.name,
    version: versionText.slice(0, 40),
    loaded: model
      .loadedVersions()
      .map(({ version }) => version.version)
      .join(", "),
  });
}

function wantedOutputs({ outputs }: Question, version: LoadedVersion): string[] {
  const known = outputsOf(version).map(({ name }) => name);
  if (outputs === undefined) return known;
  for (const { name } of outputs) if (!known.includes(name)) throw refusedInfer(`output ${shortly(name)} is not one of ${known.join(", ")}`);
  return outputs.map(({ name }) => name);
}

async function vectorsOf(
  model: ServedModel,
  version: LoadedVersion,
  rows: Rows,
  nowUs: number,
): Promise<{ readonly vectors: Float64Array; readonly fields: readonly RequestFields[] | undefined }> {
  if (rows.kind === "vectors") return { vectors: rows.vectors, fields: undefined };
  const { numSlots } = version.vector;
  const fields = rows.fields.map((raw, i) => model.rules.readFields(raw, i));
  const vectors = new Float64Array(rows.numRows * numSlots);
  for (const [row, one] of fields.entries()) {
    const pending = version.vector.read(nowUs, one, vectors, row * numSlots);
    if (pending !== undefined) await pending;
  }
  return { vectors, fields };
}

interface Answered {
  readonly id: string;
  readonly vectors: Float64Array;
  readonly fields: readonly RequestFields[] | undefined;
  readonly scores: Float64Array;
  readonly askedUs: number;
  readonly servedUs: number;
  readonly latencyUs: number;
}

/** A row's record has the question's id where it is the only one, else id/0, id/1 … Fields are empty where the caller brought the features. */
function recordsOf(model: ServedModel, { version, role }: Place, { id, vectors, fields, scores, askedUs, servedUs, latencyUs }: Answered): PredictionRecord[] {
  const width = version.vector.numSlots;
  return Array.from(scores, (score, row): PredictionRecord => {
    if (Number.isNaN(score)) throw new KarkhanaError("INTERNAL", { problem: `${model.definition.name} version ${version.version} scored NaN` });
    return {
      id: scores.length === 1 ? id : `${id}/${row}`,
      model: model.definition.name,
      version: version.version,
      role,
      askedUs,
      servedUs,
      score,
      vector: vectors.slice(row * width, (row + 1) * width),
      serviceHash: model.definition.service.hash,
      fields: fields?.[row] ?? {},
      latencyUs,
    };
  });
}
