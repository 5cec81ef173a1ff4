import type { Micros } from "../kernel/clock.ts";
import { MICROS_PER_DAY } from "../kernel/time.ts";
import { labelMaturityUs } from "../project/log-retention.ts";

/** What the monitor needs before it judges, beside the policy a project declares. */
export interface MonitorLimits {
  /** Predictions a window needs before drift is judged. Below 100 the sampling floor is no longer a chi-square. */
  readonly minPredictions: number;
  /** Matured labels of each class a window needs before quality is judged. */
  readonly minPerClass: number;
  /** Rise of a slot's share of nulls, above the most the reference ever had, that counts as a pipeline fault. */
  readonly nullRise: number;
  /** A window with less than this share of the usual number of predictions is a volume drop; usual is the median of the windows before. */
  readonly volumeShare: number;
  /** Windows the usual volume is taken from; none is judged before there are so many. */
  readonly volumeWindows: number;
  /** Event time after a window's end in which its labels may still arrive; then quality is judged once. */
  readonly maturityUs: Micros;
  /** Live traffic dated later than it was answered by more than this is left out: its windows would be held until that time comes. */
  readonly aheadUs: Micros;
}

export const defaultLimits: MonitorLimits = {
  minPredictions: 100,
  minPerClass: 20,
  nullRise: 0.05,
  volumeShare: 0.5,
  volumeWindows: 7,
  maturityUs: labelMaturityUs,
  aheadUs: MICROS_PER_DAY,
};
