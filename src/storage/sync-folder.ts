import { open } from "node:fs/promises";
import { errnoOf } from "./errno.ts";

/** Puts a folder's entries on disk: a created or renamed file survives a power cut only after this. */
export async function syncFolder(folder: string): Promise<void> {
  let handle;
  try {
    handle = await open(folder, "r");
    await handle.sync();
  } catch (error) {
    // Windows cannot open a folder, some network file systems cannot sync one; there the file system alone decides.
    if (!["EISDIR", "EPERM", "EINVAL", "ENOTSUP", "EACCES"].includes(errnoOf(error) ?? "")) throw error;
  } finally {
    await handle?.close();
  }
}
