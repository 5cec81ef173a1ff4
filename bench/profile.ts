/** Reads a `--cpu-prof` file: self time by function and by file. `node bench/profile.ts <file.cpuprofile> [rows]` */
import { readFileSync } from "node:fs";

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

const profile = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as { nodes: ProfileNode[]; samples: number[]; timeDeltas: number[] };
const rows = Number(process.argv[3] ?? 40);
const byId = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
const byFunction = new Map<string, number>();
const byFile = new Map<string, number>();
let busy = 0;
for (const [i, id] of profile.samples.entries()) {
  const { functionName, url, lineNumber } = byId.get(id)!;
  const us = profile.timeDeltas[i]!;
  if (functionName === "(idle)") continue;
  busy += us;
  const file = url === "" ? "(native)" : url.replace(/^.*\/(node_modules|src)\//, "$1/");
  const name = `${functionName || "(anonymous)"}  ${file}:${lineNumber + 1}`;
  byFunction.set(name, (byFunction.get(name) ?? 0) + us);
  byFile.set(file, (byFile.get(file) ?? 0) + us);
}
for (const [title, counts] of [
  ["self time by function", byFunction],
  ["self time by file", byFile],
] as const) {
  console.log(`\n${title}, share of the time not idle (${(busy / 1e6).toFixed(1)} s)`);
  for (const [name, us] of [...counts].sort((a, b) => b[1] - a[1]).slice(0, rows)) console.log(`${((us / busy) * 100).toFixed(1).padStart(6)} %  ${name}`);
}
