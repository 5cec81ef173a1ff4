import type { SourceDefinition } from "../../data/source.ts";
import { boundField } from "../../features/binding.ts";
import type { FeatureReference } from "../../features/definition.ts";
import { partOfField, type KeyPart } from "../../features/key-part.ts";
import { eventsBehind, type EventBehind } from "../../features/offline/events-behind.ts";
import { relationBelow } from "../../features/offline/limited.ts";
import { compareVectors, placeOfApplied, type ServedVector } from "../../features/parity.ts";
import { referenceSlots } from "../../features/vector.ts";
import { planView } from "../../features/view-plan.ts";
import { readFeedback } from "../../feedback/log.ts";
import { isPrediction, type PredictionRecord, type PredictionRole } from "../../feedback/prediction.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import { hash32 } from "../../kernel/rng.ts";
import type { ModelDefinition } from "../../project/definition.ts";
import { readVersionManifest } from "../../serving/artifact.ts";
import { openFileBlobs } from "../../storage/blobs/files.ts";
import { openDuckDb } from "../../storage/duckdb/duckdb.ts";
import { loadModel } from "./load-model.ts";
import type { Job } from "./job.ts";

export type ParityInput = {
  readonly projectFile: string;
  readonly model: string;
  readonly relations: Readonly<Record<string, string>>;
  /** Pushed sources whose rows are versions, as they arrive. */
  readonly streams: Readonly<Record<string, string>>;
  readonly logFolder: string;
  /** [fromOffset, toOffset) of the prediction log. */
  readonly fromOffset: number;
  readonly toOffset: number;
  readonly blobsFolder: string;
  /** Blob folders of versions, by number: their dictionaries give categories their codes. */
  readonly versions: Readonly<Record<string, string>>;
  /** About how many vectors to recompute; all if fewer were served. */
  readonly sample: number;
  readonly threads: number;
  readonly memoryLimitMb: number;
  readonly tempFolder: string;
};

export type ParityOutput = {
  readonly fromUs: number | null;
  readonly toUs: number | null;
  readonly served: number;
  readonly foreignService: number;
  readonly vectors: number;
  readonly values: number;
  readonly mismatches: number;
  readonly bySlot: Readonly<Record<string, number>>;
  /** The first `differencesKept`. */
  readonly differences: readonly FoundDifference[];
};

type FoundDifference = {
  readonly predictionId: string;
  readonly version: number;
  readonly role: PredictionRole;
  readonly askedUs: number;
  readonly appliedOffset: number | null;
  readonly slot: string;
  readonly view: string | null;
  readonly keys: Readonly<Record<string, KeyPart | null>>;
  readonly served: number | null;
  readonly offline: number | null;
  readonly events: readonly { readonly [K in keyof EventBehind]: EventBehind[K] }[] | null;
};

const batch = 4096;
const differencesKept = 500;
/** A defect usually shows in many slots of few questions: the rows behind these tell it, and each costs a query. */
const differencesExplained = 20;
const eventsKept = 30;

