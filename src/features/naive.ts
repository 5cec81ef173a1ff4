/** The definition itself, as filters and loops: what both engines are held against in tests. Nothing here is shared with their arithmetic. */
import { order } from "../data/expression-function.ts";
import { parseExpressionOf, toFunction } from "../data/expression.ts";
import type { SourceDefinition } from "../data/source.ts";
import { timingOf } from "../data/timing.ts";
import { boundField } from "./binding.ts";
import type { FeatureService } from "./definition.ts";
import type { SourceValues } from "./measure.ts";
import { referenceSlots, writeValue, type FeatureValue, type RequestFields } from "./vector.ts";
import { planView, windowStart, type PlannedFeature, type ViewPlan } from "./view-plan.ts";

/** A source row as the definition sees it; its place in the stream is its sequence. */
export interface TimedRow {
  readonly eventUs: number;
  readonly knownUs: number;
  readonly values: SourceValues;
}

/** The rows that count at t, by (event, known, sequence). */
function rowsAt(source: SourceDefinition, rows: readonly TimedRow[], timeUs: number): readonly TimedRow[] {
  const { latenessUs, aheadUs } = timingOf(source);
  const known = rows.filter(({ eventUs, knownUs }) => knownUs <= timeUs && knownUs - eventUs <= latenessUs && eventUs - knownUs <= aheadUs);
  const facts = new Map<unknown, TimedRow>();
  for (const [i, row] of known.entries()) {
    const id = source.id === undefined ? null : row.values[source.id];
    const fact = id ?? { number: i };
    const before = facts.get(fact);
    if (before === undefined || row.knownUs >= before.knownUs) facts.set(fact, row);
  }
  const condition = (text: string | undefined, otherwise: boolean): ((row: TimedRow) => boolean) => {
    if (text === undefined) return () => otherwise;
    const value = toFunction(parseExpressionOf("boolean", text, source.schema, "condition"));
    return (row) => value(row.values) === true;
  };
  const [deleted, taken] = [condition(source.deleted, false), condition(source.where, true)];
  const left = new Set([...facts.values()].filter((row) => !deleted(row) && taken(row)));
  // In the order of the stream, which a stable sort keeps among equals.
  return rows.filter((row) => left.has(row)).sort((a, b) => a.eventUs - b.eventUs || a.knownUs - b.knownUs);
}

function valueOf(feature: PlannedFeature, plan: ViewPlan, rows: readonly TimedRow[], timeUs: number): FeatureValue {
  const measured = (row: TimedRow): number | string | null => plan.measures[feature.measure]!.valueOf(row.values);
  if (feature.aggregate === "latest") {
    const newest = rows.findLast((row) => row.eventUs <= timeUs);
    return newest === undefined || timeUs - newest.eventUs > plan.latestUs! ? null : measured(newest);
  }
  const from = windowStart(plan.windows[feature.window]!, timeUs);
  const inWindow = rows.filter((row) => row.eventUs >= from && row.eventUs < timeUs);
  if (feature.aggregate === "count" && feature.measure < 0) return inWindow.length;
  const values = inWindow.map(measured).filter((value) => value !== null);
  const n = values.length;
  const { scale } = plan.measures[feature.measure]!;
  const sum = values.reduce<bigint>((a, b) => a + (plan.measures[feature.measure]!.kind === "sum" ? BigInt(b) : 0n), 0n);
  const sorted = values.toSorted(order);
  if (feature.aggregate === "count") return n;
  if (feature.aggregate === "distinct") return new Set(values).size;
  if (feature.aggregate === "approxDistinct") {
    const hashes = [...new Set(sorted)];
    return hashes.length < feature.n ? hashes.length : ((feature.n - 1) * 2 ** 52) / Number(hashes[feature.n - 1]!);
  }
  if (n === 0) return null;
  switch (feature.aggregate) {
    case "sum":
      return Number(sum) / scale;
    case "mean":
    case "share":
      return Number(sum) / n / scale;
    case "min":
      return sorted[0]!;
    case "max":
      return sorted.at(-1)!;
    case "percentile":
      return sorted[Math.ceil(feature.p * n) - 1]!;
    case "first":
      return values[0]!;
    case "last":
      return values.at(-1)!;
    case "lastN":
      return values.toReversed().slice(0, feature.n);
    case "topK": {
      const counts = new Map<string | number, number>();
      for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
      const ranked = [...counts].sort((a, b) => b[1] - a[1] || order(a[0], b[0]));
      return ranked.slice(0, feature.n).map(([value]) => value);
    }
    default: {
      const squares = values.reduce<bigint>((a, b) => a + BigInt(b) * BigInt(b), 0n);
      const variance = Number(BigInt(n) * squares - sum * sum) / (n * (n - 1)) / (scale * scale);
      return n < 2 ? null : feature.aggregate === "std" ? Math.sqrt(variance) : variance;
    }
  }
}

/** Values of each reference's features in order, null and NaN apart. @param rowsOf rows of a source, by name */
export function naiveValues(service: FeatureService, rowsOf: (source: string) => readonly TimedRow[], timeUs: number, fields: RequestFields): FeatureValue[] {
  // A field has 1 for true and 0 for false.
  const asField = (value: SourceValues[string] | undefined): string | number | null | undefined => (typeof value === "boolean" ? Number(value) : value);
  return referenceSlots(service).flatMap(({ reference: { view, binding, prefix } }) => {
    const plan = planView(view);
    const key = view.entity.keys.map((name) => fields[boundField(binding, name, prefix)] ?? null);
    const ofKey = rowsAt(view.source, rowsOf(view.source.name), timeUs).filter(
      ({ values }) =>
        plan.keyColumns.every((column, i) => key[i] !== null && asField(values[column]) === key[i]) &&
        (plan.where === undefined || plan.where.valueOf(values) === 1),
    );
    return plan.features.map((feature) => valueOf(feature, plan, ofKey, timeUs));
  });
}

/** The same in the views' slots of `out`; categories by none. */
export function naiveVector(
  service: FeatureService,
  rowsOf: (source: string) => readonly TimedRow[],
  timeUs: number,
  fields: RequestFields,
  out: Float64Array,
): void {
  const values = naiveValues(service, rowsOf, timeUs, fields);
  let next = 0;
  for (const { reference, first } of referenceSlots(service)) {
    let at = first;
    for (const { output } of planView(reference.view).features) at = writeValue(values[next++]!, output, () => new Map(), out, at);
  }
}
