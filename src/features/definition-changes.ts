import { definitionHash, type Canonical } from "../kernel/hashing.ts";
import type { SourceDefinition } from "../data/source.ts";
import { featureViewHash, slotsOf, type FeatureService, type FeatureViewDefinition, type ViewFeature } from "./definition.ts";

/** A definition as people compare it: each part under the name they know it by, as text. Equal text is an equal part. */
export type DescribedDefinition = Readonly<Record<string, string>>;

export interface DefinitionChange {
  /** "feature late_share_1h", "source flights, knownTime", "ttl" ... */
  readonly part: string;
  readonly kind: "added" | "removed" | "changed";
  readonly from: string | null;
  readonly to: string | null;
}

export function describeView(view: FeatureViewDefinition): DescribedDefinition {
  const parts: Record<string, string> = {
    entity: `${view.entity.name} (${view.entity.keys.map((key) => `${key} = ${view.on[key] ?? ""}`).join(", ")})`,
    ...(view.ttlUs === undefined ? {} : { ttl: `${view.ttlUs / 1e6} s` }),
    ...(view.where === undefined ? {} : { where: view.where }),
    ...describeSource(view.source),
  };
  for (const [name, feature] of Object.entries(view.features)) parts[`feature ${name}`] = describeFeature(feature);
  return parts;
}

function describeSource(source: SourceDefinition): Record<string, string> {
  // Where the file lies is no part of what a source means.
  const { path: _path, schema, kind: _kind, name, ...rest } = source;
  const parts: Record<string, string> = { source: name };
  for (const [field, value] of Object.entries(rest))
    if (value !== undefined) parts[`source ${name}, ${field}`] = typeof value === "string" ? value : JSON.stringify(value);
  for (const [column, type] of Object.entries(schema)) parts[`source ${name}, column ${column}`] = type;
  return parts;
}

function describeFeature({ aggregate, measure, window, hopUs, where, windowUs: _windowUs, ...rest }: ViewFeature): string {
  const of = measure === undefined ? "" : ` of ${measure}`;
  const over = window === "latest" ? "" : ` over ${window}`;
  const hop = hopUs === undefined ? "" : `, hop ${hopUs / 1e6} s`;
  const others = Object.entries(rest).map(([name, value]) => `, ${name} ${JSON.stringify(value)}`);
  return `${aggregate}${of}${over}${hop}${where === undefined ? "" : ` where ${where}`}${others.join("")}`;
}

/** Functions are told apart by their text: what they compute cannot be compared. */
export function describeService(service: FeatureService): DescribedDefinition {
  const parts: Record<string, string> = {};
  for (const feature of service.features) {
    if (feature.kind === "field") parts[`field ${feature.field}`] = feature.type;
    else if (feature.kind === "featureReference")
      parts[`view ${feature.view.name} as ${feature.prefix}`] = `version ${featureViewHash(feature.view).slice(0, 12)}, by ${Object.entries(feature.binding)
        .map(([key, field]) => `${key} = ${field}`)
        .join(", ")}`;
    else parts[`computed ${feature.name}`] = `${slotsOf(feature).length} outputs (${feature.outputs.join(", ")}), code ${codeHash(feature.compute.toString())}`;
  }
  return { ...parts, order: service.slots.map(({ name }) => name).join(", ") };
}

function codeHash(code: Canonical): string {
  return definitionHash(code).slice(0, 12);
}

/** Part by part, in the order of the parts' names. */
export function changesBetween(before: DescribedDefinition, after: DescribedDefinition): DefinitionChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((part): DefinitionChange[] => {
    const [from, to] = [Object.hasOwn(before, part) ? before[part]! : null, Object.hasOwn(after, part) ? after[part]! : null];
    if (from === to) return [];
    return [{ part, kind: from === null ? "added" : to === null ? "removed" : "changed", from, to }];
  });
}
