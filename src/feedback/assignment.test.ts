import { describe, expect, it } from "vitest";

import { armOf } from "./assignment.ts";

const ids = Array.from({ length: 40_000 }, (_, i) => `flight-${i}`);
const challengers = (share: number, salt: string): Set<string> => new Set(ids.filter((id) => armOf(id, share, salt) === "challenger"));

describe("assignment to an arm", () => {
  it.each([0.01, 0.1, 0.2, 0.5])("gives the challenger a share of %d within four standard errors", (share) => {
    const found = challengers(share, "late_arrival/2").size / ids.length;
    expect(Math.abs(found - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / ids.length));
  });

  it("keeps an id in its arm, and only moves ids towards the challenger as the share grows", () => {
    const few = challengers(0.1, "m/2");
    const many = challengers(0.3, "m/2");
    expect([...few].every((id) => many.has(id))).toBe(true);
    expect(challengers(0.1, "m/2")).toEqual(few);
  });

  it("assigns independently under another salt", () => {
    const both = [...challengers(0.5, "m/2")].filter((id) => armOf(id, 0.5, "m/3") === "challenger").length / ids.length;
    expect(Math.abs(both - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / ids.length));
  });

  it("gives everyone to the champion at share 0 and to the challenger at share 1", () => {
    expect(challengers(0, "m/2").size).toBe(0);
    expect(challengers(1, "m/2").size).toBe(ids.length);
  });
});
