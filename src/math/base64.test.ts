import fc from "fast-check";
import { expect, it } from "vitest";
import { fromBase64, toBase64 } from "./base64.ts";

it("agrees with Node's own base64 and comes back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
      const text = toBase64(bytes);
      expect(text).toBe(Buffer.from(bytes).toString("base64"));
      expect(fromBase64(text)).toEqual(new Uint8Array(bytes));
    }),
    { numRuns: 30 },
  );
});

it("text that is not base64 is undefined", () => {
  for (const text of ["A", "AAA", "A===", "AA=A", "AAA\n", "AA A", "****"]) expect(fromBase64(text), text).toBeUndefined();
});
