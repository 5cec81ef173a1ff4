import type { ModelVersion } from "../registry/port.ts";
import { parseProfile } from "../monitoring/profile-file.ts";
import type { ReferenceProfile } from "../monitoring/profile.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import { codeOf } from "../kernel/error.ts";

/** Files of model versions as the console reads them. A version's files never change, so each is read and parsed once. */
export interface VersionFiles {
  /** What the version saw when it was made; undefined if it has no profile. */
  profile(version: ModelVersion): Promise<ReferenceProfile | undefined>;
  /** For each categorical slot its values; a value's position is its code. */
  categories(version: ModelVersion): Promise<Readonly<Record<string, readonly string[]>>>;
}

const maxKept = 64;

export function versionFiles(blobs: Pick<BlobStore, "get">): VersionFiles {
  const profiles = new Map<string, Promise<ReferenceProfile | undefined>>();
  const categories = new Map<string, Promise<Readonly<Record<string, readonly string[]>>>>();
  const text = async (path: string): Promise<string | undefined> => {
    try {
      return new TextDecoder().decode(await blobs.get(path));
    } catch (error) {
      if (codeOf(error) === "BLOB_NOT_FOUND") return undefined;
      throw error;
    }
  };
  return {
    profile: ({ artifactPath }) => once(profiles, artifactPath, async () => optional(await text(`${artifactPath}/profile.json`), parseProfile)),
    categories: ({ artifactPath }) => once(categories, artifactPath, async () => optional(await text(`${artifactPath}/manifest.json`), categoriesIn) ?? {}),
  };
}

/** A failure is not kept: the next reader tries again. */
function once<T>(kept: Map<string, Promise<T>>, key: string, read: () => Promise<T>): Promise<T> {
  const before = kept.get(key);
  if (before !== undefined) return before;
  if (kept.size >= maxKept) kept.delete(kept.keys().next().value!);
  const reading = read();
  kept.set(key, reading);
  reading.then(
    (value) => value === undefined && kept.delete(key),
    () => kept.delete(key),
  );
  return reading;
}

function optional<T>(text: string | undefined, parse: (text: string) => T): T | undefined {
  return text === undefined ? undefined : parse(text);
}

function categoriesIn(text: string): Readonly<Record<string, readonly string[]>> {
  const manifest: unknown = JSON.parse(text);
  const found = typeof manifest === "object" && manifest !== null && "categories" in manifest ? manifest.categories : {};
  return typeof found === "object" && found !== null ? (found as Record<string, string[]>) : {};
}
