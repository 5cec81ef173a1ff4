import "./low-priority.ts";
import { parentPort } from "node:worker_threads";
import { KarkhanaError, toErrorRecord } from "../kernel/error.ts";
import { loadVersionArtifact, type VersionArtifact } from "./artifact.ts";
import type { ExplainReply, ExplainTask, RowExplanation } from "./explain.ts";

const port = parentPort!;
const maxKept = 4;
const kept = new Map<string, VersionArtifact>();

port.on("message", (task: ExplainTask | "end") => {
  if (task === "end") port.close();
  else void answer(task);
});

async function answer(task: ExplainTask): Promise<void> {
  const { id } = task;
  const tell = (reply: ExplainReply): void => port.postMessage(reply);
  try {
    const artifact = kept.get(task.path) ?? (await load(task));
    if (artifact === undefined) return tell({ id, kind: "unknown-version" });
    tell({ id, kind: "explained", explanation: explain(artifact, task.vector) });
  } catch (error) {
    tell({ id, kind: "refused", error: toErrorRecord(error) });
  }
}

async function load({ path, files }: ExplainTask): Promise<VersionArtifact | undefined> {
  if (files === undefined) return undefined;
  const get = async (name: string): Promise<Uint8Array> => {
    const bytes = files.get(name);
    if (bytes === undefined) throw new KarkhanaError("BLOB_NOT_FOUND", { path: name });
    return bytes;
  };
  const artifact = await loadVersionArtifact({ get }, path);
  if (kept.size >= maxKept) kept.delete(kept.keys().next().value!);
  kept.set(path, artifact);
  return artifact;
}

function explain({ manifest, servable }: VersionArtifact, vector: Float64Array): RowExplanation {
  const { length } = manifest.slots;
  if (vector.length !== length) throw new KarkhanaError("SHAPE_MISMATCH", { field: "vector", expected: length, actual: vector.length });
  const { tabular } = servable;
  const explained = tabular?.contributions?.(vector);
  if (tabular === undefined || explained === undefined)
    throw new KarkhanaError("EXPLANATION_UNAVAILABLE", { problem: `a ${servable.kind} model of ${servable.format} has no exact contributions` });
  const [rawScore, score] = [new Float64Array(1), new Float64Array(1)];
  tabular.scoreRows(vector, 1, rawScore);
  tabular.predictRows(vector, 1, score);
  return { baseline: explained[length]!, contributions: explained.slice(0, length), rawScore: rawScore[0]!, score: score[0]! };
}
