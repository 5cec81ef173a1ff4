import { fork } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";

export interface TablePreview {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly (string | null)[])[];
  readonly totalRows: number | null;
  readonly moreColumns: number;
}

export type PreviewAnswer = { readonly kind: "table"; readonly table: TablePreview } | { readonly kind: "failed"; readonly why: string };

export interface PreviewTask {
  readonly file: string;
  readonly format: "parquet" | "csv";
  /** The file is only the beginning of the artifact. */
  readonly cut: boolean;
}

const patienceMs = 20_000;
const maxAtOnce = 2;
let atWork = 0;
const waiting: (() => void)[] = [];

/**
 * The first rows of a table, read by DuckDB in a process of its own: a file made to crash a reader takes down that process and no other.
 * @returns why it cannot be read, if it cannot
 */
export async function previewTable(content: AsyncIterable<Uint8Array>, format: PreviewTask["format"], maxBytes: number): Promise<TablePreview | string> {
  if (atWork >= maxAtOnce) await new Promise<void>((resolve) => waiting.push(resolve));
  atWork++;
  const folder = await mkdtemp(path.join(tmpdir(), "karkhana-preview-"));
  try {
    const file = path.join(folder, `artifact.${format}`);
    const { cut } = await copyStart(content, file, maxBytes);
    const answer = await read({ file, format, cut });
    return answer.kind === "table" ? answer.table : answer.why;
  } finally {
    await rm(folder, { recursive: true, force: true });
    atWork--;
    waiting.shift()?.();
  }
}

async function copyStart(content: AsyncIterable<Uint8Array>, file: string, maxBytes: number): Promise<{ cut: boolean }> {
  let left = maxBytes;
  let cut = false;
  await pipeline(async function* () {
    for await (const chunk of content) {
      if (chunk.length > left) {
        yield chunk.subarray(0, left);
        cut = true;
        return;
      }
      left -= chunk.length;
      yield chunk;
    }
  }, createWriteStream(file));
  return { cut };
}

function read(task: PreviewTask): Promise<PreviewAnswer> {
  const url = new URL(`./table-preview-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
  // Nothing of this program's environment: the reader needs no secret.
  const child = fork(url, [], { env: {}, stdio: ["ignore", "ignore", "ignore", "ipc"], serialization: "json" });
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      resolve({ kind: "failed", why: `reading it took longer than ${patienceMs / 1000} s` });
    }, patienceMs);
    const end = (answer: PreviewAnswer): void => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      resolve(answer);
    };
    child.once("message", (answer: PreviewAnswer) => end(answer));
    child.once("error", () => end({ kind: "failed", why: "the process that reads tables could not be started" }));
    child.once("exit", () => end({ kind: "failed", why: "the file made its reader crash" }));
    child.send(task);
  });
}
