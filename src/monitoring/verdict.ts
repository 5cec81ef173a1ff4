import type { Finding } from "./alert.ts";
import type { DriftWindow } from "./drift.ts";
import type { MonitorLimits } from "./limits.ts";
import type { QualityWindow } from "./quality.ts";

/** What is out of bounds in a judged window, worst first, by kind of alert. */
export function driftFindings(window: DriftWindow): Finding[] {
  const bySlot = new Map([...window.slots, ...(window.score === undefined ? [] : [window.score])].map((slot) => [slot.slot, slot]));
  return window.slotsOver.map((name) => {
    const { psi, threshold } = bySlot.get(name)!;
    return { subject: name, measure: "psi", value: psi, threshold };
  });
}

export function pipelineFindings(window: DriftWindow): Finding[] {
  const nulls = window.slots
    .filter((slot) => slot.isNullOver)
    .sort((a, b) => b.nullShare - b.referenceNullShare - (a.nullShare - a.referenceNullShare))
    .map((slot): Finding => ({ subject: slot.slot, measure: "null-share", value: slot.nullShare, threshold: slot.nullThreshold }));
  if (window.misshapen === 0) return nulls;
  return [{ subject: "vector", measure: "misshapen", value: window.misshapen, threshold: 0 }, ...nulls];
}

export function qualityFindings(window: QualityWindow): Finding[] {
  if (!window.isBreach || window.aucHigh === undefined || window.threshold === undefined) return [];
  return [{ subject: "auc", measure: "auc", value: window.aucHigh, threshold: window.threshold }];
}

/** @param volumes live predictions of the windows before, oldest first */
export function volumeFindings(live: number, volumes: readonly number[], limits: MonitorLimits): Finding[] {
  if (volumes.length < limits.volumeWindows) return [];
  const usual = [...volumes].sort((a, b) => a - b)[Math.floor(volumes.length / 2)]!;
  const threshold = usual * limits.volumeShare;
  return live < threshold ? [{ subject: "volume", measure: "predictions", value: live, threshold }] : [];
}
