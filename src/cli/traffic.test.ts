import { expect, test } from "vitest";
import { readSplit } from "./traffic.ts";

test("a split names versions with shares, in percent or as they are", () => {
  expect(readSplit("4=5%, v5 = 10 %,6=0.05")).toEqual([
    { version: 4, share: 0.05 },
    { version: 5, share: 0.1 },
    { version: 6, share: 0.05 },
  ]);
  expect(readSplit("none")).toEqual([]);
  for (const bad of ["4", "4=", "=5%", "4=-1", "4=5%;5=1", ""]) expect(() => readSplit(bad)).toThrow("expected version=share");
});
