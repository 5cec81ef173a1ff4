import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ManualClock } from "../../src/kernel/clock.ts";
import type { CatalogPage, CatalogQuery, ModelCatalog, NewRegisteredVersion } from "../../src/registry/catalog.ts";
import { createModelCatalog } from "../../src/registry/catalog-store.ts";
import type { RegistryNotice } from "../../src/registry/notice.ts";
import { proofKinds, type Registry } from "../../src/registry/port.ts";
import { createRegistry } from "../../src/registry/store.ts";
import { registryMigrations } from "../../src/registry/tables.ts";
import type { MakeSqlFixture, SqlFixture } from "./sql-fixture.ts";

const run = promisify(execFile);

function version(model: string, over: Partial<NewRegisteredVersion> = {}): NewRegisteredVersion {
  return { model, source: "s3://bucket/m", downloadUri: "s3://bucket/m", artifactPath: "", runId: "run-1", tags: {}, ...over };
}

async function all<T>(search: (query: CatalogQuery) => Promise<CatalogPage<T>>, query: Omit<CatalogQuery, "limit">, limit = 2): Promise<T[]> {
  const items: T[] = [];
  let token: string | undefined;
  do {
    const page = await search({ ...query, limit, token });
    items.push(...page.items);
    token = page.nextToken;
  } while (token !== undefined);
  return items;
}

