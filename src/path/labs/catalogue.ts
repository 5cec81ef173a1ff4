import { KarkhanaError } from "../../kernel/error.ts";
import { roadmap } from "../content/roadmap.ts";
import { defaultLimits, labId, type Lab, type Language, type Limits } from "./lab.ts";
import { expectations } from "./list/lab-03-expectations.ts";
import { symmetricEigenproblem } from "./list/lab-04-symmetric-eigen.ts";
import { singularValues } from "./list/lab-05-svd.ts";
import { pca } from "./list/lab-06-pca.ts";
import { autograd } from "./list/lab-07-autograd.ts";
import { information } from "./list/lab-09-information.ts";
import { pipelineRun } from "./list/lab-11-pipeline-run.ts";
import { topK } from "./list/lab-13-top-k.ts";
import { slidingWindows } from "./list/lab-14-sliding-windows.ts";
import { criticalPath } from "./list/lab-16-critical-path.ts";
import { viterbi } from "./list/lab-17-viterbi.ts";
import { beamSearch } from "./list/lab-19-beam-search.ts";
import { nearestNeighbours } from "./list/lab-20-nearest-neighbours.ts";
import { leastSquares } from "./list/lab-23-least-squares.ts";
import { ridgeAndLasso } from "./list/lab-24-ridge-and-lasso.ts";
import { softmaxCrossEntropy } from "./list/lab-25-softmax-cross-entropy.ts";
import { calibration } from "./list/lab-26-calibration.ts";
import { backprop } from "./list/lab-30-backprop.ts";
import { attention } from "./list/lab-32-attention.ts";
import { dynamicBatcher } from "./list/lab-35-dynamic-batcher.ts";
import { int8 } from "./list/lab-36-int8.ts";
import { positionBias } from "./list/lab-38-position-bias.ts";
import { pointInTime } from "./list/lab-40-point-in-time.ts";
import { hyperparameterSearch } from "./list/lab-41-hyperparameter-search.ts";
import { psi } from "./list/lab-43-psi.ts";

/** Every lab that can be run, in the order of the roadmap's lab list. */
export const labs: readonly Lab[] = [
  expectations,
  symmetricEigenproblem,
  singularValues,
  pca,
  autograd,
  information,
  pipelineRun,
  topK,
  slidingWindows,
  criticalPath,
  viterbi,
  beamSearch,
  nearestNeighbours,
  leastSquares,
  ridgeAndLasso,
  softmaxCrossEntropy,
  calibration,
  backprop,
  attention,
  dynamicBatcher,
  int8,
  positionBias,
  pointInTime,
  hyperparameterSearch,
  psi,
];

/** A lab as the console and the command line show it: plain JSON. */
export interface LabDescription {
  /** "lab-6": stable for ever, the subject of evidence. */
  readonly id: string;
  readonly number: number;
  readonly version: number;
  readonly title: string;
  readonly blockId: string;
  readonly topicIds: readonly string[];
  readonly minutes: number;
  /** Markdown. */
  readonly statement: string;
  /** What is offered; JavaScript is taken too, as TypeScript without types. */
  readonly languages: readonly Language[];
  readonly entry: { readonly typescript: string; readonly python: string };
  readonly starter: { readonly typescript: string; readonly python: string };
  readonly limits: Limits;
}

export function describeLab(lab: Lab): LabDescription {
  const { number, version, title, blockId, minutes, statement, entry, starter } = lab;
  const topicIds = roadmap.topics.filter((topic) => topic.labs?.includes(number) === true).map(({ id }) => id);
  const limits = { ...defaultLimits, ...lab.limits };
  return { id: labId(lab), number, version, title, blockId, topicIds, minutes, statement, languages: ["typescript", "python"], entry, starter, limits };
}

/** By id or number: "lab-6", "6". @throws LAB_NOT_FOUND */
export function findLab(name: string): Lab {
  const lab = labs.find(({ number }) => name === String(number) || name === `lab-${number}`);
  if (lab === undefined) throw new KarkhanaError("LAB_NOT_FOUND", { lab: name.slice(0, 80) });
  return lab;
}
