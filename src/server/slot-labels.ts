import type { SlotProfile } from "../monitoring/slot-bins.ts";

/** One name a cell, in the order of the counts. */
export function cellLabels({ type, edges, categories }: Pick<SlotProfile, "type" | "edges" | "categories">, values: readonly string[] | undefined): string[] {
  if (type === "categorical") return [...categories.map((code) => values?.[code] ?? `code ${code}`), "other", "null"];
  const text = (v: number): string => String(Number(v.toPrecision(4)));
  const inner = edges.slice(1).map((edge, i) => `${text(edges[i]!)} to ${text(edge)}`);
  const first = edges[0];
  return first === undefined ? ["any", "null"] : [`≤ ${text(first)}`, ...inner, `> ${text(edges.at(-1)!)}`, "null"];
}
