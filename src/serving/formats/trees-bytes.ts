import type { FlatTrees } from "../../learn/trees/flat-trees.ts";

/** What loaded trees keep in memory, bytes. */
export function treesBytes(trees: FlatTrees): number {
  let bytes = 0;
  for (const values of Object.values(trees)) if (ArrayBuffer.isView(values)) bytes += values.byteLength;
  for (const values of Object.values(trees.linear ?? {})) bytes += values.byteLength;
  return bytes;
}
