import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDirectory, type Directory } from "../../src/access/directory.ts";
import { accessMigrations } from "../../src/access/tables.ts";
import { ManualClock } from "../../src/kernel/clock.ts";
import { idMaker } from "../../src/kernel/ids.ts";
import { seededRng } from "../../src/kernel/rng.ts";
import type { ModelCatalog } from "../../src/registry/catalog.ts";
import { createModelCatalog } from "../../src/registry/catalog-store.ts";
import { createRegistry } from "../../src/registry/store.ts";
import { registryMigrations } from "../../src/registry/tables.ts";
import { announceToWebhooks } from "../../src/registry/webhooks/outbox.ts";
import { createVault } from "../../src/registry/webhooks/sealed.ts";
import { createWebhooks, type Webhooks } from "../../src/registry/webhooks/webhooks.ts";
import { workspacesOf } from "../../src/server/workspace-contents.ts";
import { openFileBlobs } from "../../src/storage/blobs/files.ts";
import type { BlobStore } from "../../src/storage/blobs/port.ts";
import { migrate } from "../../src/storage/sql/migrate.ts";
import type { Migration } from "../../src/storage/sql/port.ts";
import { createTrackingIntake } from "../../src/tracking/intake.ts";
import { savedViewMigrations } from "../../src/tracking/saved-views.ts";
import { createTracking, type TrackingStore } from "../../src/tracking/store.ts";
import { trackingMigrations } from "../../src/tracking/tables.ts";
import type { Workspaces } from "../../src/tracking/workspaces.ts";
import type { MakeSqlFixture, SqlFixture } from "./sql-fixture.ts";

const all: readonly Migration[] = [...trackingMigrations, ...registryMigrations, ...savedViewMigrations, ...accessMigrations];
const before = (list: readonly Migration[]): readonly Migration[] => list.filter(({ id }) => !id.endsWith("-workspaces"));

