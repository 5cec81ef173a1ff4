/** The log of segment files: where the two halves are, for those who use them. */
export { openSegmentReader } from "./reader.ts";
export { openSegmentWriter } from "./writer.ts";
