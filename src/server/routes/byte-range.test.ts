import { expect, test } from "vitest";
import { byteRange } from "./byte-range.ts";

test.each([
  [undefined, undefined],
  ["bytes=0-0", { from: 0, to: 0 }],
  ["bytes=4-", { from: 4, to: 9 }],
  ["bytes=4-99", { from: 4, to: 9 }],
  ["bytes=-3", { from: 7, to: 9 }],
  ["bytes=-99", { from: 0, to: 9 }],
  ["bytes=5-4", undefined],
  ["bytes=-", undefined],
  ["bytes=1-2,4-5", undefined],
  ["lines=1-2", undefined],
  ["bytes=a-b", undefined],
])("of ten bytes, %s asks for %j", (header, range) => {
  expect(byteRange(header, 10)).toEqual(range);
});

test.each([
  ["bytes=10-", 10],
  ["bytes=99-100", 10],
  ["bytes=-0", 10],
  ["bytes=0-", 0],
])("%s of %i bytes is refused", (header, sizeBytes) => {
  expect(() => byteRange(header, sizeBytes)).toThrow(expect.objectContaining({ code: "RANGE_REFUSED" }));
});
