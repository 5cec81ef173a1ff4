import { expect, test } from "vitest";
import { toErrorRecord } from "../../kernel/error.ts";
import { runScope } from "./fields.ts";
import { parseFilter } from "./filter-parser.ts";

function refusedAt(filter: string): string {
  try {
    parseFilter(filter, runScope);
  } catch (error) {
    const at = Number(toErrorRecord(error).details["position"]);
    return `${filter.slice(0, at)}»${filter.slice(at)}`;
  }
  return "accepted";
}

test.each([
  ["metrics.auc > 0.7 AND # = 1", "metrics.auc > 0.7 AND »# = 1"],
  ["metrics.auc > 'x'", "metrics.auc > »'x'"],
  ["metric.auc > 1 AND thing.x = 'a'", "metric.auc > 1 AND »thing.x = 'a'"],
  ["params.a = 'x' params.b = 'y'", "params.a = 'x' »params.b = 'y'"],
  ["params.a =", "params.a =»"],
  ["(params.a = 'x'", "(params.a = »'x'"],
  ["params.lr ~ 'x'", "params.lr »~ 'x'"],
])("a refusal says where: %s", (filter, marked) => {
  expect(refusedAt(filter)).toBe(marked);
});
