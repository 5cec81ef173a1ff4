import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createControl, type Control } from "../../src/server/control.ts";
import { controlWorld, type ControlWorld } from "../../src/server/test-world.ts";
import { loadVersionArtifact } from "../../src/serving/artifact.ts";
import type { BlobStore } from "../../src/storage/blobs/port.ts";
import { adoptVersion, type AdoptParts } from "../../src/workflows/adopt-model.ts";

// What the stock client logs and registers, served without Python: the same numbers as the library that trained it.
const run = promisify(execFile);
const here = import.meta.dirname;

interface Told {
  readonly name: string;
  readonly rows: readonly (readonly (number | null)[])[];
  readonly predictions: readonly number[];
}

let world: ControlWorld;
let control: Control;
let blobs: BlobStore;
let parts: AdoptParts;
const told = new Map<string, Told>();

beforeAll(async () => {
  const installer = path.join(here, "..", "..", "scripts", "mlflow-client.ts");
  const python = (await run(process.execPath, [installer])).stdout.trim();
  world = await controlWorld(0);
  control = await createControl(world.rooms, { host: "127.0.0.1", port: 0, consoleFolder: "/dev/null/nowhere" });
  ({ blobs } = world);
  parts = { ...world.rooms, tracking: world.tracking, registry: world.registry, blobs, projectName: "small-airline" };
  const env = {
    ...process.env,
    MLFLOW_TRACKING_URI: control.url,
    MLFLOW_HTTP_REQUEST_MAX_RETRIES: "1",
    MLFLOW_DISABLE_TELEMETRY: "true",
    DO_NOT_TRACK: "true",
    KARKHANA_SLOTS: JSON.stringify(world.model.service.slots.map((slot) => slot.name)),
  };
  const { stdout } = await run(python, [path.join(here, "mlflow-models.py")], { env, maxBuffer: 64 * 1024 * 1024 });
  for (const line of stdout.split("\n").filter((text) => text.startsWith('{"name"'))) {
    const model = JSON.parse(line) as Told;
    told.set(model.name, model);
  }
});

afterAll(async () => {
  await control?.close();
  await world?.close();
});

describe("a model the stock client registered", () => {
  test.each(["lightgbm", "xgboost ubj", "xgboost json", "onnx"])("as %s is adopted by its alias and answers with its library's numbers", async (name) => {
    const adopted = await adoptVersion(parts, world.model, `models:/${name}@champion`, { waive: "a test" });
    expect(adopted).toMatchObject({ model: world.model.name, source: `models:/${name}/1`, format: name.split(" ")[0] });
    expect(await adoptVersion(parts, world.model, `models:/${name}/1`, { waive: "a test" })).toEqual(adopted);
    const { artifactPath, state } = await world.registry.getVersion(adopted.model, adopted.version);
    expect(state).toBe("registered");
    const { predictor, servable } = await loadVersionArtifact(blobs, artifactPath);
    const { rows, predictions } = told.get(name)!;
    expect(predictions).toHaveLength(20);
    for (const [i, row] of rows.entries())
      expect(
        predictor.predictRow(
          Float64Array.from(row, (x) => x ?? Number.NaN),
          0,
        ),
      ).toBeCloseTo(predictions[i]!, 6);
    await servable.close();
  });

  test("goes live by promotion once its proofs are waived or there, and is then champion on the wire", async () => {
    const { version } = await adoptVersion(parts, world.model, "models:/lightgbm@champion", { waive: "a test" });
    await world.registry.promote(world.model.name, version, "adopted");
    expect(await world.rooms.catalog.versionByAlias(world.model.name, "champion")).toMatchObject({ version, state: "champion" });
    expect(await world.registry.getDeployment(world.model.name)).toMatchObject({ champion: version });
  });

  test.each([
    ["lightgbm wrapped", /wrapped for scikit-learn and kept as model\.(pkl|skops)/, /model\.booster_/],
    ["python function", /python_function model, kept as a pickle/, /never run here/],
  ])("as %s is refused by name, with what to log instead", async (name, problem, remedy) => {
    await expect(adoptVersion(parts, world.model, `models:/${name}@champion`)).rejects.toMatchObject({
      code: "MODEL_FOLDER_REFUSED",
      message: expect.stringMatching(problem),
      remedy: expect.stringMatching(remedy),
    });
  });

  test("that owes its proofs does not go live", async () => {
    const other = await world.rooms.catalog.createVersion({
      ...(await world.rooms.catalog.getVersion("xgboost ubj", 1)),
      model: "xgboost ubj",
      artifactPath: await world.rooms.catalog.artifactPath("xgboost ubj", 1),
      tags: {},
    });
    const { version } = await adoptVersion(parts, world.model, `models:/xgboost ubj/${other.version}`);
    await expect(world.registry.promote(world.model.name, version, "too soon")).rejects.toMatchObject({ code: "PROOF_MISSING" });
  });

  test("whose files are elsewhere, or that is not there, is refused", async () => {
    await world.rooms.catalog.createVersion({ model: "onnx", source: "s3://b/m", downloadUri: "s3://b/m", artifactPath: "", runId: "", tags: {} });
    await expect(adoptVersion(parts, world.model, "models:/onnx/2")).rejects.toMatchObject({ code: "MODEL_FILES_ELSEWHERE" });
    await expect(adoptVersion(parts, world.model, "models:/onnx/9")).rejects.toMatchObject({ code: "VERSION_NOT_FOUND" });
    await expect(adoptVersion(parts, world.model, "models:/onnx@none")).rejects.toMatchObject({ code: "MODEL_ALIAS_NOT_FOUND" });
    await expect(adoptVersion(parts, world.model, "/etc/passwd")).rejects.toMatchObject({ code: "MODEL_FORMAT_UNKNOWN" });
    await expect(adoptVersion(parts, world.model, "/dev/null/nowhere")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});