/** What every database must keep of the promises in `src/tracking/workspaces.ts`. */
export function workspacesContract(name: string, makeFixture: MakeSqlFixture): void {
  describe(`workspaces on ${name}`, () => {
    let fixture: SqlFixture;
    let folder: string;
    let blobs: BlobStore;
    let workspaces: Workspaces;
    let tracking: TrackingStore;
    let catalog: ModelCatalog;
    let webhooks: Webhooks;
    let directory: Directory;
    const clock = new ManualClock(1_700_000_000_000_000);
    const rng = seededRng("workspaces");
    const newId = idMaker(clock, (length) => Uint8Array.from({ length }, () => rng.int(256)));

    const open = (database: SqlFixture["database"]): void => {
      tracking = createTracking({ database, blobs, clock, newId });
      directory = createDirectory({ database, clock });
      workspaces = workspacesOf({ database, blobs, clock, directory });
      const announce = announceToWebhooks({ clock, newId });
      catalog = createModelCatalog({ database, clock, newId, registry: createRegistry({ database, clock, announce }), announce });
      webhooks = createWebhooks({ database, clock, newId, vault: createVault([Buffer.alloc(32, 1)], "here") });
    };
    beforeAll(async () => {
      fixture = await makeFixture(all);
      folder = await mkdtemp(path.join(tmpdir(), "karkhana-blobs-"));
      blobs = await openFileBlobs(folder);
      open(fixture.database);
      for (const each of ["team-a", "team-b"]) await workspaces.create(each, {});
    });
    afterAll(async () => {
      await fixture.dispose();
      await rm(folder, { recursive: true });
    });

    /** One of everything that lies in a workspace. */
    const fill = async (workspace: string, names: string): Promise<{ experimentId: string; runId: string; modelId: string; webhookId: string }> => {
      const own = tracking.inWorkspace(workspace);
      const experimentId = await own.experiments.create({ name: names, tags: { t: "1" } });
      const { runId } = (await own.runs.create({ experimentId, userId: "", startUs: 1, tags: { t: "1" } })).run;
      const { modelId } = await own.loggedModels.create({ experimentId, sourceRunId: runId, params: { p: "1" }, tags: {} });
      await own.logBatch(runId, { params: { p: "1" }, metrics: [{ key: "m", value: 1, step: 0, timestampMs: 1 }] });
      await own.files.write({ experimentId, runId, path: "a.txt" }, bytes());
      await own.modelFiles.write({ experimentId, modelId, path: "MLmodel" }, bytes());
      await own.views.save(names, `q=${workspace}`);
      const models = catalog.inWorkspace(workspace);
      await models.createModel({ name: names, tags: { t: "1" } });
      await models.createVersion({ model: names, source: "s3://b/m", downloadUri: "s3://b/m", artifactPath: "", runId: "", tags: {} });
      await models.setAlias(names, "best", 1);
      const events = ["model_version.created", "model_version_alias.created"] as const;
      const { webhookId } = await webhooks.inWorkspace(workspace).create({ name: names, url: "https://example.com", events });
      return { experimentId, runId, modelId, webhookId };
    };

    it("holds the same names apart, each with what is its own", async () => {
      const a = await fill("team-a", "same");
      const b = await fill("team-b", "same");
      const [inA, inB] = [tracking.inWorkspace("team-a"), tracking.inWorkspace("team-b")];
      expect((await inA.experiments.named("same"))?.experimentId).toBe(a.experimentId);
      expect((await inB.experiments.named("same"))?.experimentId).toBe(b.experimentId);
      expect(await tracking.experiments.named("same")).toBeUndefined();
      await expect(inA.experiments.create({ name: "same", tags: {} })).rejects.toMatchObject({ code: "EXPERIMENT_EXISTS" });
      await expect(catalog.inWorkspace("team-a").createModel({ name: "same", tags: {} })).rejects.toMatchObject({
        code: "REGISTERED_MODEL_EXISTS",
        details: { model: "same" },
      });
      const page = await catalog.inWorkspace("team-a").searchVersions({ filter: "name = 'same'", limit: 10 });
      expect(page.items.map(({ model, version, aliases }) => [model, version, aliases])).toEqual([["same", 1, ["best"]]]);
      expect((await catalog.inWorkspace("team-b").searchModels({ filter: "name LIKE 'sa%'", limit: 10 })).items.map((m) => m.name)).toEqual(["same"]);
      expect((await catalog.searchModels({ limit: 10 })).items).toEqual([]);
      expect((await inA.views.list()).map((v) => v.query)).toEqual(["q=team-a"]);
      expect((await webhooks.inWorkspace("team-b").list({ limit: 10 })).items.map((w) => w.webhookId)).toEqual([b.webhookId]);
    });

    it("keeps the files of each in a folder of its own, and those of `default` where they always were", async () => {
      const found = await tracking.inWorkspace("team-a").experiments.named("same");
      const { items } = await tracking.inWorkspace("team-a").runs.search({ experimentIds: [found!.experimentId], view: "ALL", limit: 1 });
      const { run, artifactUri } = items[0]!;
      expect(found!.artifactLocation).toBe(`mlflow-artifacts:/workspaces/team-a/${found!.experimentId}`);
      expect(run.artifactPath).toBe(`workspaces/team-a/${found!.experimentId}/${run.runId}/artifacts`);
      expect(artifactUri).toBe(`mlflow-artifacts:/${run.artifactPath}`);
      expect((await blobs.list(run.artifactPath)).map((entry) => entry.path)).toEqual([`${run.artifactPath}/a.txt`]);
      const { run: own } = await tracking.runs.create({ experimentId: "0", userId: "", startUs: 1, tags: {} });
      expect(own.artifactPath).toBe(`0/${own.runId}/artifacts`);
    });

    it("shows nobody what lies in another: every id of one is unknown in the next", async () => {
      const { experimentId, runId, modelId, webhookId } = await fill("team-a", "hidden");
      for (const workspace of ["default", "team-b"]) {
        const other = tracking.inWorkspace(workspace);
        const [experiment, run, model] = [{ code: "EXPERIMENT_NOT_FOUND" }, { code: "RUN_NOT_FOUND" }, { code: "LOGGED_MODEL_NOT_FOUND" }];
        const refused: readonly (readonly [() => Promise<unknown>, object])[] = [
          [() => other.experiments.get(experimentId), experiment],
          [() => other.experiments.rename(experimentId, "x"), experiment],
          [() => other.experiments.setStage(experimentId, "deleted"), experiment],
          [() => other.experiments.setTag(experimentId, "k", "v"), experiment],
          [() => other.experiments.deleteTag(experimentId, "t"), experiment],
          [() => other.purging.purgeExperiment(experimentId), experiment],
          [() => other.createRun({ experimentId, name: "x" }), experiment],
          [() => other.runs.create({ experimentId, userId: "", startUs: 1, tags: {} }), experiment],
          [() => other.loggedModels.create({ experimentId, params: {}, tags: {} }), experiment],
          [() => other.getRun(runId), run],
          [() => other.logBatch(runId, { tags: { k: "v" } }), run],
          [() => other.finishRun(runId, "FAILED"), run],
          [() => other.metricHistory(runId, "m"), run],
          [() => other.runs.get(runId), run],
          [() => other.runs.update(runId, { name: "x" }), run],
          [() => other.runs.setStage(runId, "deleted"), run],
          [() => other.runs.logDatasets(runId, []), run],
          [() => other.runs.logModels(runId, {}), run],
          [() => other.runs.deleteTag(runId, "t"), run],
          [() => other.runs.metricHistory(runId, "m", {}), run],
          [() => other.runs.sampledHistory([runId], "m", { limit: 5 }), run],
          [() => other.purging.purgeRun(runId), run],
          [() => other.files.list({ experimentId, runId, path: "" }), run],
          [() => other.files.write({ experimentId, runId, path: "b" }, bytes()), run],
          [() => other.files.read({ experimentId, runId, path: "a.txt" }), run],
          [() => other.files.delete({ experimentId, runId, path: "a.txt" }), run],
          [() => other.logArtifact(runId, "b", new Uint8Array()), run],
          [() => other.listArtifacts(runId), run],
          [() => other.getArtifact(runId, "a.txt"), run],
          [() => other.loggedModels.get(modelId, { allowDeleted: true }), model],
          [() => other.loggedModels.setStatus(modelId, "READY"), model],
          [() => other.loggedModels.delete(modelId), model],
          [() => other.loggedModels.logParams(modelId, {}), model],
          [() => other.loggedModels.setTags(modelId, {}), model],
          [() => other.loggedModels.deleteTag(modelId, "t"), model],
          [() => other.modelFiles.list({ experimentId, modelId, path: "" }), model],
          [() => other.modelFiles.read({ experimentId, modelId, path: "MLmodel" }), model],
          [() => webhooks.inWorkspace(workspace).get(webhookId), { code: "WEBHOOK_NOT_FOUND" }],
          [() => webhooks.inWorkspace(workspace).update(webhookId, { name: "x" }), { code: "WEBHOOK_NOT_FOUND" }],
          [() => webhooks.inWorkspace(workspace).delete(webhookId), { code: "WEBHOOK_NOT_FOUND" }],
          [() => webhooks.inWorkspace(workspace).secretOf(webhookId), { code: "WEBHOOK_NOT_FOUND" }],
        ];
        for (const [attempt, error] of refused) await expect(attempt()).rejects.toMatchObject(error);
        const models = catalog.inWorkspace(workspace);
        for (const unknown of ["hidden", "team-a/hidden"])
          for (const attempt of [
            () => models.getModel(unknown),
            () => models.describeModel(unknown, "x"),
            () => models.deleteModel(unknown),
            () => models.renameModel(unknown, "x"),
            () => models.setModelTag(unknown, "k", "v"),
            () => models.versionByAlias(unknown, "best"),
          ])
            await expect(attempt()).rejects.toMatchObject({ code: "REGISTERED_MODEL_NOT_FOUND", details: { model: unknown } });
        await expect(models.getVersion("hidden", 1)).rejects.toMatchObject({ code: "VERSION_NOT_FOUND", details: { model: "hidden" } });
        const search = { experimentIds: [experimentId], view: "ALL", limit: 10 } as const;
        expect((await other.runs.search(search)).items).toEqual([]);
        expect((await other.runs.search({ ...search, orderBy: ["metrics.m DESC"] })).items).toEqual([]);
        expect(await other.runs.count(search)).toBe(0);
        expect(await other.runs.bulkHistory([runId], "m", 10)).toEqual([]);
        expect(await other.runs.datasetSummaries([experimentId], 10)).toEqual([]);
        expect((await other.listRuns(experimentId)).runs).toEqual([]);
        expect((await other.loggedModels.search({ experimentIds: [experimentId], datasets: [], orderBy: [], limit: 10 })).items).toEqual([]);
        expect(await other.table.count({ experimentIds: [experimentId], view: "ALL" })).toBe(0);
        expect((await other.table.order({ experimentIds: [experimentId], view: "ALL" }, [])).length).toBe(0);
        expect((await other.table.keys({ experimentIds: [experimentId], view: "ALL" })).params).toEqual([]);
        expect((await other.table.groups({ experimentIds: [experimentId], view: "ALL" }, "params.p", [])).groups).toEqual([]);
        expect(await other.table.rows([runId], { metrics: ["m"], params: [], tags: [] })).toEqual([]);
        expect(await other.table.metrics(runId)).toEqual([]);
        expect(await other.table.series({ runId, key: "m", axis: "step", buckets: 10 })).toMatchObject({ total: 0, x: [] });
        expect((await other.table.experiments()).map((row) => row.experimentId)).not.toContain(experimentId);
        expect((await other.experiments.search({ view: "ALL", limit: 100 })).items.map((e) => e.experimentId)).not.toContain(experimentId);
        expect((await other.listExperiments()).map((e) => e.experimentId)).not.toContain(experimentId);
      }
      expect((await tracking.inWorkspace("team-a").runs.get(runId)).run).toMatchObject({ status: "RUNNING", params: { p: "1" }, tags: { t: "1" } });
    });

    it("lets a run name only models of its own workspace", async () => {
      const { modelId } = await fill("team-a", "model-owner");
      const inB = tracking.inWorkspace("team-b");
      const { experimentId } = (await inB.experiments.named("same"))!;
      const { runId } = (await inB.runs.create({ experimentId, userId: "", startUs: 1, tags: {} })).run;
      await expect(inB.runs.logModels(runId, { inputs: [modelId] })).rejects.toMatchObject({ code: "LOGGED_MODEL_NOT_FOUND" });
      const metrics = [{ key: "m", value: 1, step: 0, timestampMs: 1, modelId }];
      await expect(inB.logBatch(runId, { metrics })).rejects.toMatchObject({ code: "LOGGED_MODEL_NOT_FOUND" });
    });

    it("tells webhooks of their own workspace, by the name that is used there", async () => {
      await sql`delete from registry_deliveries`.execute(fixture.database.db);
      await catalog.inWorkspace("team-a").setAlias("same", "next", 1);
      const { rows } = await sql<{ body: string; workspace: string }>`
        select d.body, w.workspace from registry_deliveries as d join registry_webhooks as w on w.webhook_id = d.webhook_id`.execute(fixture.database.db);
      expect(new Set(rows.map((row) => row.workspace))).toEqual(new Set(["team-a"]));
      expect(JSON.parse(rows[0]!.body)).toMatchObject({ workspace: "team-a", data: { name: "same", alias: "next", version: "1" } });
    });

    it("takes what comes from another MLflow into the workspace it is for", async () => {
      const intake = createTrackingIntake(fixture.database, "team-b");
      const experimentId = await intake.experiment({ name: "taken in", createdUs: 1, stage: "active", tags: {} });
      expect((await tracking.inWorkspace("team-b").experiments.get(experimentId)).name).toBe("taken in");
      await expect(tracking.experiments.get(experimentId)).rejects.toMatchObject({ code: "EXPERIMENT_NOT_FOUND" });
    });

    it("has names as MLflow's clients take them, each once", async () => {
      for (const bad of ["a", "A-team", "-x", "x-", "a_b", "x".repeat(64), "workspaces", "api", "default", "../up", "a/b", ""])
        await expect(workspaces.create(bad, {})).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      await expect(workspaces.create("team-a", {})).rejects.toMatchObject({ code: "WORKSPACE_EXISTS" });
      await expect(workspaces.get("nowhere")).rejects.toMatchObject({ code: "WORKSPACE_NOT_FOUND" });
      await expect(workspaces.update("nowhere", { description: "x" })).rejects.toMatchObject({ code: "WORKSPACE_NOT_FOUND" });
      expect(await workspaces.update("team-a", { description: "the first" })).toMatchObject({ name: "team-a", description: "the first" });
      expect((await workspaces.list()).map((w) => w.name)).toEqual(["default", "team-a", "team-b"]);
      await expect(workspaces.delete("default", "CASCADE")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    });

    it("puts new experiments below a place of its own, where it has one", async () => {
      await workspaces.create("placed", { artifactRoot: "s3://bucket/team/" });
      const own = tracking.inWorkspace("placed");
      const id = await own.experiments.create({ name: "e", tags: {} });
      expect((await own.experiments.get(id)).artifactLocation).toBe(`s3://bucket/team/${id}`);
      await workspaces.update("placed", { artifactRoot: "" });
      const next = await own.experiments.create({ name: "f", tags: {} });
      expect((await own.experiments.get(next)).artifactLocation).toBe(`mlflow-artifacts:/workspaces/placed/${next}`);
      await workspaces.delete("placed", "CASCADE");
    });

    it("is deleted when it is empty, and roles in it go with it", async () => {
      await workspaces.create("short", {});
      await directory.addUser("ada", "viewer");
      await directory.setRole("ada", "editor", "short");
      const id = await tracking.inWorkspace("short").experiments.create({ name: "e", tags: {} });
      await expect(workspaces.delete("short", "RESTRICT")).rejects.toMatchObject({
        code: "WORKSPACE_NOT_EMPTY",
        message: expect.stringContaining("table 'experiments' still contains 1 resource(s)"),
      });
      expect((await tracking.inWorkspace("short").experiments.get(id)).name).toBe("e");
      await tracking.inWorkspace("short").experiments.setStage(id, "deleted");
      await tracking.inWorkspace("short").purging.purgeExperiment(id);
      await workspaces.delete("short", "RESTRICT");
      expect(await directory.rolesOf("ada")).toEqual({ default: "viewer" });
      expect(await workspaces.has("short")).toBe(false);
      await expect(tracking.inWorkspace("short").experiments.create({ name: "e", tags: {} })).rejects.toMatchObject({ code: "WORKSPACE_NOT_FOUND" });
      await expect(catalog.inWorkspace("short").createModel({ name: "m", tags: {} })).rejects.toMatchObject({ code: "WORKSPACE_NOT_FOUND" });
      await expect(tracking.inWorkspace("short").views.save("v", "q")).rejects.toMatchObject({ code: "WORKSPACE_NOT_FOUND" });
      await expect(webhooks.inWorkspace("short").create({ name: "w", url: "https://example.com", events: [] })).rejects.toMatchObject({
        code: "WORKSPACE_NOT_FOUND",
      });
    });

    it("is deleted with all that is in it, rows and files, and nothing beside it", async () => {
      await workspaces.create("gone", {});
      const { experimentId, runId } = await fill("gone", "same");
      expect(await blobs.list(`workspaces/gone/${experimentId}`)).not.toEqual([]);
      await workspaces.delete("gone", "CASCADE");
      expect(await blobs.list(`workspaces/gone/${experimentId}/${runId}/artifacts`)).toEqual([]);
      await workspaces.create("gone", {});
      expect((await tracking.inWorkspace("gone").experiments.search({ view: "ALL", limit: 10 })).items).toEqual([]);
      expect((await catalog.inWorkspace("gone").searchModels({ limit: 10 })).items).toEqual([]);
      expect((await webhooks.inWorkspace("gone").list({ limit: 10 })).items).toEqual([]);
      expect(await tracking.inWorkspace("gone").views.list()).toEqual([]);
      expect((await catalog.inWorkspace("team-a").getModel("same")).aliases).toEqual({ best: 1, next: 1 });
      await workspaces.delete("gone", "RESTRICT");
    });

    it("is emptied into `default`, whose names win; addresses and files stay what they were", async () => {
      await workspaces.create("moving", {});
      const { experimentId, runId, modelId, webhookId } = await fill("moving", "moved");
      const address = (await tracking.inWorkspace("moving").runs.get(runId)).artifactUri;
      await tracking.experiments.create({ name: "moved", tags: {} });
      await expect(workspaces.delete("moving", "SET_DEFAULT")).rejects.toMatchObject({
        code: "WORKSPACE_CONFLICT",
        details: { names: ["experiments: 'moved'"] },
      });
      await tracking.experiments.rename((await tracking.experiments.named("moved"))!.experimentId, "was there first");
      await workspaces.delete("moving", "SET_DEFAULT");
      expect((await tracking.experiments.get(experimentId)).name).toBe("moved");
      expect(await tracking.runs.get(runId)).toMatchObject({ artifactUri: address, run: { params: { p: "1" } } });
      expect((await tracking.files.list({ experimentId, runId, path: "" })).map((f) => f.name)).toEqual(["a.txt"]);
      expect((await tracking.loggedModels.get(modelId)).sourceRunId).toBe(runId);
      expect((await catalog.getModel("moved")).aliases).toEqual({ best: 1 });
      expect((await webhooks.inWorkspace("default").get(webhookId)).name).toBe("moved");
      expect((await tracking.views.list()).map((v) => v.name)).toEqual(["moved"]);
    });

    it("finds what was kept before there were workspaces in `default`", async () => {
      const old = await makeFixture([...before(trackingMigrations), ...before(registryMigrations), ...before(savedViewMigrations), ...accessMigrations]);
      const { db } = old.database;
      const runId = "0123456789abcdef0123456789abcdef";
      await sql`insert into tracking_experiments (experiment_id, name, created_us, stage) values (7, 'old', 5, 'deleted')`.execute(db);
      await sql`insert into tracking_experiment_tags (experiment_id, key, value) values (7, 'k', 'v')`.execute(db);
      await sql`insert into tracking_runs (run_id, experiment_id, name, status, start_us) values (${runId}, 7, 'old run', 'FINISHED', 1000)`.execute(db);
      await sql`insert into tracking_views (name, query, updated_us) values ('mine', 'q', 1)`.execute(db);
      await sql`insert into registry_models (model, last_version, last_event, created_us) values ('m', 0, 0, 1)`.execute(db);
      await migrate(old.database, all);
      open(old.database);
      expect(await tracking.experiments.get("7")).toMatchObject({ name: "old", stage: "deleted", createdUs: 5, tags: { k: "v" } });
      expect((await tracking.runs.get(runId)).run).toMatchObject({ name: "old run", artifactPath: `7/${runId}/artifacts` });
      expect((await tracking.views.list()).map((v) => v.name)).toEqual(["mine"]);
      expect((await catalog.getModel("m")).name).toBe("m");
      await expect(tracking.experiments.create({ name: "old", tags: {} })).rejects.toMatchObject({ code: "EXPERIMENT_EXISTS" });
      expect(await tracking.experiments.create({ name: "new", tags: {} })).toBe("8");
      // What points at an experiment still does.
      await expect(
        sql`insert into tracking_runs (run_id, experiment_id, name, status, start_us) values ('x', 99, 'r', 'RUNNING', 1)`.execute(db),
      ).rejects.toThrow(/foreign key/i);
      await old.dispose();
      open(fixture.database);
    });
  });
}

async function* bytes(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("content");
}
