import type { Micros } from "../../kernel/clock.ts";
import { MICROS_PER_DAY } from "../../kernel/time.ts";
import { TopValues } from "../../math/top-values.ts";
import { ValueSketch } from "../../math/value-sketch.ts";
import type { FeatureValue } from "../vector.ts";
import type { PlannedFeature, ViewPlan } from "../view-plan.ts";
import type { FeatureStatus } from "./view-reading.ts";

/** DEFAULT: nothing was in the window, and the value is the 0 that a count then has. */
export const valueStatuses = ["PRESENT", "DEFAULT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE"] as const;
export type ValueStatus = (typeof valueStatuses)[number];

const counted: ReadonlySet<string> = new Set(["count", "distinct", "approxDistinct"]);

export function valueStatus({ aggregate }: PlannedFeature, value: FeatureValue, status: FeatureStatus): ValueStatus {
  return status === "PRESENT" && value === 0 && counted.has(aggregate) ? "DEFAULT" : status;
}

/** What a feature was over some lookups. Weights, not lookups: of many lookups a sample is looked at. */
export class FeatureProfile {
  readonly statuses: Record<ValueStatus, number> = { PRESENT: 0, DEFAULT: 0, NULL_VALUE: 0, NOT_FOUND: 0, OUTSIDE_MAX_AGE: 0 };
  /** Numbers, the items of lists each; NaN is counted apart. */
  readonly numbers: ValueSketch = new ValueSketch();
  readonly texts: TopValues = new TopValues();
  nans = 0;

  add(value: FeatureValue, status: ValueStatus, weight: number): void {
    this.statuses[status] += weight;
    for (const one of typeof value === "object" ? (value ?? []) : [value]) {
      if (typeof one === "string") this.texts.add(one, weight);
      else if (Number.isNaN(one)) this.nans += weight;
      else this.numbers.add(one, weight);
    }
  }

  merge(other: FeatureProfile): void {
    for (const status of valueStatuses) this.statuses[status] += other.statuses[status];
    this.nans += other.nans;
    this.numbers.merge(other.numbers);
    this.texts.merge(other.texts);
  }
}

/** A view's lookups of some time: kept a day of questions each, and merged over days and processes when looked at. */
export class ViewProfile {
  readonly features: ReadonlyMap<string, FeatureProfile>;
  /** Exact. */
  lookups = 0;
  notFound = 0;
  /** Seconds from the newest row of the key to the question, of lookups that found one. */
  readonly ages: ValueSketch = new ValueSketch();
  /** First and last question. */
  fromUs: Micros = Number.MAX_SAFE_INTEGER;
  toUs: Micros = Number.MIN_SAFE_INTEGER;

  constructor(plan: ViewPlan) {
    this.features = new Map(plan.features.map(({ name }) => [name, new FeatureProfile()]));
  }

  merge(other: ViewProfile): void {
    this.lookups += other.lookups;
    this.notFound += other.notFound;
    this.ages.merge(other.ages);
    this.fromUs = Math.min(this.fromUs, other.fromUs);
    this.toUs = Math.max(this.toUs, other.toUs);
    for (const [name, feature] of other.features) this.features.get(name)?.merge(feature);
  }

  store(): Uint8Array {
    const features = [...this.features].map(([name, { statuses, numbers, texts, nans }]) => [
      name,
      { statuses, numbers: numbers.store(), texts: texts.store(), nans },
    ]);
    const { lookups, notFound, fromUs, toUs } = this;
    return Buffer.from(JSON.stringify({ lookups, notFound, fromUs, toUs, ages: this.ages.store(), features: Object.fromEntries(features) as unknown }));
  }

  /** What `store` gave; undefined for anything else: a profile is no loss worth stopping for. */
  static read(plan: ViewPlan, bytes: Uint8Array): ViewProfile | undefined {
    try {
      const stored = JSON.parse(Buffer.from(bytes).toString("utf8")) as {
        readonly lookups: number;
        readonly notFound: number;
        readonly fromUs: number;
        readonly toUs: number;
        readonly ages: unknown;
        readonly features: Readonly<Record<string, { statuses: Record<ValueStatus, number>; numbers: unknown; texts: unknown; nans: number }>>;
      };
      const profile = new ViewProfile(plan);
      profile.lookups = stored.lookups;
      profile.notFound = stored.notFound;
      profile.fromUs = stored.fromUs;
      profile.toUs = stored.toUs;
      profile.ages.merge(ValueSketch.read(stored.ages));
      for (const [name, own] of profile.features) {
        const found = stored.features[name];
        if (found === undefined) continue;
        for (const status of valueStatuses) own.statuses[status] += found.statuses[status];
        own.nans = found.nans;
        own.numbers.merge(ValueSketch.read(found.numbers));
        own.texts.merge(TopValues.read(found.texts));
      }
      return profile;
    } catch {
      return undefined;
    }
  }
}

/** The day of a question, counted from 1970. */
export function dayOf(timeUs: Micros): number {
  return Math.floor(timeUs / MICROS_PER_DAY);
}
