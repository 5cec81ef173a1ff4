import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";

const lookEveryMs = 500;
/** A lock without a process's number in it is being written. */
const writingMs = 10_000;

/**
 * Makes a folder once, however many processes ask for it at a time: one makes it, the others wait. A folder whose maker was killed is made
 * again. `make` finds the folder empty.
 */
export function makeOnce(folder: string, make: () => void): void {
  // Written last: a folder without it was not finished.
  const complete = path.join(folder, "complete");
  const lock = `${folder}.lock`;
  mkdirSync(path.dirname(folder), { recursive: true });
  while (!existsSync(complete)) {
    if (!take(lock)) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lookEveryMs);
      continue;
    }
    try {
      if (existsSync(complete)) return;
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder);
      make();
      writeFileSync(complete, "");
    } finally {
      rmSync(lock, { force: true });
    }
  }
}

function take(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    if (isLeft(lock)) rmSync(lock, { force: true });
    return false;
  }
}

function isLeft(lock: string): boolean {
  try {
    const holder = Number(readFileSync(lock, "utf8"));
    if (holder === 0) return Date.now() - statSync(lock).mtimeMs > writingMs;
    process.kill(holder, 0);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}
