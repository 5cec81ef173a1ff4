import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { codeOf } from "../kernel/error.ts";
import { lockFolder, type FolderLock } from "../storage/folder-lock.ts";

const lookEveryMs = 50;
/** Many times what an orphan of a killed supervisor may take to end (`endWithSupervisor`: 15 s): where it gets little of the processor, so long. */
const patienceMs = 180_000;
/** Held until the process ends; the kernel lets go. Kept here, since a lock that is collected as garbage is let go of too. */
const held: FolderLock[] = [];

/**
 * Makes this process the one of its role, and of its number among those of the role, in a data folder. A predecessor whose supervisor was killed may still be answering, writing or
 * running the loop's pipelines: it is waited for, and with it its port, its logs and its runs are free.
 * @throws FOLDER_LOCKED if it does not end
 */
export async function lockRole(dataFolder: string, role: "control" | "serving", number = 0): Promise<void> {
  held.push(await patiently(join(dataFolder, "run"), number === 0 ? role : `${role}-${number}`));
}

/** Resolves once no process of a killed supervisor writes to the folder any more. @throws FOLDER_LOCKED */
export async function untilOrphansEnded(dataFolder: string): Promise<void> {
  (await patiently(join(dataFolder, "run"), "control")).release();
  await untilServingEnded(dataFolder);
}

/** The same of serving processes alone, however many there were: the ports are free then. @throws FOLDER_LOCKED */
export async function untilServingEnded(dataFolder: string): Promise<void> {
  const runFolder = join(dataFolder, "run");
  mkdirSync(runFolder, { recursive: true });
  for (const name of readdirSync(runFolder)) {
    const [, role] = /^(serving(?:-\d+)?)\.lock$/.exec(name) ?? [];
    if (role !== undefined) (await patiently(runFolder, role)).release();
  }
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
