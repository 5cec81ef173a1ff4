import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { codeOf, KarkhanaError } from "../kernel/error.ts";
import { parseIso } from "../kernel/time.ts";
import { openDuckDb, type DuckDb } from "../storage/duckdb/duckdb.ts";
import { quoteIdentifier, quoteLiteral } from "../storage/duckdb/quote.ts";
import { parseExpression, parseExpressionOf, toFunction, toSql } from "./expression.ts";
import type { Schema } from "./source.ts";

const schema = {
  date: "timestamp",
  seen: "timestamp",
  delay: "int64",
  distance: "float64",
  origin: "string",
  'odd "name': "string",
  late: "boolean",
} as const satisfies Schema;

type TestRow = Readonly<Record<keyof typeof schema, string | number | boolean | null>>;

const evaluate = (text: string, row: Partial<TestRow>): unknown =>
  toFunction(parseExpression(text, schema, "test"))({
    date: null,
    seen: null,
    delay: null,
    distance: null,
    origin: null,
    'odd "name': null,
    late: null,
    ...row,
  });

function refusal(text: string): KarkhanaError {
  try {
    parseExpression(text, schema, "knownTime");
  } catch (error) {
    if (error instanceof KarkhanaError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

describe("an expression", () => {
  test("computes the known time of a flight", () => {
    const date = parseIso("2001-01-01T10:00:00Z");
    expect(evaluate("date + minutes(30 + distance / 7.5 + delay)", { date, distance: 750, delay: -10 })).toBe(parseIso("2001-01-01T12:00:00Z"));
  });

  test("knows its type and the columns it reads", () => {
    const known = parseExpression("date + minutes(distance + delay + distance)", schema, "knownTime");
    expect([known.type, known.columns]).toEqual(["timestamp", ["date", "distance", "delay"]]);
    expect(parseExpression("date - seen", schema, "x").type).toBe("number");
  });

  test("keeps null apart from false, as SQL does", () => {
    expect(evaluate("delay >= 15", {})).toBeNull();
    expect(evaluate("delay >= 15 and origin = 'ORD'", { origin: "JFK" })).toBe(false);
    expect(evaluate("delay >= 15 or origin = 'ORD'", { origin: "ORD" })).toBe(true);
    expect(evaluate("not (delay is null)", {})).toBe(false);
    expect(evaluate("delay in (1, distance)", { delay: 2 })).toBeNull();
    expect(evaluate("delay not in (1, 2)", { delay: 3 })).toBe(true);
  });

  test("gives null for a zero divisor and never truncates a quotient", () => {
    expect(evaluate("delay / 0", { delay: 1 })).toBeNull();
    expect(evaluate("delay % 0", { delay: 1 })).toBeNull();
    expect(evaluate("delay / 2", { delay: 1 })).toBe(0.5);
  });

  test("does not find what a row inherits", () => {
    const inherits = { constructor: "string" } as const;
    expect(toFunction(parseExpression("constructor is null", inherits, "x"))({})).toBe(true);
  });

  test("of the wrong kind is refused where a kind is asked for", () => {
    expect(() => parseExpressionOf("boolean", "delay + 1", schema, "where")).toThrow("where: expected a boolean, this gives a number");
  });
});

describe("a wrong expression names the field, the position and the problem", () => {
  test.each([
    ["", 1, "it is empty"],
    ["delay >", 8, "it ends too early"],
    ["delay == 15", 8, "unexpected ="],
    ["dealy >= 15", 1, "there is no column dealy; there are date, seen, delay, distance, origin"],
    ["date + 30", 6, "give the unit"],
    ["date + minutes(date)", 8, "minutes takes one number"],
    ["origin = 15", 8, "cannot compare a string with a number"],
    ["date > '2001-01-01'", 6, "timestamp '2001"],
    ["timestamp '2001-02-30' < date", 11, "not an ISO 8601 time"],
    ["delay = null", 9, "is null"],
    ["delay and late", 7, "expected a condition left of and, found a number"],
    ["late < late", 6, "no order"],
    ["sqrt(delay)", 1, "there is no function sqrt"],
    ["abs(delay, delay)", 1, "abs takes one number"],
    ["least(delay, origin)", 1, "values of one type"],
    ["delay + 1)", 10, "unexpected )"],
    ["delay; drop table x", 6, "unexpected ;"],
    ["origin = 'ORD", 10, "unexpected '"],
    ["delay > 1e999", 9, "beyond the range"],
    ["origin = 'a\0b'", 1, "NUL"],
  ])("%j", (text, position, problem) => {
    const error = refusal(text);
    expect(codeOf(error)).toBe("EXPRESSION_INVALID");
    expect(error.details).toMatchObject({ field: "knownTime", position });
    expect(error.details["problem"]).toContain(problem);
  });

  test.each([
    ["nests deeper than 100", `${"(".repeat(500)}1`, 102],
    ["is longer than 10000", `1${" + 1".repeat(3000)}`, 10_000],
    ["has more than 900 parts", `1${"+1".repeat(2000)}`, 902],
  ])("also one that %s", (problem, text, position) => {
    expect(refusal(text).details).toMatchObject({ position, problem: expect.stringContaining(problem) });
    expect(refusal(text).message.length).toBeLessThan(500);
  });
});

describe("DuckDB and the function agree to the bit", () => {
  let duck: DuckDb;
  beforeAll(async () => {
    duck = await openDuckDb({ threads: 1 });
  });
  afterAll(() => duck.close());

  const valuesSql = (rows: readonly TestRow[]): string => {
    const cast: Readonly<Record<string, string>> = { timestamp: "BIGINT", int64: "BIGINT", float64: "DOUBLE", string: "VARCHAR", boolean: "BOOLEAN" };
    const literal = (value: string | number | boolean | null, type: string): string =>
      `CAST(${typeof value === "number" && (type === "int64" || type === "timestamp") ? value : quoteLiteral(Object.is(value, -0) ? "-0" : value)} AS ${cast[type]})`;
    const lines = rows.map(
      (row, index) => `(${[String(index), ...Object.entries(schema).map(([name, type]) => literal(row[name as keyof typeof schema], type))].join(", ")})`,
    );
    return `(VALUES ${lines.join(", ")}) AS t(i, ${Object.keys(schema).map(quoteIdentifier).join(", ")})`;
  };

  async function compare(text: string, rows: readonly TestRow[]): Promise<void> {
    const expression = parseExpression(text, schema, "test");
    const answers = await duck.rows(`SELECT ${toSql(expression)} AS answer FROM ${valuesSql(rows)} ORDER BY i`);
    const compiled = toFunction(expression);
    for (const [index, row] of rows.entries()) {
      const ours = compiled(row);
      const theirs = answers[index]?.["answer"];
      // Only a timestamp or a bigint beyond 2^53 comes back as a bigint.
      const same = Object.is(ours, theirs) || (typeof theirs === "bigint" && Number(theirs) === ours);
      if (!same) throw new Error(`${text}\nrow ${JSON.stringify(row)}\nDuckDB ${String(theirs)}, ours ${String(ours)}\nSQL ${toSql(expression)}`);
    }
  }

  const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { freq: 5 });
  const texts = fc.oneof(
    fc.constantFrom("ORD", "JFK", "", "it's", "é", "\u{1F600}", "\uFF5E", 'a"b'),
    fc.string({ unit: "grapheme", maxLength: 4 }).filter((t) => !t.includes("\0") && t.isWellFormed()),
  );
  const doubles = fc.oneof(
    fc.double(),
    fc.constantFrom(0, -0, 0.5, -0.5, 2.5, 0.1, Number.NaN, Infinity, -Infinity, 0.49999999999999994, 1125899906842623.5),
    fc.integer({ min: -50, max: 50 }),
  );
  const rowArbitrary: fc.Arbitrary<TestRow> = fc.record({
    date: optional(fc.integer({ min: 0, max: 2 ** 50 })),
    seen: optional(fc.integer({ min: -(2 ** 40), max: 2 ** 40 })),
    delay: optional(fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 }).map((n) => n + 0)),
    distance: optional(doubles),
    origin: optional(texts),
    'odd "name': optional(texts),
    late: optional(fc.boolean()),
  });

  const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
  const { expressions } = fc.letrec<{ expressions: string; number: string; duration: string; timestamp: string; text: string; condition: string }>((tie) => {
    const binary = (left: fc.Arbitrary<string>, operators: readonly string[], right: fc.Arbitrary<string>): fc.Arbitrary<string> =>
      fc.tuple(left, fc.constantFrom(...operators), right).map(([a, operator, b]) => `(${a} ${operator} ${b})`);
    const call = (names: readonly string[], ...args: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
      fc.tuple(fc.constantFrom(...names), ...args).map(([name, ...values]) => `${name}(${values.join(", ")})`);
    const { number, duration, timestamp, text, condition } = {
      number: tie("number"),
      duration: tie("duration"),
      timestamp: tie("timestamp"),
      text: tie("text"),
      condition: tie("condition"),
    };
    const either = ["least", "greatest", "coalesce"];
    const comparisons = ["=", "<>", "!=", "<", "<=", ">", ">="];
    const small = { depthSize: "small", withCrossShrink: true } as const;
    return {
      expressions: fc.oneof(tie("number"), tie("timestamp"), tie("text"), tie("condition"), tie("duration")),
      number: fc.oneof(
        small,
        fc.constantFrom("delay", "distance", "7.5", "0", "0.1", "1e3", "0.5", "30", "123456789.123456789"),
        binary(number, ["+", "-", "*", "/", "%"], number),
        call(["abs", "floor", "ceil", "round"], number),
        call(either, number, number, duration),
        number.map((x) => `-${x}`),
        binary(timestamp, ["-"], timestamp),
      ),
      duration: fc.oneof(
        small,
        fc.constantFrom("minutes(5)", "hours(delay)"),
        call(["seconds", "minutes", "hours", "days"], number),
        binary(duration, ["+", "-"], duration),
      ),
      timestamp: fc.oneof(
        small,
        fc.constantFrom("date", "seen", "timestamp '2001-04-01T10:30:00+05:30'"),
        binary(timestamp, ["+", "-"], duration),
        call(either, timestamp, timestamp),
      ),
      text: fc.oneof(small, fc.constantFrom("origin", '"odd ""name"'), texts.map(quoted), call(either, text, text)),
      condition: fc.oneof(
        small,
        fc.constantFrom("late", "true", "false"),
        binary(number, comparisons, number),
        binary(timestamp, comparisons, timestamp),
        binary(text, comparisons, text),
        binary(condition, ["and", "or", "=", "<>"], condition),
        condition.map((x) => `(not ${x})`),
        fc.tuple(fc.oneof(number, text, timestamp, condition), fc.constantFrom("is null", "is not null")).map(([x, is]) => `(${x} ${is})`),
        fc.tuple(number, fc.constantFrom("in", "not in"), number, number).map(([x, among, a, b]) => `(${x} ${among} (${a}, ${b}))`),
      ),
    };
  });

  test("on random expressions and rows", async () => {
    await fc.assert(fc.asyncProperty(expressions, fc.array(rowArbitrary, { minLength: 1, maxLength: 12 }), compare), { numRuns: 400 });
  });

  test("on rounding at the halves, where libraries differ", async () => {
    const rows = [-2.5, -1.5, -0.5, -0, 0.5, 1.5, 2.5, 0.49999999999999994, 1125899906842623.5].map((distance) => ({
      date: 0,
      seen: 0,
      delay: 0,
      distance,
      origin: "",
      'odd "name': "",
      late: false,
    }));
    await compare("round(distance)", rows);
    await compare("date + seconds(distance / 1000000)", rows);
    expect(evaluate("round(distance)", { distance: -2.5 })).toBe(-2);
  });

  test("on a list of three hundred airports less a few", async () => {
    const airports = Array.from({ length: 290 }, (_, i) => `'A${i}'`).join(", ");
    await compare(`origin in (${airports})`, [{ date: 0, seen: 0, delay: 0, distance: 0, origin: "A289", 'odd "name': "", late: false }]);
  });
});
