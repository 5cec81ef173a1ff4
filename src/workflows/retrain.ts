import type { Micros } from "../kernel/clock.ts";
import { parseDuration } from "../kernel/time.ts";
import type { MonitoringStore } from "../monitoring/store.ts";
import type { ModelDefinition } from "../project/definition.ts";
import type { TrainInput } from "./train-model.ts";

/** Share of the look back, from its end, that is held out; as much before it stops early and calibrates. The newest data is also the most telling. */
const holdoutShare = 1 / 16;

/**
 * Why a challenger should be trained now, or null. Decided from stored alerts alone, so that asking again after a crash gives the same answer.
 * @param lastTrainedUs event time of the last training or deployment: the cooldown runs from there
 */
export async function needsRetraining(
  platform: { readonly monitoring: Pick<MonitoringStore, "listAlerts"> },
  model: ModelDefinition,
  nowUs: Micros,
  lastTrainedUs: Micros,
): Promise<string | null> {
  if (nowUs - lastTrainedUs < parseDuration(model.retrain.cooldown, "retrain.cooldown")) return null;
  const open = await platform.monitoring.listAlerts({ model: model.name, status: "open" });
  const causes = open.filter((alert) => model.retrain.on.some((kind) => kind === alert.kind));
  return causes.length === 0 ? null : causes.map((alert) => alert.summary).join("; ");
}

/** A challenger learns from the look back, up to now, from outcomes known by now; it is compared with the champion on the held-out end. */
export function retrainInput(model: ModelDefinition, nowUs: Micros, champion: number, reason: string): TrainInput {
  const lookback = parseDuration(model.retrain.lookback, "retrain.lookback");
  return {
    model: model.name,
    fromUs: nowUs - lookback,
    validUs: nowUs - Math.round(2 * holdoutShare * lookback),
    holdoutUs: nowUs - Math.round(holdoutShare * lookback),
    toUs: nowUs,
    knownBeforeUs: nowUs,
    champion,
    baseline: false,
    reason,
  };
}
