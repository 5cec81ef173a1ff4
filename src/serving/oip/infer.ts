/** Answers an Open Inference Protocol question from the version that the deployment, or the question, names. Logged as every other answer is. */
import type { AppliedOffsets, PredictionRecord } from "../../feedback/prediction.ts";
import { codeOf } from "../../kernel/error.ts";
import type { NewId } from "../../kernel/ids.ts";
import { refuseIfLate, type Call } from "../call.ts";
import type { Tensor } from "../formats/model.ts";
import type { PredictOptions } from "../predict.ts";
import type { RequestFields } from "../request-fields.ts";
import { placeFor, placeNamed, type Place } from "../routing.ts";
import { answeringOf, appliedOf, budgetOf, insteadOf } from "../score.ts";
import { answerInstead, refuseNaN, type Instead } from "../fallback.ts";
import type { LoadedVersion, ServedModel } from "../served-model.ts";
import { within } from "../within.ts";
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

/** @param versionText empty: as the deployment routes @throws INFER_REFUSED, TENSOR_REFUSED, MODEL_NOT_LOADED, MODEL_VERSION_NOT_LOADED, DEADLINE_PASSED, and whatever the log refuses with */
export async function infer(model: ServedModel, versionText: string, request: Question, call: Call, options: InferOptions): Promise<InferReply> {
  const { clock, timerMs, feedback, shadows } = options;
  const startMs = timerMs();
  let place: Place | undefined;
  let hasCounted = false;
  try {
    const inForce = model.current();
    const id = request.id === "" ? options.newId() : request.id;
    // Who is asked may depend on a field of the question; the champion's reader knows the fields as every version's does.
    const stickyBy = model.definition.serving.stickyBy ?? [];
    const sticky = stickyBy.length === 0 || inForce.challengers.length === 0 ? undefined : firstFields(request.rowsFor(inForce.champion));
    place = versionText === "" ? placeFor(model, inForce, id, sticky) : placeNamed(model, versionText);
    const { version, role } = place;
    const budget = budgetOf(model, call);
    refuseIfLate(budget, startMs);
    const rows = request.rowsFor(version);
    const wanted = wantedOutputs(request, version);
    const nowUs = clock.nowUs();
    const asked = askedRows(model, version, rows);
    let computeMs = startMs;
    let answer: Answered;
    try {
      if (asked.reading !== undefined) await (budget === call ? asked.reading(nowUs) : within(asked.reading(nowUs), budget, timerMs));
      asked.hasFeatures = true;
      computeMs = timerMs();
      refuseIfLate(budget, computeMs);
      answer = await scoresOf(model, version, asked, wanted.includes(rawScoreOutput), budget, budget === call ? undefined : timerMs);
    } catch (error) {
      // The question itself was checked before: what fails here is not the client's. A version asked by its number answers itself or not at all.
      if (versionText !== "") throw error;
      const { fields, vectors, hasFeatures, numRows } = asked;
      const failed = { version, timeUs: nowUs, fields: fields ?? Array.from({ length: numRows }, () => undefined), vectors: hasFeatures ? vectors : undefined };
      model.stats.count(version.version, role, codeOf(error) === "DEADLINE_PASSED" ? "late" : "failed");
      model.statisticsOf(version.version).failed(timerMs() - call.startedMs);
      computeMs = timerMs();
      const instead = await answerInstead(model, inForce, failed, error, call, timerMs).catch((refused: unknown) => {
        hasCounted = true;
        throw refused;
      });
      answer = { scores: instead.scores, rawScores: undefined, vectors: instead.vectors, instead };
    }
    const { scores, instead } = answer;
    const answering = answeringOf(place, instead);
    const computedMs = timerMs();
    const times = { startMs, computeMs, computedMs };
    const records = recordsOf(model, place, asked, answer, { id, askedUs: nowUs, servedUs: clock.nowUs(), latencyUs: (computedMs - startMs) * 1000 });
    // A shadow that is asked by its number answers nobody's question: a record of it would be compared with no champion's.
    if (role !== "shadow") await feedback.logPredictions(records);
    const loggedMs = timerMs();
    const outputs = wanted.map((name): Tensor => {
      // Neither a rule nor another version's transform has a raw score of this version's.
      const data = name === scoreOutput ? scores : (answer.rawScores ?? new Float64Array(rows.numRows).fill(Number.NaN));
      const n = request.outputs?.find((output) => output.name === name)?.classification ?? 0;
      const tensor: Tensor = { name, datatype: "FP64", shape: [rows.numRows, 1], data };
      return n === 0 ? tensor : classify(tensor, n);
    });
    countAnswer(model, answering, instead, { ...times, loggedMs, doneMs: timerMs() }, rows.numRows, nowUs, call);
    if (role !== "shadow" && instead?.kind !== "rule") {
      const { categories } = answering.version.vector;
      for (const shadow of inForce.shadows)
        for (const [row, { id: own, askedUs, vector, applied }] of records.entries())
          shadows.add({ model, version: shadow, categories, id: own, askedUs, fields: asked.fields?.[row], vector, applied });
    }
    return {
      model: model.definition.name,
      version: String(answering.version.version),
      id: request.id,
      outputs,
      ...(instead === undefined ? {} : { fallback: instead.kind }),
    };
  } catch (error) {
    if (hasCounted) throw error;
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

function wantedOutputs({ outputs }: Question, version: LoadedVersion): string[] {
  const known = outputsOf(version).map(({ name }) => name);
  if (outputs === undefined) return known;
  for (const { name } of outputs) if (!known.includes(name)) throw refusedInfer(`output ${shortly(name)} is not one of ${known.join(", ")}`);
  return outputs.map(({ name }) => name);
}

/** What a question brings: features, or the fields to read them by. */
interface AskedRows {
  readonly numRows: number;
  /** shape [numRows, numSlots]; filled by `reading` where there is one. */
  readonly vectors: Float64Array;
  /** undefined: the caller brought the features. */
  readonly fields: readonly RequestFields[] | undefined;
  readonly reading: ((nowUs: number) => Promise<void>) | undefined;
  /** One a row: rows are read one after the other. */
  readonly applied: readonly (AppliedOffsets | undefined)[];
  hasFeatures: boolean;
}

/** @throws INVALID_ARGUMENT where a field breaks its contract */
function askedRows(model: ServedModel, version: LoadedVersion, rows: Rows): AskedRows {
  const { numRows } = rows;
  if (rows.kind === "vectors") return { numRows, vectors: rows.vectors, fields: undefined, reading: undefined, applied: [], hasFeatures: false };
  const { numSlots } = version.vector;
  const fields = rows.fields.map((raw, i) => model.rules.readFields(raw, i));
  const vectors = new Float64Array(numRows * numSlots);
  const applied = fields.map(() => appliedOf(version));
  const reading = async (nowUs: number): Promise<void> => {
    for (const [row, one] of fields.entries()) {
      const pending = version.vector.read(nowUs, one, vectors, row * numSlots, applied[row]?.offsets);
      if (pending !== undefined) await pending;
    }
  };
  return { numRows, vectors, fields, reading, applied, hasFeatures: false };
}

/** Of the first row: a batch is one question, and one version answers it. */
function firstFields(rows: Rows): Readonly<RequestFields> | undefined {
  if (rows.kind === "vectors") return undefined;
  const found: RequestFields = {};
  for (const [name, value] of Object.entries(rows.fields[0] ?? {}))
    if (value === null || typeof value === "string" || typeof value === "number") found[name] = value;
  return found;
}

interface Answered {
  readonly scores: Float64Array;
  readonly rawScores: Float64Array | undefined;
  /** What the scores were made of; undefined where a rule answered without features. */
  readonly vectors: Float64Array | undefined;
  readonly instead: Instead | undefined;
}

/** @param timerMs undefined: scores are waited for as long as they take */
async function scoresOf(
  model: ServedModel,
  version: LoadedVersion,
  { vectors, numRows }: AskedRows,
  withRaw: boolean,
  budget: Call,
  timerMs: (() => number) | undefined,
): Promise<Answered> {
  const { predictor } = version;
  const scores = new Float64Array(numRows);
  const predicting = predictor.predictRows(vectors, numRows, scores, budget);
  if (predicting !== undefined) await (timerMs === undefined ? predicting : within(predicting, budget, timerMs));
  for (const score of scores) refuseNaN(model, version, score);
  const rawScores = withRaw ? new Float64Array(numRows) : undefined;
  const scoring = rawScores === undefined ? undefined : predictor.scoreRows?.(vectors, numRows, rawScores);
  if (scoring !== undefined) await scoring;
  return { scores, rawScores, vectors, instead: undefined };
}

interface Times {
  readonly startMs: number;
  readonly computeMs: number;
  readonly computedMs: number;
  readonly loggedMs: number;
  readonly doneMs: number;
}

function countAnswer(model: ServedModel, { version, role }: Place, instead: Instead | undefined, at: Times, numRows: number, nowUs: number, call: Call): void {
  const { startMs, computeMs, computedMs, loggedMs, doneMs } = at;
  const own = { totalMs: doneMs - call.startedMs, queueMs: startMs - call.startedMs, inputMs: computeMs - startMs };
  if (instead !== undefined) for (let row = 0; row < numRows; row++) model.stats.count(version.version, role, "fallback");
  if (instead?.kind !== "rule")
    model.statisticsOf(version.version).succeeded(numRows, nowUs, { ...own, computeMs: computedMs - computeMs, outputMs: doneMs - computedMs });
  const times = {
    parse: startMs - call.startedMs,
    lookup: computeMs - startMs,
    compute: computedMs - computeMs,
    log: loggedMs - computedMs,
    serialise: doneMs - loggedMs,
    total: doneMs - call.startedMs,
  };
  call.answeredBy = { version: version.version, role, stages: times };
  if (instead?.kind !== "rule") model.stats.answered(version.version, role, times, doneMs, numRows, call.traceId);
}

/** A row's record has the question's id where it is the only one, else id/0, id/1 … Fields are empty where the caller brought the features. */
function recordsOf(
  model: ServedModel,
  place: Place,
  { fields, applied, hasFeatures }: AskedRows,
  { scores, vectors, instead }: Answered,
  shared: Pick<PredictionRecord, "id" | "askedUs" | "servedUs" | "latencyUs">,
): PredictionRecord[] {
  const { version, role } = answeringOf(place, instead);
  const width = version.vector.numSlots;
  return Array.from(scores, (score, row): PredictionRecord => ({
    ...shared,
    id: scores.length === 1 ? shared.id : `${shared.id}/${row}`,
    model: model.definition.name,
    version: version.version,
    role,
    score,
    vector: vectors === undefined ? noVector : vectors.slice(row * width, (row + 1) * width),
    serviceHash: model.definition.service.hash,
    fields: fields?.[row] ?? {},
    ...(hasFeatures && applied[row] !== undefined ? { applied: applied[row] } : undefined),
    ...(instead === undefined ? undefined : { instead: insteadOf(place, instead) }),
  }));
}

const noVector = new Float64Array(0);
