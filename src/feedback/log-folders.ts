import { readdir } from "node:fs/promises";
import path from "node:path";
import { errnoOf } from "../storage/errno.ts";

/*
 * <log folder>/                       of serving process 0, as it always was: predictions/, labels/
 * <log folder>/process-<n>/           of serving process n of the same machine
 * <log folder>/<pod>[/process-<n>]/   of a replica on another machine that logs to this volume
 * <log folder>/order/                 the order in which all of them are read as one
 * <log folder>/pushes/, exchanges/    logs of other things: pushed rows, exchanges with language models
 */

export type LogKind = "predictions" | "labels";

const own: ReadonlySet<string> = new Set(["predictions", "labels", "order", "pushes", "exchanges"]);

/** Folder of the log that a serving process writes. */
export function logFolderOf(logFolder: string, process: number): string {
  return process === 0 ? logFolder : path.join(logFolder, `process-${process}`);
}

export function orderFolderOf(logFolder: string, kind: LogKind): string {
  return path.join(logFolder, "order", kind);
}

/** Names of the logs in a folder besides its own, whoever wrote them and whether or not they are still written. */
export async function otherLogs(logFolder: string, kind: LogKind | "exchanges"): Promise<string[]> {
  const found: string[] = [];
  for (const name of await foldersIn(logFolder)) {
    if (own.has(name)) continue;
    const inside = await foldersIn(path.join(logFolder, name));
    if (inside.includes(kind)) found.push(name);
    for (const nested of inside) if (!own.has(nested) && (await foldersIn(path.join(logFolder, name, nested))).includes(kind)) found.push(`${name}/${nested}`);
  }
  return found.sort(new Intl.Collator("en", { numeric: true }).compare);
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}