/** What every database must keep of the promises in `src/registry/catalog.ts`. */
export function catalogContract(name: string, makeFixture: MakeSqlFixture): void {
  describe(`model catalog on ${name}`, () => {
    let fixture: SqlFixture;
    let clock: ManualClock;
    let registry: Registry;
    let catalog: ModelCatalog;
    let notices: RegistryNotice[];

    beforeEach(async () => {
      fixture = await makeFixture(registryMigrations);
      clock = new ManualClock(1_000_000);
      notices = [];
      const announce = async (_trx: unknown, notice: RegistryNotice): Promise<void> => void notices.push(notice);
      registry = createRegistry({ database: fixture.database, clock, announce });
      let ids = 0;
      catalog = createModelCatalog({ database: fixture.database, clock, newId: () => `id-${ids++}`, registry, announce });
    });
    afterEach(() => fixture.dispose());

    const prove = async (model: string, n: number): Promise<void> => {
      for (const kind of proofKinds) await registry.addProof(model, n, { kind, passed: true, summary: `${kind} is good`, details: {} });
    };
    const trained = (model: string, requestId: string): ReturnType<Registry["registerVersion"]> =>
      registry.registerVersion({
        model,
        runId: "run-9",
        artifactPath: "0/run-9/artifacts/model",
        definitionHash: "d",
        serviceHash: "s",
        datasetHash: "t",
        requestId,
      });
    /** Model "m" with versions 1 and 2, of which 1 is deployed. */
    const deployed = async (): Promise<void> => {
      await trained("m", "a");
      await trained("m", "b");
      await prove("m", 1);
      await registry.promote("m", 1, "first");
    };

    it("keeps a model's name, description, tags and times", async () => {
      const made = await catalog.createModel({ name: "UpdateRMTest 2", description: "d", tags: { b: "2", a: "" } });
      expect(made).toEqual({
        name: "UpdateRMTest 2",
        description: "d",
        createdUs: 1_000_000,
        updatedUs: 1_000_000,
        tags: { a: "", b: "2" },
        aliases: {},
        latest: [],
      });
      clock.advanceBy(7);
      await catalog.setModelTag("UpdateRMTest 2", "a", "new");
      await catalog.deleteModelTag("UpdateRMTest 2", "b");
      await catalog.deleteModelTag("UpdateRMTest 2", "was never there");
      expect(await catalog.describeModel("UpdateRMTest 2", "")).toMatchObject({ description: "", updatedUs: 1_000_007, tags: { a: "new" } });
      await expect(catalog.createModel({ name: "UpdateRMTest 2", tags: {} })).rejects.toMatchObject({ code: "REGISTERED_MODEL_EXISTS" });
      await expect(catalog.getModel("other")).rejects.toMatchObject({ code: "REGISTERED_MODEL_NOT_FOUND" });
      await expect(catalog.setModelTag("other", "a", "b")).rejects.toMatchObject({ code: "REGISTERED_MODEL_NOT_FOUND" });
    });

    it("makes versions of both registries out of what either is given", async () => {
      await catalog.createModel({ name: "m", tags: {} });
      const first = await catalog.createVersion(version("m", { tags: { k: "v" }, description: "first", modelId: "m-1", runLink: "http://x" }));
      expect(first).toMatchObject({ model: "m", version: 1, state: "registered", stage: "None", tags: { k: "v" }, description: "first", modelId: "m-1" });
      expect(await trained("m", "a")).toMatchObject({ version: 2 });
      expect((await registry.listVersions("m")).map((v) => [v.version, v.source])).toEqual([
        [1, "s3://bucket/m"],
        [2, undefined],
      ]);
      expect(await catalog.getVersion("m", 2)).toMatchObject({ source: "mlflow-artifacts:/0/run-9/artifacts/model", runId: "run-9" });
      expect((await registry.listEvents("m")).map((e) => e.reason)).toEqual(["registered from s3://bucket/m", "trained by run run-9"]);
      await expect(catalog.createVersion(version("none"))).rejects.toMatchObject({ code: "REGISTERED_MODEL_NOT_FOUND" });
    });

    it("gives two clients that race for the next version two numbers, in this process and in others", async () => {
      await catalog.createModel({ name: "contested", tags: {} });
      const script = path.join(import.meta.dirname, "children", "catalog-writer.ts");
      const other = async (): Promise<number[]> => JSON.parse((await run(process.execPath, [script, fixture.address, "contested", "20"])).stdout);
      const here = async (): Promise<number[]> =>
        Promise.all(Array.from({ length: 20 }, async () => (await catalog.createVersion(version("contested"))).version));
      const [a, b, c] = await Promise.all([other(), other(), here()]);
      expect([...a, ...b, ...c].sort((x, y) => x - y)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    });

    it("keeps a deleted version's number and nothing that points at anything", async () => {
      await catalog.createModel({ name: "m", tags: {} });
      for (let i = 0; i < 3; i++) await catalog.createVersion(version("m", { tags: { i: String(i) } }));
      await catalog.setAlias("m", "best", 3);
      clock.advanceBy(5);
      await catalog.deleteVersion("m", 3);
      expect((await catalog.createVersion(version("m"))).version).toBe(4);
      for (const work of [
        () => catalog.getVersion("m", 3),
        () => catalog.deleteVersion("m", 3),
        () => catalog.describeVersion("m", 3, "x"),
        () => catalog.setStage("m", 3, "Staging", false),
        () => catalog.setAlias("m", "best", 3),
        () => catalog.setVersionTag("m", 3, "a", "b"),
        () => registry.getVersion("m", 3),
        () => registry.promote("m", 3, "no"),
      ])
        await expect(work()).rejects.toMatchObject({ code: "VERSION_NOT_FOUND" });
      expect(await catalog.getModel("m")).toMatchObject({ aliases: {}, updatedUs: 1_000_005 });
      expect((await registry.listVersions("m")).map((v) => v.version)).toEqual([1, 2, 4]);
    });

    it("renames a model with all that is its own, and frees the name", async () => {
      await catalog.createModel({ name: "old", tags: { t: "1" }, description: "d" });
      await catalog.createVersion(version("old", { tags: { k: "v" } }));
      await catalog.createVersion(version("old"));
      await catalog.deleteVersion("old", 2);
      await catalog.setAlias("old", "best", 1);
      await registry.addProof("old", 1, { kind: "shadow", passed: true, summary: "good", details: {} });
      await registry.waive("old", 1, "ab", "none to compare with");
      clock.advanceBy(9);
      const renamed = await catalog.renameModel("old", "new name");
      expect(renamed).toMatchObject({ name: "new name", description: "d", tags: { t: "1" }, aliases: { best: 1 }, createdUs: 1_000_000, updatedUs: 1_000_009 });
      expect(await registry.getVersion("new name", 1)).toMatchObject({ proofs: [{ kind: "shadow" }], waivers: { ab: "none to compare with" } });
      expect(await catalog.getVersion("new name", 1)).toMatchObject({ tags: { k: "v" }, aliases: ["best"] });
      expect(await registry.listEvents("new name")).toHaveLength(4);
      expect((await catalog.createVersion(version("new name"))).version).toBe(3);
      await expect(catalog.getModel("old")).rejects.toMatchObject({ code: "REGISTERED_MODEL_NOT_FOUND" });
      expect((await catalog.createModel({ name: "old", tags: {} })).tags).toEqual({});
      await expect(catalog.renameModel("old", "new name")).rejects.toMatchObject({ code: "REGISTERED_MODEL_EXISTS" });
      expect(await catalog.renameModel("old", "old")).toMatchObject({ name: "old" });
    });

    it("deletes a model whole, and starts it again from version 1", async () => {
      await catalog.createModel({ name: "m", tags: { t: "1" } });
      await catalog.createVersion(version("m", { tags: { k: "v" } }));
      await catalog.setAlias("m", "best", 1);
      await registry.addProof("m", 1, { kind: "shadow", passed: true, summary: "good", details: {} });
      await catalog.deleteModel("m");
      await expect(catalog.deleteModel("m")).rejects.toMatchObject({ code: "REGISTERED_MODEL_NOT_FOUND" });
      expect(await catalog.createModel({ name: "m", tags: {} })).toMatchObject({ tags: {}, aliases: {}, latest: [] });
      expect(await catalog.createVersion(version("m"))).toMatchObject({ version: 1, tags: {} });
    });

    it("moves stages, archives the others when asked, and names the newest of each", async () => {
      await catalog.createModel({ name: "m", tags: {} });
      for (const stage of ["Production", "Production", "Staging", "None"] as const) {
        const { version: n } = await catalog.createVersion(version("m"));
        if (stage !== "None") await catalog.setStage("m", n, stage, false);
      }
      const latest = async (): Promise<unknown> => (await catalog.getModel("m")).latest.map((v) => [v.stage, v.version]);
      expect(await latest()).toEqual([
        ["None", 4],
        ["Staging", 3],
        ["Production", 2],
      ]);
      await catalog.setStage("m", 4, "Production", true);
      expect(await latest()).toEqual([
        ["Staging", 3],
        ["Production", 4],
        ["Archived", 2],
      ]);
    });

    it("finds models and versions by name, run, source, number and tags, with AND, OR and NOT, page by page", async () => {
      for (const name of ["CreateRM01", "CreateRM02", "createrm03", "x 4"]) await catalog.createModel({ name, tags: name === "x 4" ? { team: "ops" } : {} });
      const names = async (filter: string, orderBy: string[] = []): Promise<string[]> =>
        (await all((q) => catalog.searchModels(q), { filter, orderBy })).map((m) => m.name);
      expect(await names("")).toEqual(["CreateRM01", "CreateRM02", "createrm03", "x 4"]);
      expect(await names("name LIKE 'Create%'")).toEqual(["CreateRM01", "CreateRM02"]);
      expect(await names("name ILIKE '%rm0%'")).toHaveLength(3);
      expect(await names("tags.team = 'ops' OR name = 'CreateRM02'", ["name DESC"])).toEqual(["x 4", "CreateRM02"]);
      expect(await names("NOT tags.team = 'ops' AND name != 'createrm03'")).toEqual(["CreateRM01", "CreateRM02"]);
      expect(await names("name IN ('x 4', 'none')")).toEqual(["x 4"]);
      await expect(names("metrics.a = 1")).rejects.toMatchObject({ code: "SEARCH_INVALID" });

      for (const [model, runId] of [
        ["CreateRM01", "r1"],
        ["CreateRM02", "r1"],
        ["CreateRM01", "r2"],
      ] as const) {
        clock.advanceBy(2000);
        await catalog.createVersion(version(model, { runId, source: `runs:/${runId}/m`, tags: { [`of ${model}`]: runId } }));
      }
      const found = async (filter: string, orderBy: string[] = []): Promise<string[]> =>
        (await all((q) => catalog.searchVersions(q), { filter, orderBy })).map((v) => `${v.model}/${v.version}`);
      expect(await found("")).toEqual(["CreateRM01/2", "CreateRM02/1", "CreateRM01/1"]);
      expect(await found("run_id = 'r1'", ["name DESC"])).toEqual(["CreateRM02/1", "CreateRM01/1"]);
      expect(await found("run_id IN ('r2')")).toEqual(["CreateRM01/2"]);
      expect(await found("source_path = 'runs:/r2/m'")).toEqual(["CreateRM01/2"]);
      expect(await found("version_number > 1 OR tags.`of CreateRM02` = 'r1'", ["version_number DESC"])).toEqual(["CreateRM01/2", "CreateRM02/1"]);
      await catalog.deleteVersion("CreateRM01", 2);
      expect(await found("name = 'CreateRM01'")).toEqual(["CreateRM01/1"]);
    });

    it("leaves prompts out of searches that do not ask for them", async () => {
      await catalog.createModel({ name: "model", tags: {} });
      await catalog.createModel({ name: "prompt", tags: { "mlflow.prompt.is_prompt": "true" } });
      const names = async (filter?: string): Promise<string[]> => (await all((q) => catalog.searchModels(q), { filter })).map((m) => m.name);
      expect(await names()).toEqual(["model"]);
      expect(await names("tags.`mlflow.prompt.is_prompt` != 'true'")).toEqual(["model"]);
      expect(await names("tags.`mlflow.prompt.is_prompt` = 'false'")).toEqual(["model"]);
      expect(await names("tags.`mlflow.prompt.is_prompt` = 'true'")).toEqual(["prompt"]);
    });

    it("keeps aliases as they were set while nothing is deployed", async () => {
      await catalog.createModel({ name: "m", tags: {} });
      await catalog.createVersion(version("m"));
      await catalog.createVersion(version("m"));
      await catalog.setAlias("m", "champion", 1);
      await catalog.setAlias("m", "Best-2", 1);
      await catalog.setAlias("m", "Best-2", 2);
      expect((await catalog.getModel("m")).aliases).toEqual({ "Best-2": 2, champion: 1 });
      expect(await catalog.versionByAlias("m", "champion")).toMatchObject({ version: 1, aliases: ["champion"] });
      await catalog.deleteAlias("m", "champion");
      await catalog.deleteAlias("m", "champion");
      await expect(catalog.versionByAlias("m", "champion")).rejects.toMatchObject({ code: "MODEL_ALIAS_NOT_FOUND" });
      await expect(catalog.setAlias("m", "a", 9)).rejects.toMatchObject({ code: "VERSION_NOT_FOUND" });
    });

    it("lets the aliases of a deployed model say what is deployed, whoever wants it otherwise", async () => {
      await trained("m", "0");
      await catalog.setAlias("m", "champion", 1);
      await catalog.setAlias("m", "Challenger", 1);
      await catalog.setAlias("m", "keep", 1);
      await deployed();
      expect((await catalog.getModel("m")).aliases).toEqual({ champion: 1, keep: 1 });
      await registry.startShadow("m", 3, "look at it");
      expect((await catalog.getModel("m")).aliases).toEqual({ champion: 1, keep: 1, shadow: 3 });
      // Without its proofs it does not go live by being called champion.
      await expect(catalog.setAlias("m", "champion", 2)).rejects.toMatchObject({ code: "PROOF_MISSING" });
      for (const alias of ["Champion", "CHAMPION", "challenger", "shadow", "Shadow"])
        await expect(catalog.setAlias("m", alias, 2)).rejects.toMatchObject({ code: "MODEL_ALIAS_GUARDED" });
      for (const alias of ["champion", "shadow"]) await expect(catalog.deleteAlias("m", alias)).rejects.toMatchObject({ code: "MODEL_ALIAS_GUARDED" });
      expect(await registry.getDeployment("m")).toMatchObject({ champion: 1, shadows: [3] });
      await catalog.setAlias("m", "champion", 1);
      // With its proofs it does, as a promotion.
      await prove("m", 2);
      await catalog.setAlias("m", "champion", 2);
      expect(await registry.getDeployment("m")).toMatchObject({ champion: 2, previous: 1 });
      expect((await registry.listEvents("m")).at(-1)).toMatchObject({ kind: "promoted", version: 2 });
      expect((await catalog.getModel("m")).aliases).toEqual({ champion: 2, keep: 1 });
    });

    it("keeps what is deployed, and what the project trained under its name", async () => {
      await deployed();
      for (const work of [() => catalog.deleteModel("m"), () => catalog.renameModel("m", "n"), () => catalog.deleteVersion("m", 1)])
        await expect(work()).rejects.toMatchObject({ code: "MODEL_IN_USE" });
      await catalog.deleteVersion("m", 2);
      await trained("t", "a");
      await expect(catalog.deleteModel("t")).rejects.toMatchObject({ code: "MODEL_IN_USE" });
    });

    it("announces each change once, whichever registry made it", async () => {
      await catalog.createModel({ name: "m", tags: { a: "1" } });
      await catalog.createVersion(version("m"));
      await catalog.setVersionTag("m", 1, "k", "v");
      await catalog.deleteVersionTag("m", 1, "k");
      await catalog.setAlias("m", "best", 1);
      await catalog.deleteAlias("m", "best");
      await prove("m", 1);
      await registry.promote("m", 1, "first");
      await trained("other", "a");
      await trained("other", "a");
      expect(notices.map(({ event, data }) => `${event} ${data.name}`)).toEqual([
        "registered_model.created m",
        "model_version.created m",
        "model_version_tag.set m",
        "model_version_tag.deleted m",
        "model_version_alias.created m",
        "model_version_alias.deleted m",
        "model_version_alias.created m",
        "registered_model.created other",
        "model_version.created other",
      ]);
      expect(notices[6]?.data).toEqual({ name: "m", alias: "champion", version: "1" });
    });
  });
}
