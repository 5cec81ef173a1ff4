import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DataFolder } from "../storage/data-folder.ts";

/** Where large sorts spill. */
export function tempFolderOf(folder: DataFolder): string {
  return join(folder.runFolder, "temp");
}

/**
 * Removes what processes that were killed left half-made: spilled sorts, and training sets that were being written (features/offline). Each may
 * be gigabytes, and nobody looks at them again. Only for the one process that runs workflows on the folder, before it begins.
 */
export async function removeLeftovers(folder: DataFolder): Promise<void> {
  await rm(tempFolderOf(folder), { recursive: true, force: true });
  for (const name of await readdir(folder.offlineFolder)) if (name.startsWith(".unfinished-")) await rm(join(folder.offlineFolder, name), { force: true });
}
