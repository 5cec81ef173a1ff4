import { KarkhanaError } from "../kernel/error.ts";
import { chiSquareTest } from "../math/chi-square.ts";

/** Requests each arm answered, and the share declared for the challenger. */
export interface AssignedRequests {
  readonly champion: number;
  readonly challenger: number;
  readonly abShare: number;
}

/** Low, since it is asked at every look, and since a true fault is far below it within a few thousand requests. */
const alarm = 0.001;

/**
 * Sample-ratio mismatch: did requests fall on the arms as declared? If not, something besides the model tells the arms apart
 * (a retry that changes arm, a crash of one version, a filter), and their difference means nothing.
 * @see Fabijan et al., Diagnosing Sample Ratio Mismatch in Online Controlled Experiments (KDD 2019); chi-square with one degree of freedom
 */
export function sampleRatio(assigned: AssignedRequests): { readonly mismatch: boolean; readonly pValue: number; readonly sentence: string } {
  const { champion, challenger, abShare } = assigned;
  if (!(abShare > 0 && abShare < 1))
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "abShare", problem: "expected a share between 0 and 1", value: abShare });
  const total = champion + challenger;
  const { pValue } = total === 0 ? { pValue: 1 } : chiSquareTest([champion, challenger], [1 - abShare, abShare]);
  const mismatch = pValue < alarm;
  return { mismatch, pValue, sentence: `${challenger} of ${total} requests fell to the challenger, ${abShare} was declared, p = ${pValue.toPrecision(2)}` };
}
