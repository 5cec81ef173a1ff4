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
 * @throws FOLDER_LOCKED naming the owner; DISK_FULL; STORAGE_WRITE_FAILED if the file cannot be made or is something else
 */
export function lockFolder(file: string): FolderLock {
  const database = openLock(file);
  try {
    database.exec("begin exclusive");
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw cannotLock(file, error);
    throw new KarkhanaError("FOLDER_LOCKED", { path: file, owner: readOwner(file) }, { cause: error });
  }
  try {
    const { pid, started } = ownIdentity();
    writeFileSync(`${file}.owner`, JSON.stringify({ pid, started }));
  } catch {
    // The lock holds without it: on a full disk whoever is refused reads a less exact message.
  }
  return { release: () => database.close() };
}

function openLock(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file, { timeout: 0 });
  } catch (error) {
    throw cannotLock(file, error);
  }
}

const sqliteBusy = 5;
const sqliteFull = 13;

/** Busy, and only that, is another owner: a folder that cannot be written and a damaged file are told as what they are. */
function isBusy(error: unknown): boolean {
  return resultCode(error) === sqliteBusy;
}

function resultCode(error: unknown): number | undefined {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}

function cannotLock(file: string, error: unknown): KarkhanaError {
  if (resultCode(error) === sqliteFull) return new KarkhanaError("DISK_FULL", { path: file }, { cause: error });
  return new KarkhanaError("STORAGE_WRITE_FAILED", { path: file, problem: error instanceof Error ? error.message : String(error) }, { cause: error });
}

function readOwner(file: string): string {
  try {
    const { pid } = JSON.parse(readFileSync(`${file}.owner`, "utf8")) as { pid?: unknown };
    return typeof pid === "number" ? `process ${pid}` : "an unknown process";
  } catch {
    return "an unknown process";
  }
}
