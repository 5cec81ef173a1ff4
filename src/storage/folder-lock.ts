import { readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { KarkhanaError } from "../kernel/error.ts";
import { ownIdentity } from "./process-identity.ts";

export interface FolderLock {
  release(): void;
}

/**
 * Takes `file` as this process's lock, or refuses at once. The lock is the operating system's own (SQLite's exclusive file lock on an
 * empty database): the kernel drops it with the process, however it dies, so a dead owner needs no judging and two successors
 * cannot both win. Beside it, `<file>.owner` says who holds it, for the message only.
 * Hazard: POSIX drops a process's locks when *any* of its descriptors of the file closes; nothing in this process may open it otherwise.
 * @throws FOLDER_LOCKED naming the owner
 */
export function lockFolder(file: string): FolderLock {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec("begin exclusive");
  } catch (error) {
    database.close();
    throw new KarkhanaError("FOLDER_LOCKED", { path: file, owner: readOwner(file) }, { cause: error });
  }
  const { pid, started } = ownIdentity();
  writeFileSync(`${file}.owner`, JSON.stringify({ pid, started }));
  return { release: () => database.close() };
}

function readOwner(file: string): string {
  try {
    const { pid } = JSON.parse(readFileSync(`${file}.owner`, "utf8")) as { pid?: unknown };
    return typeof pid === "number" ? `process ${pid}` : "an unknown process";
  } catch {
    return "an unknown process";
  }
}
