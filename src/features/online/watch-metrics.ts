/**
 * Prometheus samples of what lookups found and of how sources stand. Every series of a counter is of one process, and those of several add up
 * (`sum`). What is read from the store (`freshness`, rows of sources) is the same in each process: to be merged by `max`, never added.
 * Series are bounded: at most `maxFeatures` features by name, the others of a view as "(others)".
 */
import type { Micros } from "../../kernel/clock.ts";
import type { FeatureViewDefinition } from "../definition.ts";
import type { OnlineFeatures } from "./online-features.ts";
import type { SourceCounters } from "./source-counts.ts";
import { ageEdges, type ViewTotals } from "./lookup-watch.ts";
import { valueStatuses, type ValueStatus } from "./view-profile.ts";

export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Of a histogram: what follows the family's name. */
  readonly ending?: "_bucket" | "_sum" | "_count";
}

export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** How the same series of several processes become one. */
  readonly merge: "sum" | "max";
  readonly samples: readonly MetricSample[];
}

/** A source as the store tells of it, and the views over it. */
export interface WatchedSource {
  readonly source: string;
  readonly views: readonly string[];
  readonly counters: SourceCounters;
}

/** The sources of views, each once, as the store tells of them now. */
export async function watchedSources(online: Pick<OnlineFeatures, "counters">, views: readonly FeatureViewDefinition[]): Promise<WatchedSource[]> {
  const bySource = Map.groupBy(views, (view) => view.source.name);
  const found: WatchedSource[] = [];
  for (const [source, own] of bySource) found.push({ source, views: [...new Set(own.map(({ name }) => name))], counters: await online.counters(source) });
  return found;
}

const maxFeatures = 1000;
const others = "(others)";

export function lookupFamilies(totals: readonly ViewTotals[]): MetricFamily[] {
  const lookups: MetricSample[] = [];
  const notFound: MetricSample[] = [];
  const values: MetricSample[] = [];
  const ages: MetricSample[] = [];
  let named = 0;
  for (const own of totals) {
    // Two versions of a view may be served side by side.
    const labels = { view: own.view.name, version: own.hash.slice(0, 12) };
    lookups.push({ labels, value: own.lookups });
    notFound.push({ labels, value: own.notFound });
    const rest: Record<ValueStatus, number> = { PRESENT: 0, DEFAULT: 0, NULL_VALUE: 0, NOT_FOUND: 0, OUTSIDE_MAX_AGE: 0 };
    let hasRest = false;
    for (const [feature, statuses] of own.statuses) {
      const isNamed = named++ < maxFeatures;
      hasRest ||= !isNamed;
      for (const status of valueStatuses) {
        if (isNamed) values.push({ labels: { ...labels, feature, status }, value: statuses[status] });
        else rest[status] += statuses[status];
      }
    }
    if (hasRest) for (const status of valueStatuses) values.push({ labels: { ...labels, feature: others, status }, value: rest[status] });
    let below = 0;
    for (const [i, edge] of ageEdges.entries()) {
      below += own.ages[i]!;
      ages.push({ labels: { ...labels, le: String(edge) }, value: below, ending: "_bucket" });
    }
    below += own.ages[ageEdges.length]!;
    ages.push({ labels: { ...labels, le: "+Inf" }, value: below, ending: "_bucket" });
    ages.push({ labels, value: own.ageSumSeconds, ending: "_sum" }, { labels, value: below, ending: "_count" });
  }
  return [
    { name: "karkhana_feature_lookups_total", help: "Lookups of feature views.", type: "counter", merge: "sum", samples: lookups },
    {
      name: "karkhana_feature_lookups_not_found_total",
      help: "Lookups of keys that the view has never met.",
      type: "counter",
      merge: "sum",
      samples: notFound,
    },
    {
      name: "karkhana_feature_values_total",
      help: "Values given, by what they are worth; estimated from a sample. DEFAULT is the 0 of an empty window.",
      type: "counter",
      merge: "sum",
      samples: values,
    },
    {
      name: "karkhana_feature_age_seconds",
      help: "Age of the key's newest row when it was asked for; estimated from a sample.",
      type: "histogram",
      merge: "sum",
      samples: ages,
    },
  ];
}

export function sourceFamilies(sources: readonly WatchedSource[], nowUs: Micros): MetricFamily[] {
  const each = (value: (counters: SourceCounters) => number | null): MetricSample[] =>
    sources.flatMap(({ source, counters }) => {
      const found = value(counters);
      return found === null ? [] : [{ labels: { source }, value: found }];
    });
  const byView = (value: (newestUs: number) => number): MetricSample[] =>
    sources.flatMap(({ source, views, counters }) =>
      counters.newestEventUs === null ? [] : views.map((view) => ({ labels: { view, source }, value: value(counters.newestEventUs!) })),
    );
  return [
    {
      name: "karkhana_feature_freshness_seconds",
      help: "Age of the newest event applied, by the machine's clock.",
      type: "gauge",
      merge: "max",
      samples: byView((newestUs) => Math.max(0, (nowUs - newestUs) / 1e6)),
    },
    {
      name: "karkhana_feature_newest_event_timestamp_seconds",
      help: "Event time of the newest event applied.",
      type: "gauge",
      merge: "max",
      samples: byView((newestUs) => newestUs / 1e6),
    },
    { name: "karkhana_source_rows_total", help: "Rows taken from a source.", type: "counter", merge: "max", samples: each((c) => c.rows) },
    { name: "karkhana_source_late_rows_total", help: "Rows too late to reach a feature.", type: "counter", merge: "max", samples: each((c) => c.late) },
    { name: "karkhana_source_deletions_total", help: "Rows that ended a fact.", type: "counter", merge: "max", samples: each((c) => c.deletions) },
    {
      name: "karkhana_source_quarantined_rows_total",
      help: "Rows set aside with their reason.",
      type: "counter",
      merge: "max",
      samples: sources.flatMap(({ source, counters }) => Object.entries(counters.refused).map(([code, value]) => ({ labels: { source, code }, value }))),
    },
  ];
}

/**
 * The families as text. @param isOpen OpenMetrics names a counter's family without the ending of its samples
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function metricLines(families: readonly MetricFamily[], isOpen = false): string[] {
  return families.flatMap(({ name, help, type, samples }) => {
    const family = isOpen && type === "counter" ? name.replace(/_total$/, "") : name;
    return [
      `# HELP ${family} ${help}`,
      `# TYPE ${family} ${type}`,
      ...samples.map(({ labels, value, ending = "" }) => `${name}${ending}{${labelText(labels)}} ${value}`),
    ];
  });
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}="${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`)
    .join(",");
}
