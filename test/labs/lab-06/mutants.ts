import type { Mutant } from "../fixture.ts";

export const mutants: readonly Mutant[] = [
  { name: "divides by n", of: "jacobi.js", from: "/ (n - 1)),", to: "/ n),", killedBy: "two rows" },
  { name: "does not centre", of: "one-sided.js", from: "rows.map((row) => row[j] - m)", to: "rows.map((row) => row[j])", killedBy: "far from the origin" },
  { name: "smallest first", of: "jacobi.js", from: "a[j][j] - a[i][i])", to: "a[i][i] - a[j][j])", killedBy: "a cloud with clear axes" },
  {
    name: "ratios of the kept variances only",
    of: "jacobi.js",
    from: "a[j][j] / total",
    to: "a[j][j] / top.reduce((s, i) => s + a[i][i], 0)",
    killedBy: "a cloud with clear axes",
  },
  { name: "rows of the eigenvector matrix in place of its columns", of: "jacobi.js", from: "v.map((row) => row[j])", to: "v[j]", killedBy: "all components" },
  { name: "one sweep of rotations", of: "jacobi.js", from: "sweep < 50", to: "sweep < 1", killedBy: "fewer rows than columns" },
  { name: "scales the columns", of: "one-sided.js", from: "row[j] - m)", to: "(row[j] - m) / (1 + Math.abs(m)))", killedBy: "far from the origin" },
];
