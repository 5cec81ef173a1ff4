import type { Mutant } from "../fixture.ts";

const of = "one-sided.js";
export const mutants: readonly Mutant[] = [
  {
    name: "vectors of the value 0 are left at 0",
    of,
    from: "long.push(u.map((e) => e / length));",
    to: "long.push(value <= 1e-14 * order[0].value ? u.map(() => 0) : u.map((e) => e / length));",
    killedBy: "rank 2 of 4",
  },
  { name: "0 / 0 on a matrix of zeros", of, from: "if (value <= 1e-14 * order[0].value) {", to: "if (value < 1e-14 * order[0].value) {", killedBy: "all zero" },
  { name: "values squared", of, from: "value: Math.sqrt(dot(column, column))", to: "value: dot(column, column)", killedBy: "square" },
  { name: "smallest first", of, from: "sort((x, y) => y.value - x.value)", to: "sort((x, y) => x.value - y.value)", killedBy: "square" },
  {
    name: "left and right exchanged for wide ones",
    of,
    from: "left: wide ? short : long, right: wide ? long : short",
    to: "left: long, right: short",
    killedBy: "wide",
  },
  { name: "one round of rotations", of, from: "sweep < 60", to: "sweep < 1", killedBy: "square" },
  { name: "the right vectors not put in order", of, from: "order.map(({ i }) => v[i])", to: "v", killedBy: "diagonal, a negative element" },
  {
    name: "small values cut off at 1e-8",
    of,
    from: "values: order.map(({ value }) => value)",
    to: "values: order.map(({ value }) => (value < 1e-6 * order[0].value ? 0 : value))",
    killedBy: "condition 1e10",
  },
];
