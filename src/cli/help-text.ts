import { wrapped } from "./terminal-text.ts";

/** Beyond this a name stands on a line of its own, so that what it means keeps its room. */
const widestName = 28;

/** Names and what they mean, as a list that no terminal of `width` columns breaks. */
export function twoColumns(rows: readonly (readonly [name: string, meaning: string])[], width: number): string {
  const left = Math.min(widestName, Math.max(...rows.map(([name]) => name.length)));
  const indent = " ".repeat(left + 4);
  return rows
    .flatMap(([name, meaning]) => {
      const [first = "", ...rest] = wrapped(meaning, Math.max(20, width - indent.length));
      const lines = rest.map((line) => `${indent}${line}`);
      return name.length > left ? [`  ${name}`, `${indent}${first}`, ...lines] : [`  ${name.padEnd(left)}  ${first}`, ...lines];
    })
    .join("\n");
}
