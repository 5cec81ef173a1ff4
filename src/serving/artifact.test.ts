import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readGoldenCases } from "../../test/reference/golden-models.ts";
import { openFileBlobs } from "../storage/blobs/files.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import { loadVersionArtifact, writeVersionArtifact, type NewVersionArtifact } from "./artifact.ts";
import { decodeElsewhere } from "./decode-elsewhere.ts";
import { lateRide, scoreOf, stump } from "./test-world.ts";

let folder: string;
let blobs: BlobStore;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-artifact-"));
  blobs = await openFileBlobs(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const artifact: NewVersionArtifact = {
  modelName: lateRide.name,
  definitionHash: lateRide.hash,
  service: lateRide.service,
  model: stump(1),
  categories: { zone: ["AAA"] },
  selfCheckVectors: [Float64Array.of(3, 0, 0, 1, 0.5), Float64Array.of(30, 1, Number.NaN, 0, Number.POSITIVE_INFINITY)],
};

test("an artifact written and loaded scores as the model did", async () => {
  const written = await writeVersionArtifact(blobs, "a", artifact);
  const { manifest, predictor } = await loadVersionArtifact(blobs, "a");
  expect(manifest).toEqual(written);
  expect(manifest.selfCheck.scores).toEqual([scoreOf(1, -0.5), scoreOf(1, 0.75)]);
  expect(predictor.predictRow(Float64Array.of(30, 0, 0, 0, 0), 0)).toBe(scoreOf(1, 0.25));
});

test("the same artifact written twice is the same bytes", async () => {
  await writeVersionArtifact(blobs, "b", artifact);
  await writeVersionArtifact(blobs, "c", artifact);
  for (const file of ["model.json", "manifest.json"]) expect(await blobs.get(`b/${file}`)).toEqual(await blobs.get(`c/${file}`));
});

test("rows of another shape are refused before anything is written", async () => {
  await expect(writeVersionArtifact(blobs, "d", { ...artifact, selfCheckVectors: [Float64Array.of(1)] })).rejects.toMatchObject({ code: "SHAPE_MISMATCH" });
  await expect(writeVersionArtifact(blobs, "d", { ...artifact, selfCheckVectors: [] })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  expect(await blobs.list("d")).toEqual([]);
});

test("a folder without its manifest, as a crash between the two files leaves it, is missing, not half a version", async () => {
  await writeVersionArtifact(blobs, "e", artifact);
  await blobs.delete("e/manifest.json");
  await expect(loadVersionArtifact(blobs, "e")).rejects.toMatchObject({ code: "ARTIFACT_MISSING", details: { path: "e/manifest.json" } });
});

describe("a version of another library's model file", () => {
  const golden = readGoldenCases("models-lightgbm.json.gz").find(({ name }) => name === "binary")!;
  const numFeatures = 5;
  const rows = Array.from({ length: 8 }, (_, row) => golden.rows.slice(row * numFeatures, (row + 1) * numFeatures)).filter((row) =>
    row.every((x) => x !== Infinity),
  );
  const foreign: NewVersionArtifact = {
    ...artifact,
    service: { ...lateRide.service, slots: lateRide.service.slots.slice(0, numFeatures) },
    model: { file: "model.lgb", bytes: golden.model, expectedScores: Array.from(golden.predict.subarray(0, 8)) },
    selfCheckVectors: rows,
  };

  test("answers after a load as the library did", async () => {
    expect(foreign.service.slots.length).toBe(numFeatures);
    await writeVersionArtifact(blobs, "f", foreign);
    const { manifest, predictor, servable } = await loadVersionArtifact(blobs, "f", decodeElsewhere);
    expect(manifest).toMatchObject({ format: 2, modelFile: "model.lgb" });
    expect(servable.format).toBe("lightgbm");
    const raw = new Float64Array(golden.numRows);
    await predictor.scoreRows!(golden.rows, golden.numRows, raw);
    expect(raw[3]).toBe(golden.raw[3]);
  });

  test("is refused where the library's own predictions differ, before anything is written", async () => {
    const expectedScores = Array.from(golden.predict.subarray(0, 8));
    expectedScores[5]! += 1e-5;
    const wrong = { ...foreign, model: { file: "model.lgb", bytes: golden.model, expectedScores } };
    await expect(writeVersionArtifact(blobs, "g", wrong)).rejects.toMatchObject({ code: "MODEL_SELF_CHECK_FAILED", details: { row: 5 } });
    expect(await blobs.list("g")).toEqual([]);
  });

  test("is refused at load when its stored rows score otherwise", async () => {
    await writeVersionArtifact(blobs, "h", foreign);
    const manifest = JSON.parse(new TextDecoder().decode(await blobs.get("h/manifest.json"))) as { selfCheck: { scores: number[] } };
    manifest.selfCheck.scores[2]! += Number.EPSILON;
    await blobs.put("h/manifest.json", new TextEncoder().encode(JSON.stringify(manifest)));
    await expect(loadVersionArtifact(blobs, "h")).rejects.toMatchObject({ code: "MODEL_SELF_CHECK_FAILED", details: { row: 2 } });
  });

  test("is refused with other features, or several numbers a row", async () => {
    const multiclass = readGoldenCases("models-lightgbm.json.gz").find(({ name }) => name === "multiclass")!;
    await expect(writeVersionArtifact(blobs, "i", { ...foreign, model: { file: "m.txt", bytes: multiclass.model } })).rejects.toMatchObject({
      code: "ARTIFACT_INVALID",
      message: expect.stringMatching(/gives 3 numbers a row/),
    });
    const named = new TextEncoder().encode(new TextDecoder().decode(golden.model).replace("feature_names=Column_0", "feature_names=speed"));
    await expect(writeVersionArtifact(blobs, "i", { ...foreign, model: { file: "m.txt", bytes: named } })).rejects.toThrow(
      /features are not the manifest's slots/,
    );
    expect(await blobs.list("i")).toEqual([]);
  });
});
