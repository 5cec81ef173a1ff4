import type { SourceDefinition } from "../data/source.ts";
import { isVersioned } from "../data/versions.ts";
import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { DuckDb } from "../storage/duckdb/duckdb.ts";
import { quoteIdentifier as q } from "../storage/duckdb/quote.ts";
import { boundField } from "./binding.ts";
import type { FeatureService } from "./definition.ts";
import { isKeyPart, keyKinds, keyLiteral, partOfField, type KeyType } from "./key-part.ts";
import type { RowLimits } from "./offline/limited.ts";
import { offlineVectors } from "./offline/vectors.ts";
import { placeOf } from "./online/push-log.ts";
import { categoryCodes, derivedFiller, loggedSources, referenceSlots, requestFiller, type CategoryDictionary, type RequestFields } from "./vector.ts";
import { planView } from "./view-plan.ts";

/** A vector as it was served, with the question it answered. */
export interface ServedVector {
  readonly id: string;
  readonly timeUs: Micros;
  readonly fields: RequestFields;
  /** shape [numSlots] of the service; null is NaN */
  readonly vector: Float64Array;
  /** How far the logs of pushed sources were applied when it was read; sources that are not named count as wholly applied. */
  readonly applied?: { readonly sources: readonly string[]; readonly offsets: readonly number[] };
}

export interface VectorDifference {
  readonly id: string;
  readonly slot: string;
  readonly served: number;
  readonly offline: number;
}

export interface CompareOptions {
  readonly service: FeatureService;
  readonly relations: (source: SourceDefinition) => string;
  /** Relation of a pushed source as it arrives (`asStream`), where its rows are versions and something is known of what was applied. */
  readonly streams?: (source: SourceDefinition) => string | undefined;
  readonly served: readonly ServedVector[];
  /** The categories of the model version that answered. */
  readonly dictionary: CategoryDictionary;
  /** Told of each vector that is not compared, for it would take more than `maxOwnRows`. */
  readonly onLeftOut?: (id: string) => void;
  /** Rows of a view that may be looked at apart, for vectors of keys that were written to while they were asked for; default five million. */
  readonly maxOwnRows?: number;
}

/** A row has its place in memory and on disk for each question that sees another beginning of its log. */
const defaultMaxOwnRows = 5_000_000;

/**
 * Recomputes served vectors by the offline SQL and says every value that differs, exactly; NaN equals NaN. A row counts for a vector if it was
 * known when the question was asked and, where it is said how far its log was applied, lies before that: not one that had arrived and was
 * still on its way into the online store.
 * @throws SHAPE_MISMATCH if a vector is not of the service
 */
export async function compareVectors(duck: DuckDb, options: CompareOptions): Promise<VectorDifference[]> {
  const { service, relations, served, dictionary } = options;
  const { slots } = service;
  for (const { id, vector } of served) {
    if (vector.length !== slots.length) throw new KarkhanaError("SHAPE_MISMATCH", { field: `vector of ${id}`, expected: slots.length, actual: vector.length });
  }
  if (served.length === 0) return [];
  const fill = requestFiller(service, dictionary);
  const derive = derivedFiller(service);
  const viewSlots = referenceSlots(service).flatMap(({ first, numSlots }) => Array.from({ length: numSlots }, (_, j) => first + j));
  const codes = slots.map(({ name }) => categoryCodes(dictionary, name));
  const differences: VectorDifference[] = [];
  const offline = new Float64Array(slots.length);
  const logged = loggedSources(service);
  for (let from = 0; from < served.length; from += questionsAtOnce) {
    const part = served.slice(from, from + questionsAtOnce);
    const limited = logged.filter((source) => part.some((one) => placeOfApplied(one, source) !== null));
    let next = 0;
    for await (const chunk of offlineVectors(duck, {
      service: viewsOnly(service),
      relations,
      spine: spineOf(service, part, limited),
      limits: (source) => limitsOf(source, limited, options),
    })) {
      for (let i = 0; i < chunk.numRows; i++, next++) {
        const { id, timeUs, fields, vector } = part[next]!;
        if (chunk.leftOut !== undefined && chunk.leftOut[i] !== 0) {
          options.onLeftOut?.(id);
          continue;
        }
        fill(timeUs, fields, offline, 0);
        for (const [k, slot] of viewSlots.entries()) {
          const value = chunk.columns[k]![i];
          offline[slot] = typeof value === "string" ? (codes[slot]!.get(value) ?? Number.NaN) : (value ?? Number.NaN);
        }
        derive(timeUs, offline, 0);
        for (let slot = 0; slot < slots.length; slot++) {
          const a = vector[slot]!;
          const b = offline[slot]!;
          if (a !== b && !(Number.isNaN(a) && Number.isNaN(b))) differences.push({ id, slot: slots[slot]!.name, served: a, offline: b });
        }
      }
    }
    if (next !== part.length) throw new KarkhanaError("INTERNAL", { problem: `${part.length} questions came back as ${next} rows` });
  }
  return differences;
}

