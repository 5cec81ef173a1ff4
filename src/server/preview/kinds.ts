/** What an artifact can be shown as, by its name; its content has the last word. */
export type PreviewKind = "text" | "json" | "image" | "table" | "none";

const byExtension: Readonly<Record<string, PreviewKind>> = {
  json: "json",
  csv: "table",
  tsv: "table",
  parquet: "table",
  png: "image",
  jpg: "image",
  jpeg: "image",
  gif: "image",
  webp: "image",
};

/** Never shown as text, whatever is in them: nobody reads them, and some are code. */
const binary = new Set(["pkl", "pickle", "joblib", "skops", "pt", "pth", "onnx", "ubj", "npy", "npz", "zip", "gz", "tar", "bin", "h5", "pdf"]);

export function extensionOf(path: string): string {
  const name = path.split("/").at(-1) ?? "";
  return name.includes(".") ? name.slice(name.lastIndexOf(".") + 1).toLowerCase() : "";
}

export function kindOf(path: string): PreviewKind {
  const extension = extensionOf(path);
  if (binary.has(extension)) return "none";
  return Object.hasOwn(byExtension, extension) ? (byExtension[extension] ?? "text") : "text";
}

const signatures: readonly (readonly [type: string, offset: number, bytes: readonly number[]])[] = [
  ["image/png", 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["image/jpeg", 0, [0xff, 0xd8, 0xff]],
  ["image/gif", 0, [0x47, 0x49, 0x46, 0x38]],
  ["image/webp", 8, [0x57, 0x45, 0x42, 0x50]],
];

/** The type of a raster image by its first bytes; a page that calls itself a picture is none. */
export function imageType(start: Uint8Array): string | undefined {
  return signatures.find(([, offset, bytes]) => bytes.every((byte, i) => start[offset + i] === byte))?.[0];
}

/** Text, as far as it can be told: UTF-8 without NUL. A character cut at the end does not count. */
export function textOf(start: Uint8Array): string | undefined {
  if (start.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(start, { stream: true });
  } catch {
    return undefined;
  }
}
