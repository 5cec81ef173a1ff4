import type { FeatureService } from "./definition.ts";
import { boundField } from "./binding.ts";
import { referenceSlots, type RequestFields } from "./vector.ts";
import { planView } from "./view-plan.ts";

/** A source row as the definition sees it. */
export interface TimedRow {
  readonly eventUs: number;
  readonly knownUs: number;
  readonly values: Readonly<Record<string, string | number | boolean | null>>;
}

/**
 * The definition itself, as a filter and a loop: what both engines are held against in tests. Fills the views' slots of `out`.
 * @param rowsOf rows of a source, by name
 */
export function naiveVector(
  service: FeatureService,
  rowsOf: (source: string) => readonly TimedRow[],
  timeUs: number,
  fields: RequestFields,
  out: Float64Array,
): void {
  for (const { reference, first } of referenceSlots(service)) {
    const plan = planView(reference.view);
    const key = reference.view.entity.keys.map((name) => fields[boundField(reference.binding, name, reference.prefix)] ?? null);
    const ofKey = rowsOf(reference.view.source.name).filter((row) => plan.keyColumns.every((column, i) => key[i] !== null && row.values[column] === key[i]));
    for (const [j, feature] of plan.features.entries()) {
      const windowUs = plan.windowsUs[feature.window]!;
      const inWindow = ofKey.filter((row) => row.eventUs >= timeUs - windowUs && row.eventUs < timeUs && row.knownUs <= timeUs);
      if (feature.measure < 0) {
        out[first + j] = inWindow.length;
        continue;
      }
      const measure = plan.measures[feature.measure]!;
      const values = inWindow.map((row) => measure.valueOf(row.values)).filter((value) => value !== null);
      const sum = values.reduce((a, b) => a + b, 0);
      const value = feature.aggregate === "sum" ? sum : sum / values.length;
      out[first + j] = values.length === 0 ? Number.NaN : measure.scale === 1 ? value : value / measure.scale;
    }
  }
}
