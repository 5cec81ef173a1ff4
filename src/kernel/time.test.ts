import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatIso, fromCivil, parseDuration, parseIso, toCivil } from "./time.ts";

const instants = fc.integer({ min: -8_990_000_000_000, max: 8_990_000_000_000 });

describe("time", () => {
  test("civil fields agree with the platform's Date for any instant that a number of microseconds holds exactly (1685 to 2254)", () => {
    fc.assert(
      fc.property(instants, (ms) => {
        const date = new Date(ms);
        const c = toCivil(ms * 1000);
        expect([c.year, c.month, c.day, c.hour, c.minute, c.second, c.micros, c.dayOfWeek]).toEqual([
          date.getUTCFullYear(),
          date.getUTCMonth() + 1,
          date.getUTCDate(),
          date.getUTCHours(),
          date.getUTCMinutes(),
          date.getUTCSeconds(),
          date.getUTCMilliseconds() * 1000,
          date.getUTCDay(),
        ]);
      }),
    );
  });

  test("an instant survives being printed and read", () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 8e15 }), (us) => parseIso(formatIso(us)) === us));
  });

  test("a time without a zone is UTC, one with an offset is moved to it", () => {
    expect(parseIso("2001-03-04 17:05")).toBe(fromCivil(2001, 3, 4, (17 * 60 + 5) * 60e6));
    expect(parseIso("2001-03-04T17:05:00+05:30")).toBe(parseIso("2001-03-04T11:35:00Z"));
  });

  test.each(["2001-02-30", "2001-13-01", "yesterday", "2001-01-01T25:00", ""])("%j is not a time", (text) => {
    expect(() => parseIso(text, "from")).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", details: expect.objectContaining({ field: "from", value: text }) }),
    );
  });

  test("durations are whole numbers with a unit", () => {
    expect(parseDuration("90s")).toBe(90e6);
    expect(parseDuration("7d")).toBe(7 * 86_400e6);
    for (const wrong of ["", "7", "0d", "-1h", "1.5h", "1y"]) expect(() => parseDuration(wrong)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });
});
