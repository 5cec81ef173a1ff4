import { constants } from "node:fs";
import { lstat, open, readdir, realpath } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Refused, SourceFile } from "./source.ts";

const maxDepth = 64;
const maxFiles = 1_000_000;
const chunkBytes = 256 * 1024;

/** A folder whose files may be read, and nothing outside it, whatever a source says and whatever links lead out. */
export class ConfinedFolder {
  readonly #root: string;
  readonly #refused: Refused[];

  private constructor(root: string, refused: Refused[]) {
    this.#root = root;
    this.#refused = refused;
  }

  /** @returns undefined if there is no such folder */
  static async open(folder: string, refused: Refused[]): Promise<ConfinedFolder | undefined> {
    try {
      return new ConfinedFolder(await realpath(folder), refused);
    } catch {
      return undefined;
    }
  }

  get root(): string {
    return this.#root;
  }

  /** The folder's own place if it is there and inside, links resolved. */
  async inside(folder: string): Promise<string | undefined> {
    try {
      const real = await realpath(path.resolve(this.#root, folder));
      return real === this.#root || real.startsWith(this.#root + path.sep) ? real : undefined;
    } catch {
      return undefined;
    }
  }

  /** Every file below a folder of it. Links and things that are no files are refused by name. */
  async *files(folder: string, owner: string): AsyncGenerator<SourceFile> {
    const top = await this.inside(folder);
    if (top === undefined) return;
    const folders: { at: string; below: string; depth: number }[] = [{ at: top, below: "", depth: 0 }];
    let seen = 0;
    for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
      const { at, below, depth } = next;
      for (const entry of (await readdir(at, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
        const own = below === "" ? entry.name : `${below}/${entry.name}`;
        const file = path.join(at, entry.name);
        if (entry.isDirectory() && depth < maxDepth) folders.push({ at: file, below: own, depth: depth + 1 });
        else if (entry.isFile() && seen++ < maxFiles) yield { path: own, sizeBytes: (await lstat(file)).size, open: () => readFile(file) };
        else
          this.#refused.push({
            what: `${owner}: ${own}`,
            why: entry.isSymbolicLink() ? "it is a link" : entry.isDirectory() ? "it is nested too deep" : "it is no file",
          });
      }
    }
  }

  /** Text of a small file inside, without following a link; undefined if it is not there. @throws if it is larger */
  async text(file: string, maxBytes: number): Promise<string | undefined> {
    const folder = await this.inside(path.dirname(file));
    if (folder === undefined) return undefined;
    let handle;
    try {
      handle = await open(path.join(folder, path.basename(file)), constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch {
      return undefined;
    }
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) return undefined;
      if (stat.size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`);
      return await handle.readFile("utf8");
    } finally {
      await handle.close();
    }
  }

  /** Bytes of a file inside; 0 if it is none. */
  async size(file: string): Promise<number> {
    const folder = await this.inside(path.dirname(file));
    if (folder === undefined) return 0;
    const stat = await lstat(path.join(folder, path.basename(file))).catch(() => undefined);
    return stat?.isFile() === true ? stat.size : 0;
  }

  /** Names of folders (or files) in a folder of it; links are not among them. */
  async names(folder: string, kind: "folders" | "files"): Promise<string[]> {
    const at = await this.inside(folder);
    if (at === undefined) return [];
    const entries = await readdir(at, { withFileTypes: true });
    return entries
      .filter((e) => (kind === "folders" ? e.isDirectory() : e.isFile()))
      .map((e) => e.name)
      .sort();
  }
}

async function* readFile(file: string): AsyncGenerator<Uint8Array> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    for (;;) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** The path a location names on this machine; undefined if it names something else, such as a bucket. */
export function localPath(location: string): string | undefined {
  if (/^file:/i.test(location)) {
    try {
      return location.startsWith("file:///") ? fileURLToPath(location) : decodeURIComponent(location.slice("file:".length));
    } catch {
      return undefined;
    }
  }
  return /^[a-z][a-z0-9+.-]+:/i.test(location) ? undefined : location;
}
