import { readdir } from "node:fs/promises";
import path from "node:path";
import { KarkhanaError } from "../../kernel/error.ts";
import { errnoOf } from "../errno.ts";

export interface SegmentFile {
  readonly path: string;
  /** Offset of its first record. */
  readonly base: number;
}

export function segmentPath(folder: string, base: number): string {
  return path.join(folder, `${String(base).padStart(20, "0")}.seg`);
}

/** Segments in order of their records; none if the folder is absent. */
export async function listSegments(folder: string): Promise<SegmentFile[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
  return names
    .filter((name) => /^\d{20}\.seg$/.test(name))
    .sort()
    .map((name) => ({ path: path.join(folder, name), base: Number(name.slice(0, 20)) }));
}

export function corrupt(file: string, position: number, problem: string): KarkhanaError {
  return new KarkhanaError("SEGMENT_CORRUPT", { path: file, position, problem });
}
