import { describe, expect, test } from "vitest";
import { armsOf, routingKey } from "./assignment.ts";

const ids = Array.from({ length: 20_000 }, (_, i) => `request-${i}`);

describe("the assignment of keys to arms", () => {
  test("is the same for the same key, and gives each arm its share", () => {
    const arms = {
      salt: "m/1",
      challengers: [
        { buckets: [[100, 500]] },
        {
          buckets: [
            [9000, 1000],
            [700, 1000],
          ],
        },
      ],
    } as const;
    const [first, again] = [armsOf(arms), armsOf(arms)];
    const counts = [0, 0, 0];
    for (const id of ids) {
      counts[first(id)]!++;
      expect(again(id)).toBe(first(id));
    }
    // Of 20,000: 75, 5 and 20 %; within about five standard deviations.
    expect(Math.abs(counts[1]! - 1000)).toBeLessThan(160);
    expect(Math.abs(counts[2]! - 4000)).toBeLessThan(290);
  });

  test("without challengers everybody is the champion's", () => {
    expect(ids.slice(0, 100).every((id) => armsOf({ salt: "m/1", challengers: [] })(id) === 0)).toBe(true);
  });

  test("the key is what the model is sticky by, where the question has it", () => {
    expect(routingKey("q1", { rider: "r7", miles: 3 }, [])).toBe("q1");
    expect(routingKey("q1", { rider: "r7", miles: 3 }, ["rider"])).toBe("r7");
    expect(routingKey("q2", { rider: 7 }, ["rider"])).toBe("7");
    expect(routingKey("q1", { rider: null }, ["rider"])).toBe("q1");
    expect(routingKey("q1", undefined, ["rider"])).toBe("q1");
    expect(routingKey("q1", { a: "x", b: "y,z" }, ["a", "b"])).not.toBe(routingKey("q1", { a: "x,y", b: "z" }, ["a", "b"]));
  });
});
