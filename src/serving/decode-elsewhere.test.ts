import { expect, test } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { decodeModel, encodeModel } from "../learn/model-file.ts";
import { decodeElsewhere, decodeOnThread } from "./decode-elsewhere.ts";
import { stump } from "./test-world.ts";

test("a model decoded on a thread is the model decoded here", async () => {
  const bytes = encodeModel(stump(1));
  expect(await decodeOnThread(bytes)).toEqual(decodeModel(bytes));
  expect(decodeElsewhere(bytes)).toEqual(decodeModel(bytes));
});

test("a file that is no model is refused on a thread as it is here", async () => {
  const bytes = new TextEncoder().encode('{"format": 99}');
  const here = ((): unknown => {
    try {
      return decodeModel(bytes);
    } catch (error) {
      return codeOf(error);
    }
  })();
  expect(here).toEqual(expect.any(String));
  await expect(decodeOnThread(bytes)).rejects.toMatchObject({ code: here });
});
