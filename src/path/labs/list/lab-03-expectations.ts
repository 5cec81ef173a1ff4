import type { Rng } from "../../../kernel/rng.ts";
import { asList, asVector, same } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";
import { integer, pick } from "../oracle/random.ts";

type Row = Readonly<Record<string, string | number | null>>;
type Expectation =
  | { readonly kind: "notNull"; readonly column: string }
  | { readonly kind: "range"; readonly column: string; readonly min: number; readonly max: number }
  | { readonly kind: "unique"; readonly columns: readonly string[] }
  | { readonly kind: "pattern"; readonly column: string; readonly pattern: string }
  | { readonly kind: "oneOf"; readonly column: string; readonly values: readonly (string | number)[] }
  | { readonly kind: "increasing"; readonly column: string };

export const expectations: Lab = {
  number: 3,
  version: 1,
  title: "An expectation engine: which rows break the contract",
  blockId: "weeks-1-3",
  minutes: 45,
  statement: `A data gate that says "12 rows are bad" is worth little; one that lists them can be argued with. Write the core of such a gate.

You get \`rows\` (objects) and \`expectations\`. For each expectation, in order, return the list of the indexes of the rows that break it, ascending.

| kind | broken by a row when |
| --- | --- |
| \`notNull\` | the column is null or not there |
| \`range\` | the value is not a number from \`min\` to \`max\`, both included. NaN is in no range |
| \`unique\` | another row has equal values in all of \`columns\`; **every** row of such a group is listed |
| \`pattern\` | the value is not a string, or \`pattern\` (a regular expression) does not match **all** of it |
| \`oneOf\` | the value is not in \`values\`; the number 1 and the text "1" are different |
| \`increasing\` | the value is smaller than that of the nearest row before it that has one |

A null (or missing) value breaks only \`notNull\`; every other kind passes over such a row. For \`unique\` a row is passed over if any of the columns is null.

Why it matters: null and NaN treated alike, a composite key glued together with a separator, a pattern that matches somewhere: each is a gate that lets bad
data through and has, in some company, done so.`,
  entry: { typescript: "validate", python: "validate" },
  starter: {
    typescript: `type Row = Record<string, string | number | null>;
type Expectation =
  | { kind: "notNull"; column: string }
  | { kind: "range"; column: string; min: number; max: number }
  | { kind: "unique"; columns: string[] }
  | { kind: "pattern"; column: string; pattern: string }
  | { kind: "oneOf"; column: string; values: (string | number)[] }
  | { kind: "increasing"; column: string };

export function validate(rows: Row[], expectations: Expectation[]): number[][] {
  throw new Error("write me");
}
`,
    python: `def validate(rows, expectations):
    """rows: list of dicts; expectations: list of dicts with a "kind". Returns for each expectation a list of row indexes."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => {
    const table = (name: string, n: number): Row[] => Array.from({ length: n }, (_, i) => row(rng.fork(`${name} ${i}`)));
    const number = (values: readonly (number | null)[]): Row[] => values.map((x) => ({ x }));
    const text = (values: readonly (string | number | null)[]): Row[] => values.map((s) => ({ s }));
    return [
      one("a table with every kind", table("all", 60), [
        { kind: "notNull", column: "x" },
        { kind: "range", column: "x", min: 0, max: 50 },
        { kind: "unique", columns: ["s", "n"] },
        { kind: "pattern", column: "s", pattern: "[A-C]{2}" },
        { kind: "oneOf", column: "n", values: [1, 2, 3] },
        { kind: "increasing", column: "x" },
      ]),
      one(
        "null, missing, NaN, zero and empty text",
        [{ x: null }, {}, { x: NaN }, { x: 0 }, { x: "" }, { x: -0 }],
        [
          { kind: "notNull", column: "x" },
          { kind: "range", column: "x", min: 0, max: 1 },
        ],
      ),
      one("the ends of a range", number([0, 10, -1e-12, 10.000001, integer(rng.fork("r"), 1, 9)]), [{ kind: "range", column: "x", min: 0, max: 10 }]),
      one(
        "keys that look alike when glued together",
        [
          { a: "x|y", b: "z" },
          { a: "x", b: "y|z" },
          { a: "x,y", b: "z" },
          { a: "x", b: "y,z" },
          { a: 1, b: "1" },
          { a: "1", b: 1 },
        ],
        [{ kind: "unique", columns: ["a", "b"] }],
      ),
      one("three of a kind", number([5, 7, 5, 8, 5, 7]), [{ kind: "unique", columns: ["x"] }]),
      one("nulls are not equal to each other", number([null, null, 3, null]), [{ kind: "unique", columns: ["x"] }]),
      one("zero and minus zero", number([0, -0, 1]), [{ kind: "unique", columns: ["x"] }]),
      one("a pattern must match everything", text(["ABC", "ABCD", "xABC", "ABC\n", 5, null, ""]), [{ kind: "pattern", column: "s", pattern: "[A-Z]{3}" }]),
      one("a pattern with alternatives", text(["cat", "dog", "catalog", "hotdog"]), [{ kind: "pattern", column: "s", pattern: "cat|dog" }]),
      one("the number 1 and the text 1", text([1, "1", null, 2]), [{ kind: "oneOf", column: "s", values: [1] }]),
      one("order with gaps", number([1, null, 2, 1, null, 1.5, 1.5, 0]), [{ kind: "increasing", column: "x" }]),
      one(
        "no rows",
        [],
        [
          { kind: "notNull", column: "x" },
          { kind: "increasing", column: "x" },
        ],
      ),
    ];
  },
};

function row(rng: Rng): Row {
  const x = rng.next() < 0.15 ? null : rng.next() < 0.1 ? NaN : integer(rng, -20, 80);
  return { x: x === null || Number.isNaN(x) ? null : x, s: rng.next() < 0.1 ? null : pick(rng, ["AB", "BC", "CA", "AD", "ABC", "a"]), n: integer(rng, 1, 4) };
}

function one(name: string, rows: readonly Row[], list: readonly Expectation[]): LabCase {
  const check = (answer: unknown): Finding | undefined => {
    const lists = asList(answer, list.length, "the answer").map((indexes, i) => asVector(indexes, undefined, `list ${i}`));
    for (const [i, expectation] of list.entries()) {
      const finding = same(lists[i], broken(rows, expectation), `the list for expectation ${i} (${expectation.kind})`);
      if (finding !== undefined) return finding;
    }
    return undefined;
  };
  return { name, args: [rows, list], check };
}

function broken(rows: readonly Row[], expectation: Expectation): number[] {
  const at = rows.map((_, i) => i);
  if (expectation.kind === "unique") {
    const keys = rows.map((row) => expectation.columns.map((column) => row[column] ?? null));
    const whole = at.filter((i) => !keys[i]!.includes(null));
    return whole.filter((i) => whole.some((j) => j !== i && keys[i]!.every((value, c) => value === keys[j]![c])));
  }
  const value = (i: number): string | number | null => rows[i]![expectation.column] ?? null;
  if (expectation.kind === "notNull") return at.filter((i) => value(i) === null);
  const there = at.filter((i) => value(i) !== null);
  if (expectation.kind === "range")
    return there.filter((i) => {
      const x = value(i);
      return !(typeof x === "number" && x >= expectation.min && x <= expectation.max);
    });
  if (expectation.kind === "oneOf") return there.filter((i) => !expectation.values.includes(value(i)!));
  if (expectation.kind === "pattern") {
    const whole = new RegExp(`^(?:${expectation.pattern})$`);
    return there.filter((i) => {
      const s = value(i);
      return !(typeof s === "string" && whole.test(s));
    });
  }
  return there.filter((i, position) => position > 0 && Number(value(i)) < Number(value(there[position - 1]!)));
}
