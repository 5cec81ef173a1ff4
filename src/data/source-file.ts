import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";

import { KarkhanaError } from "../kernel/error.ts";

/** What tells whether a file was written to or replaced since. */
export interface FileStamp {
  readonly sizeBytes: number;
  /** Device, inode, modification and change time in nanoseconds: a change of content moves at least one, unless someone sets the machine's clock back to hide it. */
  readonly identity: string;
}

/** @throws SOURCE_UNREADABLE */
export async function stampOf(file: string): Promise<FileStamp> {
  const info = await stat(file, { bigint: true }).catch((error: unknown) => unreadable(file, error));
  if (!info.isFile()) throw new KarkhanaError("SOURCE_UNREADABLE", { path: file, problem: "it is not a file" });
  if (info.size === 0n) throw new KarkhanaError("SOURCE_UNREADABLE", { path: file, problem: "it is empty" });
  return { sizeBytes: Number(info.size), identity: `${info.dev} ${info.ino} ${info.size} ${info.mtimeNs} ${info.ctimeNs}` };
}

/** SHA-256 of the file's bytes, read piece by piece. @throws SOURCE_UNREADABLE */
export async function sha256OfFile(file: string): Promise<string> {
  const digest = createHash("sha256");
  try {
    for await (const piece of createReadStream(file, { highWaterMark: 1 << 20 })) digest.update(piece as Uint8Array);
  } catch (error) {
    return unreadable(file, error);
  }
  return digest.digest("hex");
}

function unreadable(file: string, error: unknown): never {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  const problem =
    code === "ENOENT" ? "there is no such file" : code === "EACCES" ? "permission denied" : error instanceof Error ? error.message : String(error);
  throw new KarkhanaError("SOURCE_UNREADABLE", { path: file, problem }, { cause: error });
}
