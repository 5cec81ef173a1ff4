import { compareVectors, type ServedVector } from "../../features/parity.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import { hash32 } from "../../kernel/rng.ts";
import { loadVersionArtifact } from "../../serving/artifact.ts";
import { openFileBlobs } from "../../storage/blobs/files.ts";
import { openDuckDb } from "../../storage/duckdb/duckdb.ts";
import { loadModel } from "./load-model.ts";
import type { Job } from "./job.ts";
import { visitLog, type LogPlace } from "./read-log.ts";

export type ParityInput = {
  readonly projectFile: string;
  readonly model: string;
  readonly relations: Readonly<Record<string, string>>;
  readonly logFolder: string;
  readonly from: LogPlace;
  readonly blobsFolder: string;
  /** Blob folders of versions, by number: their dictionaries give categories their codes. */
  readonly versions: Readonly<Record<string, string>>;
  /** About how many vectors to recompute, out of how many were served. */
  readonly sample: number;
  readonly served: number;
  readonly threads: number;
  readonly memoryLimitMb: number;
  readonly tempFolder: string;
};

export type ParityOutput = {
  readonly vectors: number;
  readonly values: number;
  readonly mismatches: number;
  /** The first differences, for a person to look at. */
  readonly differences: readonly { readonly id: string; readonly slot: string; readonly served: number | null; readonly offline: number | null }[];
};

/** Recomputes a sample of served vectors by the offline SQL and compares them value by value, exactly. */
export const parity: Job<ParityInput, ParityOutput> = async (input, progress) => {
  const model = await loadModel(input);
  const threshold = Math.min(1, input.sample / Math.max(1, input.served)) * 2 ** 32;
  const byVersion = new Map<number, Map<string, ServedVector>>();
  await visitLog(input.logFolder, {
    model: input.model,
    from: input.from,
    prediction: (record) => {
      if (record.serviceHash !== model.service.hash || hash32(record.id, 17) >= threshold) return;
      let own = byVersion.get(record.version);
      if (own === undefined) byVersion.set(record.version, (own = new Map()));
      own.set(`${record.id}/${record.role}/${own.size}`, { id: record.id, timeUs: record.askedUs, fields: record.fields, vector: record.vector });
    },
  });
  const blobs = await openFileBlobs(input.blobsFolder);
  const duck = await openDuckDb({ threads: input.threads, memoryLimitMb: input.memoryLimitMb, tempFolder: input.tempFolder });
  const total = [...byVersion.values()].reduce((sum, own) => sum + own.size, 0);
  const result = { vectors: 0, values: 0, mismatches: 0, differences: [] as ParityOutput["differences"][number][] };
  try {
    for (const [version, own] of byVersion) {
      const path = input.versions[String(version)];
      if (path === undefined) throw new KarkhanaError("INTERNAL", { problem: `version ${version} answered but is not in the registry` });
      const { manifest } = await loadVersionArtifact(blobs, path);
      const differences = await compareVectors(duck, {
        service: model.service,
        relations: (source) => input.relations[source.name] ?? "",
        served: [...own.values()],
        dictionary: manifest.categories,
      });
      result.vectors += own.size;
      result.values += own.size * model.service.slots.length;
      result.mismatches += differences.length;
      for (const d of differences.slice(0, 100 - result.differences.length))
        result.differences.push({ id: d.id, slot: d.slot, served: finite(d.served), offline: finite(d.offline) });
      progress(result.vectors, total, "vectors");
    }
  } finally {
    await duck.close();
  }
  return result;
};

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
