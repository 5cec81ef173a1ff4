import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codeOf } from "../../kernel/error.ts";
import { experimentScope, runScope } from "./fields.ts";
import type { Filter } from "./filter.ts";
import { parseFilter } from "./filter-parser.ts";
import { parseOrders } from "./order-by.ts";

const parse = (text: string): Filter | undefined => parseFilter(text, runScope);
const refusal = (text: string): string => {
  try {
    parse(text);
  } catch (error) {
    expect(error).toMatchObject({ code: "SEARCH_INVALID" });
    return error instanceof Error ? error.message : "";
  }
  throw new Error(`taken: ${text}`);
};
const metric = (key: string) => ({ kind: "metric", key });

describe("a search filter", () => {
  it("that is empty matches everything", () => {
    expect(parse("")).toBeUndefined();
    expect(parse(" \n\t")).toBeUndefined();
  });

  it.each([
    ["metrics.auc > 0.7", { field: metric("auc"), comparator: ">", value: 0.7 }],
    ["metric.auc<=-1e-3", { field: metric("auc"), comparator: "<=", value: -0.001 }],
    ["metrics.`val loss (mean)` != .5", { field: metric("val loss (mean)"), comparator: "!=", value: 0.5 }],
    ['metrics."a.b" = 1', { field: metric("a.b"), comparator: "=", value: 1 }],
    ["metrics.val/auc >= 1", { field: metric("val/auc"), comparator: ">=", value: 1 }],
    ["`metrics`.`auc` > 1", { field: metric("auc"), comparator: ">", value: 1 }],
    ["params.lr = '0.1'", { field: { kind: "param", key: "lr" }, comparator: "=", value: "0.1" }],
    ['parameters.lr LIKE "0.%"', { field: { kind: "param", key: "lr" }, comparator: "LIKE", value: "0.%" }],
    ["tags.mlflow.parentRunId ilike 'AB_'", { field: { kind: "tag", key: "mlflow.parentRunId" }, comparator: "ILIKE", value: "AB_" }],
    ["tags.x is not null", { field: { kind: "tag", key: "x" }, comparator: "IS NOT NULL" }],
    ["params.x IS NULL", { field: { kind: "param", key: "x" }, comparator: "IS NULL" }],
    ["status = 'FINISHED'", { field: { kind: "attribute", key: "status" }, comparator: "=", value: "FINISHED" }],
    ["attributes.run_id IN ('a', \"b\")", { field: { kind: "attribute", key: "run_id" }, comparator: "IN", value: ["a", "b"] }],
    ["run_id not in ('a')", { field: { kind: "attribute", key: "run_id" }, comparator: "NOT IN", value: ["a"] }],
    ["Created > 5", { field: { kind: "attribute", key: "start_time" }, comparator: ">", value: 5 }],
    ["attr.\"Run name\" = 'x'", { field: { kind: "attribute", key: "run_name" }, comparator: "=", value: "x" }],
    ["tags.mlflow.runName = 'x'", { field: { kind: "attribute", key: "run_name" }, comparator: "=", value: "x" }],
    ["tags.or = 'and'", { field: { kind: "tag", key: "or" }, comparator: "=", value: "and" }],
  ])("%s", (text, expected) => {
    expect(parse(text)).toEqual({ op: "compare", ...expected });
  });

  it("binds NOT before AND before OR, and parentheses before all", () => {
    const a = parse("metrics.a = 1")!;
    const [b, c] = [parse("metrics.b = 1")!, parse("metrics.c = 1")!];
    expect(parse("metrics.a = 1 AND metrics.b = 1 and metrics.c = 1")).toEqual({ op: "and", terms: [a, b, c] });
    expect(parse("metrics.a = 1 OR metrics.b = 1 AND metrics.c = 1")).toEqual({ op: "or", terms: [a, { op: "and", terms: [b, c] }] });
    expect(parse("(metrics.a = 1 OR metrics.b = 1) AND NOT metrics.c = 1")).toEqual({
      op: "and",
      terms: [
        { op: "or", terms: [a, b] },
        { op: "not", term: c },
      ],
    });
    expect(parse("NOT (NOT metrics.a = 1)")).toEqual({ op: "not", term: { op: "not", term: a } });
  });

  it.each([
    ["metrics.a > '1'", /Expected numeric value type for metric/],
    ["start_time = 'x'", /numeric attribute: start_time/],
    ["params.a = 1", /Expected a quoted string value for param/],
    ["params.a = x", /Expected a quoted string value for param/],
    ["params.a > '1'", /Invalid comparator '>'/],
    ["metrics.a LIKE 1", /Invalid comparator 'LIKE'/],
    ["metrics.a == 1", /Invalid comparator '=='/],
    ["dummy.a = 1", /Invalid entity type 'dummy'/],
    ["constructor.a = 1", /Invalid entity type 'constructor'/],
    ["nothing = 'x'", /Invalid attribute key 'nothing'/],
    ["constructor = 'x'", /Invalid attribute key 'constructor'/],
    ["metrics.a IS NULL", /only supported for tags and params/],
    ["run_name IN ('x')", /Only run_id/],
    ["run_id IN ()", /list/],
    ["run_id IN ('a' 'b')", /list/],
    ["metrics.a = 1 metrics.b = 1", /Invalid clause\(s\) in filter string: 'metrics.b = 1'/],
    ["metrics.a = 1 AND", /it ends where/],
    ["metrics.a", /it ends where/],
    ["(metrics.a = 1", /parenthesis/],
    ["metrics.a = 1)", /Invalid clause/],
    ["1 = 1", /Expected 'Identifier' found '1'/],
    ["'a' = metrics.b", /Expected 'Identifier'/],
    ["params.a = 'open", /Invalid clause/],
    ["params.a = 'x'; drop table runs", /Invalid clause/],
    ["metrics.`a = 1", /Invalid/],
  ])("%s is refused by name", (text, problem) => {
    expect(refusal(text)).toMatch(problem);
  });

  it("beyond what a database can run is refused", () => {
    expect(refusal(`${"(".repeat(60)}metrics.a = 1${")".repeat(60)}`)).toMatch(/nested/);
    expect(refusal(Array.from({ length: 500 }, () => "metrics.a = 1").join(" or "))).toMatch(/more than 400/);
    expect(refusal("x".repeat(200_000))).toMatch(/longer/);
  });

  it("is parsed or refused by name, whatever it is", () => {
    const piece = fc.constantFrom(
      "metrics.a = 1",
      "NOT tags.b = 'c'",
      "metrics.a",
      "params.`b c`",
      "tags.",
      "status",
      "and",
      "OR",
      "not",
      "in",
      "is",
      "null",
      "like",
      "(",
      ")",
      ",",
      "=",
      "!=",
      "<",
      "1",
      "-.5e3",
      "'x'",
      '"',
      "`",
      "%",
      "\0",
      "🙂",
    );
    const likely = fc.constantFrom("metrics.a = 1", "metrics.a = 1", "and", "or", "not", "(", ")");
    const outcomes = new Set<unknown>();
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 6, arbitrary: likely }, { weight: 1, arbitrary: piece }), { maxLength: 8 }), (pieces) => {
        try {
          outcomes.add(parse(pieces.join(" "))?.op ?? "all");
        } catch (error) {
          outcomes.add(codeOf(error));
        }
      }),
      { numRuns: 3000, seed: 1 },
    );
    expect(outcomes).toEqual(new Set(["all", "compare", "not", "and", "or", "SEARCH_INVALID"]));
  });

  it("of experiments knows their attributes and tags only", () => {
    expect(parseFilter("name LIKE 'a%' AND tags.x = '1'", experimentScope)).toMatchObject({ op: "and" });
    expect(() => parseFilter("metrics.a = 1", experimentScope)).toThrow(/Invalid entity type 'metrics'/);
  });
});

describe("an order", () => {
  it("is a field and a direction, ascending unless it says otherwise", () => {
    expect(parseOrders(["metrics.auc DESC", "start_time", "params.`a b` asc", '"Run Name"'], runScope)).toEqual([
      { field: metric("auc"), descending: true },
      { field: { kind: "attribute", key: "start_time" }, descending: false },
      { field: { kind: "param", key: "a b" }, descending: false },
      { field: { kind: "attribute", key: "run_name" }, descending: false },
    ]);
  });

  it.each([
    [["metrics.a down"], /Invalid ordering key/],
    [["metrics.a desc desc"], /Could not be parsed/],
    [[""], /Could not be parsed/],
    [["created", "start_time desc"], /duplicate/],
  ])("%s is refused", (clauses, problem) => {
    expect(() => parseOrders(clauses, runScope)).toThrow(problem);
  });
});
