import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { codeOf } from "../kernel/error.ts";
import { lockFolder, type FolderLock } from "../storage/folder-lock.ts";

const lookEveryMs = 50;
/** Longer than an orphan of a killed supervisor takes to end: 8 s at most to close, then whatever native work is under way. */
const patienceMs = 30_000;
/** Held until the process ends; the kernel lets go. Kept here, since a lock that is collected as garbage is let go of too. */
const held: FolderLock[] = [];

/**
 * Makes this process the one of its role in a data folder. A predecessor whose supervisor was killed may still be answering, writing or
 * running the loop's pipelines: it is waited for, and with it its port, its logs and its runs are free.
 * @throws FOLDER_LOCKED if it does not end
 */
export async function lockRole(dataFolder: string, role: "control" | "serving"): Promise<void> {
  held.push(await patiently(join(dataFolder, "run"), role));
}

/** Resolves once no process of a killed supervisor writes to the folder any more. @throws FOLDER_LOCKED */
export async function untilOrphansEnded(dataFolder: string): Promise<void> {
  for (const role of ["control", "serving"]) (await patiently(join(dataFolder, "run"), role)).release();
}

async function patiently(runFolder: string, role: string): Promise<FolderLock> {
  mkdirSync(runFolder, { recursive: true });
  const path = join(runFolder, `${role}.lock`);
  for (let waitedMs = 0; ; waitedMs += lookEveryMs) {
    try {
      return lockFolder(path);
    } catch (error) {
      if (codeOf(error) !== "FOLDER_LOCKED" || waitedMs >= patienceMs) throw error;
      await wait(lookEveryMs);
    }
  }
}
