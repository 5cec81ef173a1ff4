import { areas } from "./areas.ts";
import { academic } from "./backgrounds/academic.ts";
import { aiEngineer } from "./backgrounds/ai-engineer.ts";
import { beginner } from "./backgrounds/beginner.ts";
import { dataScientist } from "./backgrounds/data-scientist.ts";
import { nonTech } from "./backgrounds/non-tech.ts";
import { softwareEngineer } from "./backgrounds/software-engineer.ts";
import { careers } from "./careers.ts";
import { figures } from "./claims/figures.ts";
import { market } from "./claims/market.ts";
import { pay } from "./claims/pay.ts";
import { timelines } from "./claims/timelines.ts";
import { conflicts } from "./conflicts.ts";
import { employers } from "./employers.ts";
import { pitfalls } from "./pitfalls.ts";
import { resources } from "./resources.ts";
import { roles } from "./roles.ts";
import { round1 } from "./rounds/round-1.ts";
import { round2 } from "./rounds/round-2.ts";
import { round3 } from "./rounds/round-3.ts";
import { round4 } from "./rounds/round-4.ts";
import { round5 } from "./rounds/round-5.ts";
import { signals } from "./signals.ts";
import { sources } from "./sources.ts";
import { stage1 } from "./stages/stage-1.ts";
import { stage2 } from "./stages/stage-2.ts";
import { stage3 } from "./stages/stage-3.ts";
import { stage4 } from "./stages/stage-4.ts";
import { stage5 } from "./stages/stage-5.ts";
import { algorithms } from "./topics/algorithms.ts";
import { cases } from "./topics/cases.ts";
import { classical } from "./topics/classical.ts";
import { compression } from "./topics/compression.ts";
import { deep } from "./topics/deep.ts";
import { delivery } from "./topics/delivery.ts";
import { distributed } from "./topics/distributed.ts";
import { engineering } from "./topics/engineering.ts";
import { evaluation } from "./topics/evaluation.ts";
import { features } from "./topics/features.ts";
import { governance } from "./topics/governance.ts";
import { language } from "./topics/language.ts";
import { mathematics } from "./topics/mathematics.ts";
import { monitoring } from "./topics/monitoring.ts";
import { orchestration } from "./topics/orchestration.ts";
import { platform } from "./topics/platform.ts";
import { practice } from "./topics/practice.ts";
import { recommendation } from "./topics/recommendation.ts";
import { retraining } from "./topics/retraining.ts";
import { serving } from "./topics/serving.ts";
import { tuning } from "./topics/tuning.ts";
import { vision } from "./topics/vision.ts";
import { trackA } from "./tracks/track-a.ts";
import { trackB } from "./tracks/track-b.ts";
import { trackC } from "./tracks/track-c.ts";
import { trackD } from "./tracks/track-d.ts";
import type { Roadmap } from "./types.ts";

/** The whole roadmap. Raise `version` when its meaning changes; ids stay. */
export const roadmap: Roadmap = {
  version: "1",
  sources,
  claims: [...pay, ...market, ...timelines, ...figures],
  conflicts,
  areas,
  topics: [
    ...engineering,
    ...orchestration,
    ...delivery,
    ...features,
    ...classical,
    ...deep,
    ...distributed,
    ...tuning,
    ...evaluation,
    ...serving,
    ...compression,
    ...monitoring,
    ...retraining,
    ...recommendation,
    ...cases,
    ...language,
    ...vision,
    ...platform,
    ...governance,
    ...algorithms,
    ...mathematics,
    ...practice,
  ],
  stages: [stage1, stage2, stage3, stage4, stage5],
  tracks: [trackA, trackB, trackC, trackD],
  backgrounds: [softwareEngineer, dataScientist, aiEngineer, academic, nonTech, beginner],
  rounds: [round1, round2, round3, round4, round5],
  pitfalls,
  signals,
  roles,
  resources,
  employers,
  careers,
  leftOut: [],
  retiredIds: [],
};
