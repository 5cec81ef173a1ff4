import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../../src/kernel/clock.ts";
import { idMaker } from "../../src/kernel/ids.ts";
import { seededRng } from "../../src/kernel/rng.ts";
import { createModelCatalog } from "../../src/registry/catalog-store.ts";
import { createRegistry } from "../../src/registry/store.ts";
import { registryMigrations } from "../../src/registry/tables.ts";
import type { BlobStore } from "../../src/storage/blobs/port.ts";
import { openFileBlobs } from "../../src/storage/blobs/files.ts";
import { createTracking, type TrackingStore } from "../../src/tracking/store.ts";
import { trackingMigrations } from "../../src/tracking/tables.ts";
import { openFolderSource } from "../../src/workflows/import-mlflow/folder-source.ts";
import { importMlflow, type ImportParts } from "../../src/workflows/import-mlflow/import.ts";
import { importMigrations } from "../../src/workflows/import-mlflow/journal.ts";
import type { ImportReport } from "../../src/workflows/import-mlflow/report.ts";
import { scratchFolder } from "./scratch-folder.ts";
import { createWorkspaces } from "../../src/tracking/workspaces.ts";
import type { MakeSqlFixture, SqlFixture } from "./sql-fixture.ts";

const run = "c".repeat(32);
const modelId = `m-${"d".repeat(32)}`;

