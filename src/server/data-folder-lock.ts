import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KarkhanaError } from "../kernel/error.ts";
import { lifeOf, ownIdentity, type ProcessIdentity } from "../storage/process-identity.ts";

/**
 * One supervisor a data folder. The lock is a file made exclusively that says who owns it; one whose owner is dead is taken over.
 * @returns releases the lock @throws DATA_DIR_IN_USE
 */
export function lockDataFolder(dataFolder: string): () => void {
  const path = join(dataFolder, "run", "supervisor.json");
  mkdirSync(join(dataFolder, "run"), { recursive: true });
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(path, JSON.stringify(ownIdentity()), { flag: "wx" });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (!(error instanceof Error) || !("code" in error) || error.code !== "EEXIST" || attempt > 3) throw error;
      const owner = readOwner(path);
      if (owner !== undefined && lifeOf(owner) !== "dead") throw new KarkhanaError("DATA_DIR_IN_USE", { dataFolder, pid: owner.pid });
      rmSync(path, { force: true });
    }
  }
}

/** Undefined for a lock whose writer died between making the file and filling it. */
function readOwner(path: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as ProcessIdentity;
  } catch {
    return undefined;
  }
}
