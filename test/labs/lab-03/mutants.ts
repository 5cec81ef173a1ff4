import type { Mutant } from "../fixture.ts";

const of = "sets.js";
export const mutants: readonly Mutant[] = [
  {
    name: "NaN passes the range",
    of,
    from: '!(typeof row[column] === "number" && row[column] >= min && row[column] <= max)',
    to: '(typeof row[column] !== "number" || row[column] < min || row[column] > max)',
    killedBy: "null, missing, NaN, zero and empty text",
  },
  {
    name: "zero and empty text count as null",
    of,
    from: "row[column] !== null && row[column] !== undefined",
    to: "Boolean(row[column])",
    killedBy: "null, missing, NaN, zero and empty text",
  },
  { name: "a missing column is not null", of, from: " && row[column] !== undefined", to: "", killedBy: "null, missing, NaN, zero and empty text" },
  { name: "the upper end is left out", of, from: "row[column] <= max", to: "row[column] < max", killedBy: "the ends of a range" },
  {
    name: "keys glued with a bar",
    of,
    from: "JSON.stringify(columns.map((column) => row[column]))",
    to: 'columns.map((column) => row[column]).join("|")',
    killedBy: "keys that look alike when glued together",
  },
  {
    name: "only the second of a group is listed",
    of,
    from: "counts.get(key(row)) > 1;",
    to: "counts.get(key(row)) > 1 && rows.findIndex((other) => key(other) === key(row)) !== rows.indexOf(row);",
    killedBy: "three of a kind",
  },
  {
    name: "nulls are duplicates of each other",
    of,
    from: "columns.every((column) => present(row, column)) && counts",
    to: "counts",
    killedBy: "nulls are not equal to each other",
  },
  { name: "the pattern matches somewhere", of, from: "`^(?:${pattern})$`", to: "pattern", killedBy: "a pattern must match everything" },
  { name: "the anchors bind to one alternative each", of, from: "`^(?:${pattern})$`", to: "`^${pattern}$`", killedBy: "a pattern with alternatives" },
  {
    name: '1 and "1" are the same',
    of,
    from: "!allowed.has(row[column])",
    to: "!values.some((v) => String(v) === String(row[column]))",
    killedBy: "the number 1 and the text 1",
  },
  { name: "compares with the largest so far", of, from: "last = row[column];", to: "last = Math.max(last, row[column]);", killedBy: "order with gaps" },
  { name: "strictly increasing", of, from: "row[column] < last;", to: "row[column] <= last;", killedBy: "order with gaps" },
];