/** Recomputes a sample of the vectors served in a stretch of the log by the offline SQL and compares them value by value, exactly. */
export const parity: Job<ParityInput, ParityOutput> = async (input, progress) => {
  const model = await loadModel(input);
  const stretch = await sampleLog(input, model);
  const blobs = await openFileBlobs(input.blobsFolder);
  const duck = await openDuckDb({ threads: input.threads, memoryLimitMb: input.memoryLimitMb, tempFolder: input.tempFolder });
  const { slots } = model.service;
  const referenceOf = slotReferences(model);
  const bySlot = new Map<string, number>();
  const differences: FoundDifference[] = [];
  let done = 0;
  let mismatches = 0;
  let leftOut = 0;
  try {
    for (const [version, sampled] of Map.groupBy(stretch.sample, (record) => record.version)) {
      const path = input.versions[String(version)];
      if (path === undefined) throw new KarkhanaError("INTERNAL", { problem: `version ${version} answered but is not in the registry` });
      const { categories } = await readVersionManifest(blobs, path);
      const found = await compareVectors(duck, {
        service: model.service,
        relations: (source) => input.relations[source.name] ?? "",
        streams: (source) => input.streams[source.name],
        // By position: the same question may be there twice, asked again after a crash.
        served: sampled.map(({ askedUs, fields, vector, applied }, i): ServedVector => ({
          id: String(i),
          timeUs: askedUs,
          fields,
          vector,
          ...(applied && { applied }),
        })),
        dictionary: categories,
        onLeftOut: () => leftOut++,
      });
      mismatches += found.length;
      for (const { id, slot, served, offline } of found) {
        bySlot.set(slot, (bySlot.get(slot) ?? 0) + 1);
        if (differences.length >= differencesKept) continue;
        const record = sampled[Number(id)]!;
        const reference = referenceOf.get(slot);
        const keys = reference === undefined ? {} : keysOf(reference, record);
        const relation = reference === undefined ? undefined : relationFor(reference.view.source, record, input);
        const events =
          reference === undefined || relation === undefined || differences.length >= differencesExplained
            ? null
            : await eventsBehind(duck, { view: reference.view, relation, keys: Object.values(keys), timeUs: record.askedUs, limit: eventsKept });
        differences.push({
          predictionId: record.id,
          version,
          role: record.role,
          askedUs: record.askedUs,
          appliedOffset: reference === undefined ? null : appliedOf(record, reference.view.source),
          slot,
          view: reference?.view.name ?? null,
          keys,
          served: finite(served),
          offline: finite(offline),
          events,
        });
      }
      progress((done += sampled.length), stretch.sample.length, "vectors");
    }
  } finally {
    await duck.close();
  }
  const { fromUs, toUs, served, foreignService, sample } = stretch;
  return {
    fromUs,
    toUs,
    served,
    foreignService,
    vectors: sample.length - leftOut,
    values: (sample.length - leftOut) * slots.length,
    mismatches,
    bySlot: Object.fromEntries(bySlot),
    differences,
  };
};

interface Stretch {
  fromUs: number | null;
  toUs: number | null;
  served: number;
  foreignService: number;
  readonly sample: PredictionRecord[];
}

/** The hash of a question's id decides, so that all answers to it are compared or none. */
async function sampleLog(input: ParityInput, { service, request }: ModelDefinition): Promise<Stretch> {
  const stretch: Stretch = { fromUs: null, toUs: null, served: 0, foreignService: 0, sample: [] };
  const threshold = Math.min(1, input.sample / Math.max(1, input.toOffset - input.fromOffset)) * 2 ** 32;
  const reader = await readFeedback(input.logFolder);
  try {
    for (let at = input.fromOffset; at < input.toOffset;) {
      const records = await reader.predictions(at, Math.min(batch, input.toOffset - at));
      if (records.length === 0) break;
      at = records.at(-1)!.offset + 1;
      for (const { offset, record } of records) {
        // The oldest of the stretch may be gone from the log: then what is read reaches beyond its end.
        if (offset >= input.toOffset) break;
        if (record.model !== input.model || !isPrediction(record)) continue;
        // Without the fields of a question its features were brought by a client of a protocol, not read here.
        if (request.some((field) => !Object.hasOwn(record.fields, field))) continue;
        stretch.served += 1;
        stretch.fromUs = Math.min(stretch.fromUs ?? record.askedUs, record.askedUs);
        stretch.toUs = Math.max(stretch.toUs ?? record.askedUs, record.askedUs);
        if (record.serviceHash !== service.hash) stretch.foreignService += 1;
        else if (hash32(record.id, 17) < threshold) stretch.sample.push(record);
      }
    }
  } finally {
    await reader.close();
  }
  return stretch;
}

/** How far the log of a source was applied when the vector was read; null where it is not said. */
function appliedOf({ applied }: PredictionRecord, source: SourceDefinition): number | null {
  return applied?.offsets[applied.sources.indexOf(source.name)] ?? null;
}

/** The rows that a vector was held against. */
function relationFor(source: SourceDefinition, record: PredictionRecord, { relations, streams }: ParityInput): string | undefined {
  const place = placeOfApplied(record, source.name);
  const stream = streams[source.name] ?? relations[source.name];
  return place === null || stream === undefined ? relations[source.name] : relationBelow(source, stream, place);
}

function slotReferences({ service }: ModelDefinition): Map<string, FeatureReference> {
  const found = new Map<string, FeatureReference>();
  for (const { reference } of referenceSlots(service))
    for (const feature of Object.keys(reference.view.features)) found.set(`${reference.prefix}.${feature}`, reference);
  return found;
}

function keysOf({ view, binding, prefix }: FeatureReference, { fields }: PredictionRecord): Record<string, KeyPart | null> {
  const { keyTypes } = planView(view);
  return Object.fromEntries(view.entity.keys.map((key, i) => [key, partOfField(fields[boundField(binding, key, prefix)] ?? null, keyTypes[i]!)]));
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
