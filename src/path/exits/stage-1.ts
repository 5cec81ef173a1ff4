import { missing, proved, type Predicate } from "./predicate.ts";
import type { DatasetRecord, TrainingRecord } from "./records.ts";

export const pipelineRerun: Predicate = {
  id: "pipeline-rerun",
  version: 1,
  says: "The whole pipeline was run again in another data folder and made models with the same hashes.",
  judge: ({ trainings, elsewhere }) => {
    const own = trainings.filter((t) => t.state === "succeeded" && t.fit?.cached === false);
    if (own.length === 0) return missing("no training has run to its end", "karkhana run");
    const found = own.slice(0, 1).map((t) => ({ kind: "training" as const, id: t.runId, says: "trained to its end" }));
    const rerun = "karkhana run --data <an empty folder>, then karkhana path --rerun <that folder>";
    // A copied data folder holds the same record, not a second run: the microsecond it began at gives it away.
    const others = elsewhere.filter(
      (t) => t.state === "succeeded" && t.fit?.cached === false && !own.some((o) => o.runId === t.runId && o.startedUs === t.startedUs),
    );
    if (others.length === 0) return missing("no second run of it in another data folder was shown", rerun, found);
    for (const one of own) {
      const other = others.find((t) => t.fit?.key === one.fit?.key);
      if (one.fit === undefined || other?.fit === undefined) continue;
      const differing = one.fit.models.filter(({ kind, sha256 }) => other.fit?.models.find((m) => m.kind === kind)?.sha256 !== sha256);
      if (one.fit.models.length === 0) continue;
      if (differing.length > 0)
        return missing(
          `the ${differing.map(({ kind }) => kind).join(" and ")} model of the second run has another hash: something it depends on is not pinned`,
          rerun,
          found,
        );
      return proved(
        { kind: "training", id: one.runId, says: `models ${one.fit.models.map(({ kind, sha256 }) => `${kind} ${sha256.slice(0, 12)}`).join(", ")}` },
        { kind: "training", id: other.runId, says: "the same hashes, trained again in another data folder" },
      );
    }
    return missing("the second run trained on other data, features or parameters, so its models cannot be set against these", rerun, found);
  },
};

export const gateBlockedBadFile: Predicate = {
  id: "gate-blocked-bad-file",
  version: 1,
  says: "A data contract refused a bad file, and the pipeline stopped there; a good file of the same source went through.",
  judge: ({ datasets, trainings }) => {
    const refused = datasets.filter((d) => d.status === "refused");
    const run = "corrupt a copy of a source's file, point the project at it, karkhana train, and put it back";
    if (refused.length === 0) return missing("no file was ever refused", run);
    const found = refused.slice(0, 3).map((d) => ({ kind: "dataset" as const, id: d.hash, says: `${d.source} refused: ${d.problem ?? "no reason kept"}` }));
    for (const dataset of refused.filter((d) => d.failingRows > 0)) {
      if (trainings.some((t) => t.data.some(({ hash }) => hash === dataset.hash))) continue;
      const stopped = trainings.find((t) => stoppedAt(t, dataset));
      if (stopped === undefined) continue;
      const good = datasets.find((d) => d.source === dataset.source && d.status === "accepted");
      if (good === undefined)
        return missing(`no good file of ${dataset.source} was ever accepted: a gate that refuses everything guards nothing`, "karkhana train", found);
      return proved(
        { kind: "dataset", id: dataset.hash, says: `${dataset.source} refused, ${dataset.failingRows} failing rows: ${dataset.problem ?? ""}` },
        {
          kind: "training",
          id: stopped.runId,
          says: stopped.state === "failed" ? "ended at the data, nothing was trained" : "stopped there, and went on when the file was put right",
        },
        { kind: "dataset", id: good.hash, says: `another file of ${dataset.source} was accepted` },
      );
    }
    return missing("a file was refused, but no pipeline was seen to stop at its failing rows", run, found);
  },
};

/** A pipeline that failed at this file; or one that was under way when it was refused and, started again, read another file of the source. */
function stoppedAt(training: TrainingRecord, refused: DatasetRecord): boolean {
  const wentOn = training.succeededSteps.some((step) => step === "training-set" || step === "fit");
  if (training.state === "failed")
    return !wentOn && training.error?.code === "DATASET_REFUSED" && training.error.message.startsWith(`Dataset ${refused.source} refused`);
  const spans = training.startedUs <= refused.createdUs && training.endedUs !== undefined && refused.createdUs <= training.endedUs;
  return training.state === "succeeded" && spans && training.data.some(({ source }) => source === refused.source);
}

export const trainingLogged: Predicate = {
  id: "training-logged",
  version: 1,
  says: "A training ran to its end inside a pipeline and logged its parameters and metrics.",
  judge: ({ runs, trainings }) => {
    const finished = runs.filter((run) => run.status === "FINISHED" && trainings.some((t) => t.state === "succeeded" && t.runId === run.tags["pipeline"]));
    if (finished.length === 0) return missing("no finished run belongs to a pipeline that succeeded", "karkhana train");
    const logged = finished.find((run) => Object.keys(run.params).length > 0 && Object.keys(run.metrics).length > 0);
    const found = (run: (typeof finished)[number]) => ({
      kind: "run" as const,
      id: run.runId,
      says: `${Object.keys(run.params).length} parameters, ${Object.keys(run.metrics).length} metrics`,
    });
    return logged === undefined
      ? missing("the finished runs logged no parameters or no metrics", "karkhana train", finished.slice(0, 1).map(found))
      : proved(found(logged));
  },
};
