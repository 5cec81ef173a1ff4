import type { Mutant } from "../fixture.ts";

const of = "svd.js";
const normal = (ridge: number): string =>
  `const d0 = x[0].length; const a0 = x[0].map((_, i) => [...x[0].map((_, j) => x.reduce((s, r) => s + r[i] * r[j], 0) + (i === j ? ${ridge} : 0)), x.reduce((s, r, m) => s + r[i] * y[m], 0)]);
  for (let i = 0; i < d0; i++) for (let j = 0; j < d0; j++) if (j !== i) { const f = a0[j][i] / a0[i][i]; for (let c = i; c <= d0; c++) a0[j][c] -= f * a0[i][c]; }
  return a0.map((r, i) => r[d0] / r[i]);
  `;
const first = "const wide = x.length < x[0].length;";
export const mutants: readonly Mutant[] = [
  { name: "normal equations", of, from: first, to: normal(0) + first, killedBy: "condition 1e7" },
  { name: "normal equations on a repeated column", of, from: first, to: normal(0) + first, killedBy: "a repeated column" },
  { name: "a little ridge to be safe", of, from: first, to: normal(1e-6) + first, killedBy: "condition 1e7" },
  { name: "drops singular values below 1e-5", of, from: "1e-20 * Math.max", to: "1e-10 * Math.max", killedBy: "condition 1e7" },
  { name: "keeps every singular value", of, from: "1e-20 * Math.max", to: "-1 * Math.max", killedBy: "a column of zeros" },
  {
    name: "a solution, not the smallest",
    of: "complete-orthogonal.js",
    from: "return columns.map((_, j) => rows.reduce((sum, { u, value }) => sum + value * u[j], 0));",
    to: "const w0 = columns.map((_, j) => rows.reduce((sum, { u, value }) => sum + value * u[j], 0));\n  if (rows.length < w0.length) { let z = w0.map((_, j) => 1 + j * j); for (const { u } of rows) z = z.map((a, j, all) => a - dot(all, u) * u[j]); return w0.map((a, j) => a + z[j]); }\n  return w0;",
    killedBy: "fewer rows than columns",
  },
  { name: "one sweep of rotations", of, from: "sweep < 80", to: "sweep < 1", killedBy: "well conditioned, with noise" },
  {
    name: "centres y as if there were an intercept",
    of,
    from: first,
    to: "const m0 = y.reduce((a, b) => a + b, 0) / y.length; y = y.map((v) => v - m0);\n  " + first,
    killedBy: "square and exact",
  },
];