/** Questions are written into the query's text. */
const questionsAtOnce = 5000;

/** Request slots are filled here, from the very fields that were served: SQL need not carry them. */
function viewsOnly(service: FeatureService): FeatureService {
  const features = service.features.filter((f) => f.kind === "featureReference");
  return {
    ...service,
    features,
    slots: referenceSlots(service).flatMap(({ first, numSlots }) => service.slots.slice(first, first + numSlots)),
  };
}

function limitsOf(source: SourceDefinition, limited: readonly string[], options: CompareOptions): RowLimits | undefined {
  const at = limited.indexOf(source.name);
  if (at < 0) return undefined;
  const stream = isVersioned(source) ? options.streams?.(source) : options.relations(source);
  if (stream === undefined) throw new KarkhanaError("INTERNAL", { problem: `the versions of ${source.name} are needed as they arrived` });
  return { column: limitColumn(at), stream, maxRows: options.maxOwnRows ?? defaultMaxOwnRows };
}

/** Below it lie the rows of a source that were applied; null where it is not said. */
export function placeOfApplied({ applied }: Pick<ServedVector, "applied">, source: string): number | null {
  const offset = applied?.offsets[applied.sources.indexOf(source)];
  return offset === undefined || !Number.isSafeInteger(offset) ? null : placeOf(offset);
}

function limitColumn(at: number): string {
  return `_below_${at}`;
}

/** Only the fields that carry keys, as the type of the key: a value of another type matches nothing, as online. */
function spineOf(service: FeatureService, part: readonly ServedVector[], limited: readonly string[]): string {
  const types = new Map<string, KeyType>();
  for (const { reference } of referenceSlots(service)) {
    const plan = planView(reference.view);
    for (const [i, key] of reference.view.entity.keys.entries()) types.set(boundField(reference.binding, key, reference.prefix), plan.keyTypes[i]!);
  }
  const fields = [...types];
  const rows = part.map((one, row) => {
    const keys = fields.map(([field, type]) => literal(one.fields[field], type));
    return `(${[row, one.timeUs, ...keys, ...limited.map((source) => placeOfApplied(one, source) ?? "NULL")].join(",")})`;
  });
  const casts = [
    ...fields.map(([field, type], i) => `, CAST(f${i} AS ${keyKinds[type].sqlType}) AS ${q(field)}`),
    ...limited.map((_, i) => `, CAST(l${i} AS BIGINT) AS ${limitColumn(i)}`),
  ];
  return `SELECT CAST(_row AS BIGINT) AS _row, CAST(_event AS BIGINT) AS _event${casts.join("")} FROM (VALUES ${rows.join(",")}) AS t(${["_row", "_event", ...fields.map((_, i) => `f${i}`), ...limited.map((_, i) => `l${i}`)].join(", ")})`;
}

function literal(value: string | number | null | undefined, type: KeyType): string {
  const part = partOfField(value, type);
  return isKeyPart(part, type) ? keyLiteral(part) : "NULL";
}
