import { KarkhanaError } from "../kernel/error.ts";
import { chiSquareTest } from "../math/chi-square.ts";

/** One arm of an experiment: how many keys fell to it, and the share declared for it. */
export interface AssignedArm {
  readonly name: string;
  readonly assigned: number;
  readonly share: number;
}

/** Low, since it is asked at every look, and since a true fault is far below it within a few thousand requests. */
const alarm = 0.001;

/**
 * Sample-ratio mismatch: did keys fall on the arms as declared? If not, something besides the model tells the arms apart
 * (a retry that changes arm, a crash of one version, a filter), and their difference means nothing.
 * @param arms all of an experiment, the champion among them; shares need not sum to 1: they are taken in proportion
 * @see Fabijan et al., Diagnosing Sample Ratio Mismatch in Online Controlled Experiments (KDD 2019); chi-square with one degree of freedom less than arms
 */
export function sampleRatio(arms: readonly AssignedArm[]): { readonly mismatch: boolean; readonly pValue: number; readonly sentence: string } {
  if (arms.length < 2) throw new KarkhanaError("INVALID_ARGUMENT", { field: "arms", problem: "expected at least two", value: arms.length });
  for (const { name, share } of arms)
    if (!(share > 0 && share < 1))
      throw new KarkhanaError("INVALID_ARGUMENT", { field: `share of ${name}`, problem: "expected a share between 0 and 1", value: share });
  const total = arms.reduce((sum, { assigned }) => sum + assigned, 0);
  const declared = arms.reduce((sum, { share }) => sum + share, 0);
  const { pValue } =
    total === 0
      ? { pValue: 1 }
      : chiSquareTest(
          arms.map(({ assigned }) => assigned),
          arms.map(({ share }) => share / declared),
        );
  const mismatch = pValue < alarm;
  const found = arms.slice(1).map(({ name, assigned, share }) => `${assigned} fell to ${name} (${Number((share / declared).toFixed(4))} declared)`);
  return { mismatch, pValue, sentence: `of ${total} requests ${found.join(", ")}, p = ${pValue.toPrecision(2)}` };
}
