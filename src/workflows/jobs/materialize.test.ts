import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { materializeHistory } from "./materialize.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-materialize-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Flights out of ORD, one a minute, with these delays. */
function load(delays: string): ReturnType<typeof materializeHistory> {
  const relation = `(select i as _row, i * 60000000 as _event, i * 60000000 as _known, i * 60000000 as date, ${delays} as delay, 700 as distance, 'ORD' as origin, 'LGA' as destination from range(0, 3) t(i))`;
  return materializeHistory(
    {
      projectFile: path.join(import.meta.dirname, "../../../test/e2e/small/karkhana.project.ts"),
      model: "late",
      relations: { flights: relation, landings: relation },
      fromUs: 100 * 60_000_000,
      toUs: 200 * 60_000_000,
      onlineStore: { kind: "lmdb", folder: path.join(folder, "online") },
      threads: 1,
      tempFolder: "",
    },
    () => undefined,
  );
}

test("history is loaded for every source of the model's views", async () => {
  expect(await load("i")).toEqual({ rows: 6, questions: 0 });
});

test("rows that the store refuses end it: without them every window they lie in would be wrong online", async () => {
  await expect(load("9007199254740991")).rejects.toMatchObject({ code: "INTERNAL", message: expect.stringMatching(/landings.*delay/) });
});
