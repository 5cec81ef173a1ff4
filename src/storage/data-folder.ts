import { randomUUID } from "node:crypto";
import { access, constants, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { KarkhanaError } from "../kernel/error.ts";
import { errnoOf } from "./errno.ts";
import { syncFolder } from "./sync-folder.ts";

const FORMAT = 1;

/** Where everything is kept. Deleting `root` deletes everything; copying it (while nothing runs) moves everything. */
export interface DataFolder {
  readonly root: string;
  /** SQLite file of the metadata. */
  readonly metaFile: string;
  readonly onlineFolder: string;
  readonly offlineFolder: string;
  readonly blobsFolder: string;
  readonly logFolder: string;
  /** Process ids and sockets; means nothing once the processes are gone. */
  readonly runFolder: string;
}

/**
 * Opens or starts a data folder. Two processes may do so at once.
 * @throws DATA_DIR_NEWER if a newer Karkhana wrote it; DATA_DIR_REFUSED if it cannot be written or holds something else
 */
export async function openDataFolder(root: string): Promise<DataFolder> {
  const at = (name: string): string => path.join(root, name);
  const folder: DataFolder = {
    root,
    metaFile: at("meta.db"),
    onlineFolder: at("online"),
    offlineFolder: at("offline"),
    blobsFolder: at("blobs"),
    logFolder: at("log"),
    runFolder: at("run"),
  };
  try {
    await mkdir(root, { recursive: true });
    if (!(await checkFormat(root))) await writeFormat(root);
    for (const part of [folder.onlineFolder, folder.offlineFolder, folder.blobsFolder, folder.logFolder, folder.runFolder])
      await mkdir(part, { recursive: true });
    // A folder made by an earlier start may have become read-only since.
    const probe = path.join(root, temporaryName());
    await (await open(probe, "wx")).close();
    await rm(probe);
    await syncFolder(root);
  } catch (error) {
    const code = errnoOf(error);
    if (error instanceof KarkhanaError || code === undefined) throw error;
    if (code === "ENOSPC" || code === "EDQUOT") throw new KarkhanaError("DISK_FULL", { path: root }, { cause: error });
    throw new KarkhanaError("DATA_DIR_REFUSED", { path: root, problem: problems[code] ?? `the operating system says ${code}` }, { cause: error });
  }
  return folder;
}

/**
 * What opening the folder would find, without making or changing anything.
 * @throws DATA_DIR_NEWER, DATA_DIR_REFUSED, STORAGE_CORRUPT as `openDataFolder` would
 */
export async function lookAtDataFolder(root: string): Promise<"new" | "known"> {
  try {
    await access(root, constants.R_OK | constants.W_OK);
    return (await checkFormat(root)) ? "known" : "new";
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT") return "new";
    if (error instanceof KarkhanaError || code === undefined) throw error;
    throw new KarkhanaError("DATA_DIR_REFUSED", { path: root, problem: problems[code] ?? `the operating system says ${code}` }, { cause: error });
  }
}

const problems: Readonly<Record<string, string>> = {
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "it lies on a read-only file system",
  ENOTDIR: "a part of the path is a file",
  EEXIST: "it is a file",
};

/** False if the folder is new. */
async function checkFormat(root: string): Promise<boolean> {
  const file = path.join(root, "format.json");
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    // A wrong --data, such as a home folder, must not be filled with our files. A start that was killed leaves only temporary files.
    const names = await readdir(root);
    // Another process started it between our two looks.
    if (names.includes("format.json")) return checkFormat(root);
    // A person may put model files in place before the first start.
    const foreign = names.find((name) => name !== "models" && !temporaryPattern.test(name));
    if (foreign !== undefined)
      throw new KarkhanaError("DATA_DIR_REFUSED", { path: root, problem: `it holds other things, such as ${JSON.stringify(foreign)}, and no format.json` });
    return false;
  }
  const format = readFormat(text);
  if (format === undefined) throw new KarkhanaError("STORAGE_CORRUPT", { path: file, store: "a format file", problem: 'expected {"format":<number>}' });
  if (format > FORMAT) throw new KarkhanaError("DATA_DIR_NEWER", { path: root, found: `format ${format}`, known: `format ${FORMAT}` });
  return true;
}

function readFormat(text: string): number | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null || !("format" in parsed)) return undefined;
  const { format } = parsed;
  return typeof format === "number" && Number.isInteger(format) && format >= 1 ? format : undefined;
}

async function writeFormat(root: string): Promise<void> {
  const temporary = path.join(root, temporaryName());
  const handle = await open(temporary, "wx");
  try {
    await handle.writeFile(`${JSON.stringify({ format: FORMAT })}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path.join(root, "format.json"));
}

const temporaryPattern = /^\.starting-[0-9a-f-]+$/;

function temporaryName(): string {
  return `.starting-${randomUUID()}`;
}
