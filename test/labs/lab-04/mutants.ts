import type { Mutant } from "../fixture.ts";

const of = "jacobi.js";
const power = `const dot0 = (x, y) => x.reduce((s, e, i) => s + e * y[i], 0);
  let m0 = matrix.map((row) => [...row]); const [values0, vectors0] = [[], []];
  while (values0.length < matrix.length) { let u = matrix.map((_, i) => 1 + i * 0.37);
    for (let step = 0; step < 500; step++) { const w = m0.map((row) => dot0(row, u)); const l = Math.hypot(...w); u = w.map((e) => e / l); }
    const value = dot0(u, m0.map((row) => dot0(row, u))); values0.push(value); vectors0.push(u);
    m0 = m0.map((row, i) => row.map((e, j) => e - value * u[i] * u[j])); }
  return { values: values0, vectors: vectors0 };
  `;
const first = "const n = matrix.length;";
export const mutants: readonly Mutant[] = [
  { name: "power iteration on opposite values", of, from: first, to: power + first, killedBy: "two opposite values" },
  { name: "power iteration on a matrix of rank one", of, from: first, to: power + first, killedBy: "rank one" },
  { name: "power iteration sorts by size", of, from: first, to: power + first, killedBy: "negative values" },
  { name: "in the order they come", of, from: "sort((i, j) => a[j][j] - a[i][i])", to: "slice()", killedBy: "diagonal, not in order" },
  { name: "by absolute value", of, from: "a[j][j] - a[i][i])", to: "Math.abs(a[j][j]) - Math.abs(a[i][i]))", killedBy: "negative values" },
  {
    name: "rows of the vectors in place of columns",
    of,
    from: "order.map((i) => v.map((row) => row[i]))",
    to: "order.map((i) => v[i])",
    killedBy: "twelve rows",
  },
  {
    name: "vectors not put in order",
    of,
    from: "order.map((i) => v.map((row) => row[i]))",
    to: "a.map((_, i) => v.map((row) => row[i]))",
    killedBy: "diagonal, not in order",
  },
  { name: "one round of rotations", of, from: "sweep < 60", to: "sweep < 1", killedBy: "twelve rows" },
  { name: "small elements are left", of, from: "if (a[p][q] === 0) continue;", to: "if (Math.abs(a[p][q]) < 1e-5) continue;", killedBy: "from 1 to 1e-8" },
];
