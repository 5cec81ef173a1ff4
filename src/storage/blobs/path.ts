import { KarkhanaError } from "../../kernel/error.ts";

/** Where unfinished blobs lie; no blob path may start with it. */
export const TEMPORARY_FOLDER = ".unfinished";

const MAX_SEGMENT_BYTES = 255;
const MAX_PATH_BYTES = 2048;

/**
 * Segments of a blob path. Checked as text before any disk is touched; an empty path is the root, which only `list` takes.
 * @throws BLOB_PATH_REFUSED
 */
export function parseBlobPath(path: string, allowRoot = false): string[] {
  const refuse = (problem: string): never => {
    throw new KarkhanaError("BLOB_PATH_REFUSED", { path: JSON.stringify(path.slice(0, 200)), problem });
  };
  if (path === "") return allowRoot ? [] : refuse("it is empty");
  if (path.startsWith("/")) refuse("it is absolute");
  if (path.includes("\\")) refuse("it holds a backslash");
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(path)) refuse("it holds a control character");
  if (!path.isWellFormed()) refuse("it is not well-formed Unicode");
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) refuse(`it is longer than ${MAX_PATH_BYTES} bytes`);
  const segments = path.split("/");
  for (const segment of segments) {
    if (segment === "") refuse("it has an empty segment");
    if (segment === "." || segment === "..") refuse(`it has the segment "${segment}"`);
    // Whoever decodes too late, or twice, would find another path than the one checked here.
    if (/%[0-9a-f]{2}/i.test(segment)) refuse("it holds a percent-encoded character");
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) refuse(`a segment is longer than ${MAX_SEGMENT_BYTES} bytes`);
  }
  if (/^[a-z]:/i.test(segments[0]!)) refuse("it starts with a drive letter");
  if (segments[0] === TEMPORARY_FOLDER) refuse(`"${TEMPORARY_FOLDER}" is reserved`);
  return segments;
}
