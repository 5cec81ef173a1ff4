import { definitionHash } from "../../kernel/hashing.ts";
import type { ModelVersion, ProofKind } from "../../registry/port.ts";
import { decidingProof } from "../../registry/promotion.ts";
import { missing, proved, type FoundRecord, type Judgement, type Predicate } from "./predicate.ts";
import type { ModelRecord, PathRecords } from "./records.ts";

/** The champion of the first model that satisfies; otherwise what the last one looked at lacks. */
function ofSomeChampion(records: PathRecords, command: string, judge: (model: ModelRecord, champion: ModelVersion) => Judgement): Judgement {
  let last: Judgement = missing("no model is deployed", command);
  for (const model of records.models) {
    const champion = model.versions.find((v) => v.version === model.deployment?.champion);
    if (champion === undefined) continue;
    const judgement = judge(model, champion);
    if (judgement.proved) return judgement;
    last = judgement;
  }
  return last;
}

const named = (version: ModelVersion): string => `${version.model} v${version.version}`;

export const lineageComplete: Predicate = {
  id: "lineage-complete",
  version: 1,
  says: "The model that answers leads back, record by record, to the files it learnt from.",
  judge: (records) =>
    ofSomeChampion(records, "karkhana run", (model, champion) => {
      const found: FoundRecord[] = [{ kind: "version", id: named(champion), says: "is the champion" }];
      const lacks = (what: string): Judgement => missing(`${named(champion)}: ${what}`, "karkhana run", found);
      const run = records.runs.find(({ runId }) => runId === champion.runId);
      if (run === undefined) return lacks(`its run ${champion.runId} is not in the tracking store`);
      if (run.status !== "FINISHED") return lacks(`its run ${run.runId} is ${run.status}`);
      found.push({ kind: "run", id: run.runId, says: "trained it" });
      const training = records.trainings.find(({ runId }) => runId === run.tags["pipeline"]);
      if (training === undefined) return lacks("no pipeline is on record that trained it");
      found.push({ kind: "training", id: training.runId, says: training.reason });
      // The version's dataset hash is made of its files' hashes: recomputed here, so that no link of the chain is taken on trust.
      if (training.data.length === 0 || definitionHash(training.data.map(({ hash }) => hash)) !== champion.datasetHash)
        return lacks("the data its pipeline read does not make the dataset hash of the version");
      for (const { source, hash } of training.data) {
        const dataset = records.datasets.find((d) => d.hash === hash);
        if (dataset?.status !== "accepted")
          return lacks(`file version ${hash.slice(0, 12)} of ${source} is ${dataset === undefined ? "not on record" : "refused"}`);
        found.push({ kind: "dataset", id: hash, says: `${source}, accepted` });
      }
      const answers = model.answers.filter((a) => a.version === champion.version && a.role !== "shadow");
      if (answers.length === 0)
        return missing(`${named(champion)}: no answer of it is in the log, so it is registered but does not serve`, "karkhana up, and ask it something", found);
      return proved(...found, { kind: "answers", id: named(champion), says: "answers of it are in the log" });
    }),
};

export const evaluatedBeforeLive: Predicate = {
  id: "evaluated-before-live",
  version: 1,
  says: "The champion's evaluation on held-out rows was recorded, met the gates, and came before its promotion.",
  judge: (records) =>
    ofSomeChampion(records, "karkhana train, then karkhana promote", (model, champion) =>
      beforePromotion(model, champion, "offline-evaluation", "karkhana train, then karkhana promote"),
    ),
};

export const monitorsBeforeLive: Predicate = {
  id: "monitors-before-live",
  version: 1,
  says: "Monitors were there before the first version of the model went live, not after.",
  judge: (records) => {
    let last: Judgement = missing("no version was ever promoted", "karkhana run");
    for (const model of records.models) {
      const first = model.events.find((event) => event.kind === "promoted");
      const version = model.versions.find((v) => v.version === first?.version);
      if (version === undefined) continue;
      const judgement = beforePromotion(model, version, "monitors", "karkhana train");
      if (judgement.proved) return judgement;
      last = judgement;
    }
    return last;
  },
};

/** Order by sequence, not by time: during a replay the clock of decisions stands still. */
function beforePromotion(model: ModelRecord, version: ModelVersion, kind: ProofKind, command: string): Judgement {
  const waiver = version.waivers[kind];
  if (waiver !== undefined) return missing(`${named(version)}: the proof ${kind} was waived (${waiver})`, command);
  const proof = decidingProof(version, kind);
  if (proof === undefined) return missing(`${named(version)}: there is no proof ${kind}`, command);
  const found: FoundRecord = { kind: "version", id: named(version), says: proof.summary };
  if (!proof.passed) return missing(`${named(version)}: the proof ${kind} did not pass`, command, [found]);
  const promoted = model.events.find((event) => event.kind === "promoted" && event.version === version.version);
  if (promoted === undefined) return missing(`${named(version)} was never promoted`, "karkhana promote", [found]);
  const recorded = model.events.find((event) => event.kind === "proof" && event.version === version.version && event.reason.startsWith(`${kind} passed`));
  if (recorded === undefined || recorded.sequence > promoted.sequence)
    return missing(`${named(version)}: the proof ${kind} came after it was live`, command, [found]);
  return proved(found, {
    kind: "event",
    id: `${model.model}/${recorded.sequence}`,
    says: `recorded as event ${recorded.sequence}, promoted as event ${promoted.sequence}`,
  });
}

/** The form in which a load test counts: a finished run of an experiment of this name. */
const loadTest = {
  experiment: "load-test",
  metrics: ["latency_p95_ms", "requests_per_second", "errors"],
  tags: ["model", "version", "machine", "arrivals"],
} as const;

export const loadTestStored: Predicate = {
  id: "load-test-stored",
  version: 1,
  says: "A load test of a deployed version is stored, with its rate, its p95, its errors, the machine, and arrivals that do not wait.",
  judge: ({ runs, models }) => {
    const tests = runs.filter((run) => run.experiment === loadTest.experiment && run.status === "FINISHED");
    if (tests.length === 0) return missing(`no finished run in an experiment "${loadTest.experiment}"`, "karkhana load-test");
    const lack = tests.map((run) => {
      const absent = [...loadTest.metrics.filter((key) => run.metrics[key] === undefined), ...loadTest.tags.filter((key) => (run.tags[key] ?? "") === "")];
      if (absent.length > 0) return `run ${run.runId} lacks ${absent.join(", ")}`;
      if (run.tags["arrivals"] !== "open-loop") return `run ${run.runId} waited for answers (arrivals ${run.tags["arrivals"]}), which hides the tail`;
      const model = models.find((m) => m.model === run.tags["model"]);
      const wasLive = model?.events.some((event) => event.kind === "promoted" && String(event.version) === run.tags["version"]) === true;
      return wasLive ? "" : `run ${run.runId} tested a version that was never live`;
    });
    const good = tests[lack.indexOf("")];
    const found = (run: (typeof tests)[number]) => ({
      kind: "run" as const,
      id: run.runId,
      says: `p95 ${figure(run.metrics["latency_p95_ms"])} ms at ${figure(run.metrics["requests_per_second"])} requests a second, ${figure(run.metrics["errors"])} errors`,
    });
    return good === undefined ? missing(lack.join("; "), "karkhana load-test", tests.map(found)) : proved(found(good));
  },
};

function figure(value: number | undefined): string {
  return value === undefined ? "?" : String(Number(value.toPrecision(4)));
}
