import fc from "fast-check";
import { expect, test } from "vitest";
import type { KeyPart, KeyType } from "../key-part.ts";
import { headKeyMaker, tupleOf, tupleOffset, type KeyValuePart } from "./keys.ts";

const view = "00112233445566778899";
const types: readonly KeyType[] = ["string", "number", "boolean"];
const part = fc.oneof(fc.boolean(), fc.constantFrom<KeyPart>(0, 1, "0", "1", "true", "false", "", "\u0001", "\u0004\u0001"), fc.maxSafeInteger(), fc.string());
const typesOf = (parts: readonly KeyPart[]): KeyType[] => parts.map((one) => types.find((type) => typeof one === type)!);
const keyOf = (parts: readonly KeyPart[]): Buffer => headKeyMaker(view, typesOf(parts))(parts)!;

test("tuples of text, numbers and truth values are told again as they were, and no two have the same bytes", () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), fc.array(part, { minLength: 1, maxLength: 4 }), (a, b) => {
      const key = keyOf(a);
      expect(tupleOf(key)).toEqual(a.map((one) => (one === 0 ? 0 : one)));
      const same = a.length === b.length && a.every((one, i) => one === b[i]);
      expect(key.equals(keyOf(b))).toBe(same);
    }),
    { numRuns: 2000, seed: 31 },
  );
});

test("text and numbers lie as stores that are there hold them; truth values have a tag of their own, false before true", () => {
  const bytes = (parts: readonly KeyPart[]): string => keyOf(parts).toString("hex", tupleOffset);
  expect(bytes(["ab", 1])).toBe("0100026162023ff0000000000000");
  expect([bytes([false]), bytes([true]), bytes([true, "a"])]).toEqual(["0400", "0401", "040101000161"]);
});

test.each<[KeyType, readonly KeyValuePart[]]>([
  ["boolean", [1, 0, "true", "false", "", null, undefined]],
  ["number", [true, false, "1", Number.NaN, null, undefined]],
  ["string", [true, false, 1, null, undefined]],
])("a part that is no %s has no key", (type, parts) => {
  for (const one of parts) expect(headKeyMaker(view, [type])([one])).toBeUndefined();
});
