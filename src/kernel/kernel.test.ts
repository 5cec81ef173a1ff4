import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ManualClock } from "./clock.ts";
import { codeOf, fromErrorRecord, KarkhanaError, toErrorRecord } from "./error.ts";
import { canonicalJson, definitionHash, sha256 } from "./hashing.ts";
import { idMaker } from "./ids.ts";
import { hash32, seededRng } from "./rng.ts";

describe("errors", () => {
  test("an error survives a structured clone as a record and comes back with its code, text and details", () => {
    const error = new KarkhanaError("INVALID_ARGUMENT", { field: "rate", problem: "must be positive", value: -1 });
    const back = fromErrorRecord(structuredClone(toErrorRecord(error)));
    expect(back.message).toBe("rate: must be positive (got -1)");
    expect([back.code, back.details, back.retryable]).toEqual([error.code, error.details, false]);
  });

  test("a foreign error becomes INTERNAL and keeps its message", () => {
    expect(toErrorRecord(new TypeError("x is not a function"))).toMatchObject({ code: "INTERNAL", message: "Internal error: x is not a function" });
    expect(codeOf({ code: "ENOENT" })).toBeUndefined();
  });
});

describe("hashing", () => {
  test("the order of keys does not change a definition's identity, any value does", () => {
    expect(definitionHash({ a: 1, b: [true, null] })).toBe(definitionHash({ b: [true, null], a: 1 }));
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.jsonValue(),
        (a, b) => (canonicalJson(a as never) === canonicalJson(b as never)) === (JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))),
      ),
    );
  });

  test("SHA-256 of the published test vector", () => {
    expect(sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});

describe("randomness", () => {
  test("the same seed gives the same sequence, a fork does not disturb its parent", () => {
    const [a, b] = [seededRng(7), seededRng(7)];
    b.fork("other").next();
    expect(Array.from({ length: 50 }, () => a.next())).toEqual(Array.from({ length: 50 }, () => b.next()));
    expect(seededRng(7).fork("x").next()).not.toBe(seededRng(7).fork("y").next());
  });

  test("next is uniform: 16 bins of 160,000 draws pass a chi-square test at 0.999", () => {
    const rng = seededRng(1);
    const bins = new Uint32Array(16);
    for (let i = 0; i < 160_000; i++) bins[Math.floor(rng.next() * 16)]!++;
    expect(bins.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0)).toBeLessThan(37.7);
  });

  test("hash32 spreads ids that differ in one digit", () => {
    const halves = [0, 0];
    for (let i = 0; i < 20_000; i++) halves[hash32(`flight-${i}`, 3) < 2 ** 31 ? 0 : 1]!++;
    expect(Math.abs(halves[0]! - 10_000)).toBeLessThan(300);
  });
});

test("ids are 32 hex digits and sort by the millisecond they were made in", () => {
  const clock = new ManualClock(1_000_000_000_000_000);
  const rng = seededRng(1);
  const newId = idMaker(clock, (n) => Uint8Array.from({ length: n }, () => rng.int(256)));
  const first = newId();
  clock.advanceBy(1000);
  const second = newId();
  expect([first, second].every((id) => /^[0-9a-f]{32}$/.test(id))).toBe(true);
  expect(first < second).toBe(true);
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
}
