import { loadTestStored, monitorsBeforeLive } from "../exits/stage-2.ts";
import { servedEqualsOffline } from "../exits/stage-3.ts";
import type { FoundRecord } from "../exits/predicate.ts";
import { algorithmLabs, mathematicsLabs, passedLabs } from "../exits/shown-work.ts";
import type { PitfallReading, Seen } from "./detector.ts";

type Reading = Omit<PitfallReading, "pitfallId">;

const fallen = (says: string, command: string | null, found: readonly FoundRecord[] = []): Reading => ({ state: "fallen", says, command, found });
const clear = (says: string, found: readonly FoundRecord[] = []): Reading => ({ state: "clear", says, command: null, found });
const cannotTell = (says: string, command: string | null): Reading => ({ state: "cannot-tell", says, command, found: [] });

/** Experiments the platform itself fills with runs that train nothing. */
const notTrainings = new Set(["load-test"]);

const detectors: Readonly<Record<string, (seen: Seen) => Reading>> = {
  "notebook-grade-code": ({ records: { runs, trainings } }) => {
    const finished = runs.filter((run) => run.status === "FINISHED" && !notTrainings.has(run.experiment));
    const stray = finished.filter((run) => !trainings.some(({ runId }) => runId === run.tags["pipeline"]));
    if (finished.length === 0) return cannotTell("No finished run is on record.", "karkhana train");
    const found = stray.slice(0, 3).map((run): FoundRecord => ({ kind: "run", id: run.runId, says: `in ${run.experiment}, started by no pipeline` }));
    return stray.length > 0
      ? fallen(`${stray.length} of ${finished.length} finished runs were started by no pipeline: nobody can repeat them.`, "karkhana train", found)
      : clear(`All ${finished.length} finished runs were started by a pipeline.`);
  },
  "skipped-mathematics": ({ records, plan }) => {
    const passed = mathematicsLabs.filter((n) => passedLabs(records.evidence).has(n));
    if (passed.length > 0) return clear(`${passed.length} labs of weeks 4 to 7 are passed.`);
    const block = plan?.items.find(({ id }) => id === "weeks-4-7");
    if (block === undefined) return cannotTell("No plan says what is claimed as known.", "karkhana path plan");
    const open = mathematicsLabs.find((n) => records.labs.includes(n));
    const command = open === undefined ? null : `karkhana path lab run ${open}`;
    return block.action === "skip" || (block.toUs !== undefined && block.toUs <= records.nowUs)
      ? fallen("The plan leaves weeks 4 to 7 behind, and no lab of them is passed.", command)
      : cannotTell("Weeks 4 to 7 are still ahead in the plan.", command);
  },
  "accuracy-as-success": ({ records: { models, parities } }) => {
    const champions = models.filter(({ deployment }) => deployment !== undefined);
    if (champions.length === 0) return cannotTell("No champion is live.", "karkhana run");
    const compared = parities.find(({ vectors }) => vectors > 0);
    return compared === undefined
      ? fallen("A champion answers, and its served vectors were never compared with offline ones.", "karkhana run")
      : clear("Served vectors of the champion were compared with offline ones.", [{ kind: "parity", id: compared.runId, says: `${compared.vectors} vectors` }]);
  },
  "no-algorithms": ({ records, plan }) => {
    const passed = algorithmLabs.filter((n) => passedLabs(records.evidence).has(n));
    if (passed.length > 0) return clear(`${passed.length} labs of weeks 12 to 16 are passed.`);
    const block = plan?.items.find(({ id }) => id === "weeks-12-16");
    const open = algorithmLabs.find((n) => records.labs.includes(n));
    const command = open === undefined ? null : `karkhana path lab run ${open}`;
    if (block?.toUs === undefined) return cannotTell("No plan says when weeks 12 to 16 end.", block === undefined ? "karkhana path plan" : command);
    return block.toUs <= records.nowUs
      ? fallen("The plan is past weeks 12 to 16, and no lab of them is passed.", command)
      : cannotTell("Weeks 12 to 16 have not ended in the plan.", command);
  },
  "monitoring-afterwards": ({ records }) => {
    const promoted = records.models.some(({ events }) => events.some(({ kind }) => kind === "promoted"));
    if (!promoted) return cannotTell("No version was ever promoted.", "karkhana run");
    const judgement = monitorsBeforeLive.judge(records);
    return judgement.proved
      ? clear("Monitors were on record before the first promotion.", judgement.found)
      : fallen(judgement.missing, judgement.command, judgement.found);
  },
  "no-scale": ({ records }) => {
    if (!records.models.some(({ deployment }) => deployment !== undefined)) return cannotTell("No version is live.", "karkhana run");
    const judgement = loadTestStored.judge(records);
    return judgement.proved
      ? clear("A load test of a live version is stored.", judgement.found)
      : fallen(`A version is live: ${judgement.missing}.`, judgement.command, judgement.found);
  },
  "no-feature-store": ({ records }) => {
    const differing = records.parities.filter(({ mismatches }) => mismatches > 0);
    if (differing.length > 0)
      return fallen(
        "Served values differ from offline ones: a feature is computed in two ways.",
        "karkhana run",
        differing.slice(0, 3).map((p): FoundRecord => ({ kind: "parity", id: p.runId, says: `${p.mismatches} of ${p.values} values differ` })),
      );
    const judgement = servedEqualsOffline.judge(records);
    return judgement.proved
      ? clear("Every value compared was equal online and offline.", judgement.found)
      : cannotTell("Too few served vectors were compared.", judgement.command);
  },
  "breadth-or-depth-only": ({ records, plan }) => {
    const stage = (id: string): boolean => records.evidence.some(({ body }) => body.kind === "condition" && body.content["stageId"] === id);
    const begun = passedLabs(records.evidence).has(46);
    if (begun && !stage("stage-2")) return fallen("A track's lab is passed, and nothing of stage 2 is proved: depth without breadth.", "karkhana path next");
    const trackless = plan !== undefined && plan.trackId === undefined;
    if (stage("stage-3") && trackless && !begun)
      return fallen("Stage 3 is under way, and no track is chosen: breadth without depth.", "karkhana path plan --track track-a");
    if (begun || (plan?.trackId !== undefined && stage("stage-2"))) return clear("Stage 2 has proofs, and a track is chosen.");
    return cannotTell("Neither a track nor stage 2 has begun.", "karkhana path next");
  },
};

/** The eight pitfalls, each read off the records. @param pitfallIds in the roadmap's order */
export function readPitfalls(pitfallIds: readonly string[], seen: Seen): PitfallReading[] {
  return pitfallIds.map((pitfallId) => ({ pitfallId, ...(detectors[pitfallId]?.(seen) ?? cannotTell("Nothing in this program looks for it.", null)) }));
}

export const pitfallDetectorIds: readonly string[] = Object.keys(detectors);
