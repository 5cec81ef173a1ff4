import { expect, test } from "vitest";
import { twoColumns } from "./help-text.ts";

test("what a name means is wrapped below itself, and a long name has a line of its own", () => {
  const rows = [
    ["run", "Run all of it"],
    ["--a-flag-with-a-name <that-is-long>", "Says something that needs more than one line to be said"],
  ] as const;
  expect(twoColumns(rows, 60)).toBe(
    [
      "  run                           Run all of it",
      "  --a-flag-with-a-name <that-is-long>",
      "                                Says something that needs",
      "                                more than one line to be",
      "                                said",
    ].join("\n"),
  );
});
