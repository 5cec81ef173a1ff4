import { expect, test } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { decodeModel, encodeModel } from "../learn/model-file.ts";
import { decodeElsewhere, decodeOnThread } from "./decode-elsewhere.ts";
import { parseModel } from "./formats/open.ts";
import { stump } from "./test-world.ts";

test("a model decoded on a thread is the model decoded here", async () => {
  const bytes = encodeModel(stump(1));
  const here = { format: "karkhana", model: decodeModel(bytes) };
  expect(await decodeOnThread({ name: "model.json", bytes, reading: {} })).toEqual(here);
  expect(decodeElsewhere("model.json", bytes, {})).toEqual(here);
});

test("a file that is no model is refused on a thread as it is here", async () => {
  const bytes = new TextEncoder().encode('{"format": 99}');
  const here = ((): unknown => {
    try {
      return parseModel("model.json", bytes);
    } catch (error) {
      return codeOf(error);
    }
  })();
  expect(here).toEqual(expect.any(String));
  await expect(decodeOnThread({ name: "model.json", bytes, reading: {} })).rejects.toMatchObject({ code: here });
});
