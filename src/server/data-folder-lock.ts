import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { codeOf, KarkhanaError, toErrorRecord } from "../kernel/error.ts";
import { lockFolder, type FolderLock } from "../storage/folder-lock.ts";

/**
 * One supervisor a data folder. The operating system's own lock, which goes with its owner: of two that start at once after a `kill -9`,
 * one wins.
 * @returns releases the lock @throws DATA_DIR_IN_USE
 */
export function lockDataFolder(dataFolder: string): () => void {
  mkdirSync(join(dataFolder, "run"), { recursive: true });
  let lock: FolderLock;
  try {
    lock = lockFolder(join(dataFolder, "run", "supervisor.lock"));
  } catch (error) {
    if (codeOf(error) !== "FOLDER_LOCKED") throw error;
    const owner = String(toErrorRecord(error).details["owner"]);
    throw new KarkhanaError("DATA_DIR_IN_USE", { dataFolder, pid: owner.replace(/^process /, "") }, { cause: error });
  }
  return () => lock.release();
}
