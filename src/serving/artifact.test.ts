import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openFileBlobs } from "../storage/blobs/files.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import { loadVersionArtifact, writeVersionArtifact, type NewVersionArtifact } from "./artifact.ts";
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