/** What an import promises on every database. */
export function importContract(name: string, makeFixture: MakeSqlFixture): void {
  describe(`import: ${name}`, () => {
    const folder = scratchFolder();
    let fixture: SqlFixture;
    let parts: ImportParts;
    let tracking: TrackingStore;
    let blobs: BlobStore;
    const put = (file: string, text: string): void => {
      const at = path.join(folder, "mlruns", file);
      mkdirSync(path.dirname(at), { recursive: true });
      writeFileSync(at, text);
    };
    const bring = async (): Promise<ImportReport> => importMlflow(await openFolderSource(path.join(folder, "mlruns")), parts);

    beforeAll(async () => {
      fixture = await makeFixture([...trackingMigrations, ...registryMigrations, ...importMigrations]);
      const { database } = fixture;
      const rng = seededRng("import");
      const clock = new ManualClock(1_800_000_000_000_000);
      const newId = idMaker(clock, (length) => Uint8Array.from({ length }, () => rng.int(256)));
      blobs = await openFileBlobs(path.join(folder, "blobs"));
      tracking = createTracking({ database, blobs, clock, newId });
      const catalog = createModelCatalog({ database, clock, newId, registry: createRegistry({ database, clock }) });
      parts = { database, blobs, tracking, catalog, onProgress: () => {} };
      put("7/meta.yaml", "name: brought\nlifecycle_stage: active\ncreation_time: 1700000000000\n");
      put("7/tags/owner", "ana");
      put(
        `7/${run}/meta.yaml`,
        `run_id: ${run}\nrun_name: one\nstatus: 3\nstart_time: 1700000000000\nend_time: 1700000000900\nlifecycle_stage: active\nuser_id: ana\n`,
      );
      put(`7/${run}/params/a/b`, "x'y\n");
      put(`7/${run}/tags/team`, "red ü 😀");
      put(`7/${run}/metrics/loss`, "1700000000001 0.5 1\n1700000000002 nan 2\n1700000000001 0.5 1\n1700000000003 -inf -3\n");
      put(`7/${run}/artifacts/deep/a.txt`, "content");
      put(`7/${run}/outputs/${modelId}/meta.yaml`, `destination_id: ${modelId}\nstep: 4\n`);
      put(
        `7/models/${modelId}/meta.yaml`,
        `model_id: ${modelId}\nname: m\nstatus: 2\ncreation_timestamp: 1700000000000\nlast_updated_timestamp: 1700000000001\nsource_run_id: ${run}\n`,
      );
      put(`7/models/${modelId}/artifacts/MLmodel`, "flavors: {}\n");
      put("models/reg/meta.yaml", "name: reg\ncreation_timestamp: 1700000000000\nlast_updated_timestamp: 1700000000001\ndescription: d\n");
      put(
        "models/reg/version-2/meta.yaml",
        `version: 2\nname: reg\ncurrent_stage: Staging\nsource: models:/${modelId}\nrun_id: ${run}\ncreation_timestamp: 1700000000000\nlast_updated_timestamp: 1700000000001\n`,
      );
      put("models/reg/aliases/prod", "2");
    });
    afterAll(() => fixture.dispose());

    it("brings everything once, with the ids, numbers and times it had", async () => {
      const report = await bring();
      expect(report).toMatchObject({ refused: [], failed: 0, runsHereBefore: 0 });
      expect(report.verified).toMatchObject({
        experiments: 1,
        runs: 1,
        params: 1,
        tags: 1,
        "metric points": 3,
        "logged models": 1,
        "artifact files": 2,
        "registered models": 1,
        versions: 1,
        aliases: 1,
      });
      const record = await tracking.runs.get(run);
      expect(record).toMatchObject({
        userId: "ana",
        modelOutputs: [{ modelId, step: 4 }],
        run: { name: "one", startUs: 1_700_000_000_000_000, endUs: 1_700_000_000_900_000, params: { "a/b": "x'y\n" }, tags: { team: "red ü 😀" } },
      });
      expect((await tracking.metricHistory(run, "loss")).map((m) => [m.step, String(m.value)])).toEqual([
        [1, "0.5"],
        [2, "NaN"],
        [-3, "-Infinity"],
      ]);
      expect(await parts.catalog.getVersion("reg", 2)).toMatchObject({
        stage: "Staging",
        runId: run,
        aliases: ["prod"],
        downloadUri: `mlflow-artifacts:/1/models/${modelId}/artifacts`,
      });
      expect(Buffer.from(await blobs.get(`1/${run}/artifacts/deep/a.txt`)).toString()).toBe("content");
      expect(await tracking.runs.search({ experimentIds: ["1"], view: "ALL", limit: 10, orderBy: ["metrics.loss DESC"] })).toMatchObject({
        items: [{ run: { runId: run } }],
      });
    });

    it("brings nothing twice, but a run that went on since, with what it gained", async () => {
      expect(await bring()).toMatchObject({ failed: 0, runsHereBefore: 1 });
      writeFileSync(path.join(folder, "mlruns", "7", run, "metrics", "loss"), "1700000000001 0.5 1\n1700000000009 0.1 9\n", { flag: "a" });
      const again = await bring();
      expect(again).toMatchObject({ failed: 0, runsHereBefore: 0, refused: [] });
      expect(again.verified["metric points"]).toBe(4);
      expect((await tracking.metricHistory(run, "loss")).length).toBe(4);
    });

    it("says so when what is here is not what is there, and does not note it as done", async () => {
      await tracking.logBatch(run, { params: { "made-here": "1" } });
      put(`7/${run}/tags/team`, "blue");
      const report = await bring();
      expect(report.failed).toBe(1);
      expect(report.refused[0]?.why).toMatch(/differs/);
      expect((await bring()).failed).toBe(1);
    });

    it("brings it into the workspace it is for, files too, and tells no other of it", async () => {
      const own = await makeFixture([...trackingMigrations, ...registryMigrations, ...importMigrations]);
      const { database } = own;
      const clock = new ManualClock(1_800_000_000_000_000);
      const newId = (): string => "f".repeat(32);
      await createWorkspaces({ database, clock, contents: [] }).create("team-a", {});
      const [all, models] = [
        createTracking({ database, blobs, clock, newId }),
        createModelCatalog({ database, clock, newId, registry: createRegistry({ database, clock }) }),
      ];
      const [inTeam, teamModels] = [all.inWorkspace("team-a"), models.inWorkspace("team-a")];
      const work = { database, blobs, tracking: inTeam, catalog: teamModels, onProgress: () => {} };
      const report = await importMlflow(await openFolderSource(path.join(folder, "mlruns")), work);
      expect([report.failed, report.refused]).toEqual([0, []]);
      const { experimentId } = (await inTeam.experiments.named("brought"))!;
      expect((await inTeam.files.list({ experimentId, runId: run, path: "deep" })).map((f) => f.name)).toEqual(["a.txt"]);
      expect((await inTeam.modelFiles.list({ experimentId, modelId, path: "" })).map((f) => f.name)).toEqual(["MLmodel"]);
      const version = await teamModels.getVersion("reg", 2);
      expect([version.model, version.aliases]).toEqual(["reg", ["prod"]]);
      expect(await teamModels.artifactPath("reg", 2)).toBe(`workspaces/team-a/${experimentId}/models/${modelId}/artifacts`);
      expect(await all.experiments.named("brought")).toBeUndefined();
      await expect(models.getModel("reg")).rejects.toMatchObject({ code: "REGISTERED_MODEL_NOT_FOUND" });
      await own.dispose();
    });

    it("leaves a registered model of this program alone", async () => {
      await catalogOf().createModel({ name: "ours", tags: {} });
      await createModelVersion();
      put("models/ours/meta.yaml", "name: ours\ncreation_timestamp: 1\nlast_updated_timestamp: 1\n");
      put(
        "models/ours/version-1/meta.yaml",
        "version: 1\nname: ours\ncurrent_stage: Production\nsource: s3://theirs/model\ncreation_timestamp: 1\nlast_updated_timestamp: 1\n",
      );
      const report = await bring();
      expect(report.refused.some((r) => r.what === "registered model ours")).toBe(true);
      expect((await parts.catalog.getVersion("ours", 1)).source).toBe("s3://ours/model");
    });

    async function createModelVersion(): Promise<void> {
      await catalogOf().createVersion({ model: "ours", source: "s3://ours/model", downloadUri: "s3://ours/model", artifactPath: "", runId: "", tags: {} });
    }

    function catalogOf(): ReturnType<typeof createModelCatalog> {
      const { database } = fixture;
      const clock = new ManualClock(1_800_000_000_000_000);
      return createModelCatalog({ database, clock, newId: () => "e".repeat(32), registry: createRegistry({ database, clock }) });
    }
  });
}
