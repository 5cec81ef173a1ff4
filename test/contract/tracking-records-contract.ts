import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ManualClock } from "../../src/kernel/clock.ts";
import { idMaker } from "../../src/kernel/ids.ts";
import { seededRng } from "../../src/kernel/rng.ts";
import { openFileBlobs } from "../../src/storage/blobs/files.ts";
import { migrate } from "../../src/storage/sql/migrate.ts";
import type { StageView } from "../../src/tracking/records.ts";
import { createTracking, type TrackingStore } from "../../src/tracking/store.ts";
import { trackingMigrations } from "../../src/tracking/tables.ts";
import type { MakeSqlFixture, SqlFixture } from "./sql-fixture.ts";

/** What every database must keep of the promises in `src/tracking/records.ts`; searches above all, whose SQL differs most between them. */
export function trackingRecordsContract(name: string, makeFixture: MakeSqlFixture): void {
  describe(`tracking's records on ${name}`, () => {
    let fixture: SqlFixture;
    let folder: string;
    let tracking: TrackingStore;
    let experimentId: string;
    const runIds: string[] = [];
    const clock = new ManualClock(1_700_000_000_000_000);

    /** Eight runs: auc of 0 to 0.5, NaN for 6, none for 7; lr in turns; a tag of mixed case; 5 ended. */
    beforeAll(async () => {
      fixture = await makeFixture(trackingMigrations);
      folder = await mkdtemp(path.join(tmpdir(), "karkhana-blobs-"));
      const rng = seededRng("records");
      const newId = idMaker(clock, (length) => Uint8Array.from({ length }, () => rng.int(256)));
      tracking = createTracking({ database: fixture.database, blobs: await openFileBlobs(folder), clock, newId });
      experimentId = await tracking.experiments.create({ name: "searched", tags: {} });
      for (let i = 0; i < 8; i++) {
        const tags: Record<string, string> = i % 2 === 0 ? { "a tag": i < 4 ? "Straße_%[1]" : "straße*?" } : {};
        const { run } = await tracking.runs.create({ experimentId, name: `run ${i}`, userId: i < 2 ? "ada" : "bob", startUs: 1_000_000_000 + i * 1000, tags });
        runIds.push(run.runId);
        const params: Record<string, string> = i < 6 ? { lr: i % 3 === 0 ? "B" : i % 3 === 1 ? "a" : "é" } : {};
        const value = i === 6 ? Number.NaN : i / 10;
        await tracking.logBatch(run.runId, { params, metrics: i === 7 ? [] : [{ key: "auc", value, step: 0, timestampMs: 1 }] });
      }
      await tracking.runs.update(runIds[5]!, { status: "FINISHED", endUs: 2_000_000_500 });
    });
    afterAll(async () => {
      await fixture.dispose();
      await rm(folder, { recursive: true });
    });

    const found = async (filter: string, orderBy: readonly string[] = ["start_time"], view: StageView = "ACTIVE_ONLY"): Promise<number[]> => {
      const { items } = await tracking.runs.search({ experimentIds: [experimentId], filter, orderBy, view, limit: 100 });
      return items.map(({ run }) => runIds.indexOf(run.runId));
    };

    it.each([
      ["", [0, 1, 2, 3, 4, 5, 6, 7]],
      ["metrics.auc >= 0.3", [3, 4, 5]],
      ["metrics.auc < 0.1", [0]],
      ["metrics.auc != 0.3", [0, 1, 2, 4, 5, 6]],
      ["metrics.auc = 0", [0]],
      ["metrics.auc <= 1e400", [0, 1, 2, 3, 4, 5]],
      ["NOT metrics.auc >= 0.3", [0, 1, 2, 6, 7]],
      ["params.lr = 'B'", [0, 3]],
      ["params.lr != 'B'", [1, 2, 4, 5]],
      ["params.lr LIKE 'b'", []],
      ["params.lr ILIKE 'b'", [0, 3]],
      ["params.lr IS NULL", [6, 7]],
      ["params.lr is not null and metrics.auc > 0.35", [4, 5]],
      ["tags.`a tag` LIKE 'Stra_e%'", [0, 2]],
      ["tags.`a tag` LIKE '%[1]'", [0, 2]],
      ["tags.`a tag` LIKE '%*?'", [4, 6]],
      ["tags.`a tag` LIKE '%\\%'", []],
      ["tags.`a tag` ILIKE 'STRA%'", [0, 2, 4, 6]],
      ["tags.absent != 'x'", []],
      ["status = 'FINISHED'", [5]],
      ["end_time > 5", [5]],
      ["NOT end_time > 5", [0, 1, 2, 3, 4, 6, 7]],
      ["end_time = 2000000", [5]],
      ["start_time < 1000001.5", [0, 1]],
      ["user_id = 'ada' or run_name = 'run 7'", [0, 1, 7]],
      ["tags.mlflow.runName LIKE 'run _' AND (metrics.auc = 0.1 OR NOT metrics.auc < 9)", [1, 6, 7]],
      ["artifact_uri LIKE 'mlflow-artifacts:/1/%/artifacts' and start_time > 1000006", [7]],
    ] as const)("finds by: %s", async (filter, expected) => {
      expect(await found(filter)).toEqual(expected);
    });

    it.each([
      [[], [7, 6, 5, 4, 3, 2, 1, 0]],
      [["metrics.auc ASC"], [0, 1, 2, 3, 4, 5, 6, 7]],
      [["metrics.auc DESC"], [5, 4, 3, 2, 1, 0, 6, 7]],
      [["params.lr"], [3, 0, 4, 1, 5, 2, 7, 6]],
      [
        ["params.lr DESC", "metrics.auc"],
        [2, 5, 1, 4, 0, 3, 6, 7],
      ],
      [
        ["end_time DESC", "run_name"],
        [5, 0, 1, 2, 3, 4, 6, 7],
      ],
      [
        ["tags.`a tag`", "start_time ASC"],
        [0, 2, 4, 6, 1, 3, 5, 7],
      ],
    ] as const)("orders by: %s, NaN after numbers, what is missing last, and the same page by page", async (orderBy, expected) => {
      expect(await found("", orderBy)).toEqual(expected);
      const seen: number[] = [];
      let token: string | undefined;
      do {
        const page = await tracking.runs.search({ experimentIds: [experimentId], orderBy, view: "ALL", limit: 3, token });
        seen.push(...page.items.map(({ run }) => runIds.indexOf(run.runId)));
        token = page.nextToken;
      } while (token !== undefined && seen.length < 50);
      expect(seen).toEqual(expected);
    });

    it("refuses the token of another order, and junk", async () => {
      const query = { experimentIds: [experimentId], view: "ALL", limit: 3 } as const;
      const { nextToken } = await tracking.runs.search(query);
      expect(nextToken).toBeDefined();
      for (const token of [nextToken!, "junk", "", "W10", Buffer.from('["a\\u0000",1]').toString("base64url")]) {
        await expect(tracking.runs.search({ ...query, orderBy: ["metrics.auc"], token })).rejects.toMatchObject({ code: "SEARCH_INVALID" });
      }
    });

    it("pages a history in its order, and refuses a token it did not make", async () => {
      const metrics = Array.from({ length: 10 }, (_, i) => ({
        key: "loss",
        value: i === 4 ? Number.NaN : i === 5 ? -Infinity : i / 3,
        step: i % 2,
        timestampMs: i >> 1,
      }));
      await tracking.logBatch(runIds[0]!, { metrics });
      const whole = (await tracking.runs.metricHistory(runIds[0]!, "loss", {})).items;
      expect(whole).toHaveLength(10);
      const seen = [];
      let token: string | undefined;
      do {
        const page = await tracking.runs.metricHistory(runIds[0]!, "loss", { limit: 3, token });
        seen.push(...page.items);
        token = page.nextToken;
      } while (token !== undefined && seen.length < 50);
      expect(seen).toEqual(whole);
      for (const junk of ["junk", Buffer.from("1/2/x/0").toString("base64url")])
        await expect(tracking.runs.metricHistory(runIds[0]!, "loss", { limit: 3, token: junk })).rejects.toMatchObject({ code: "SEARCH_INVALID" });
    });

    it("a deleted experiment takes its runs along, keeps its name, refuses what is new, and brings all back", async () => {
      const id = await tracking.experiments.create({ name: "gone", tags: { a: "1" } });
      const { run } = await tracking.runs.create({ experimentId: id, userId: "", startUs: 1, tags: {} });
      clock.advanceBy(1_000_000);
      await tracking.experiments.setStage(id, "deleted");
      expect(await tracking.experiments.get(id)).toMatchObject({ stage: "deleted", name: "gone", tags: { a: "1" }, updatedUs: clock.nowUs() });
      expect((await tracking.runs.get(run.runId)).stage).toBe("deleted");
      expect((await tracking.listExperiments()).map((e) => e.name)).not.toContain("gone");
      const refusals: [() => Promise<unknown>, string][] = [
        [() => tracking.experiments.create({ name: "gone", tags: {} }), "EXPERIMENT_EXISTS"],
        [() => tracking.experiments.rename(id, "other"), "EXPERIMENT_DELETED"],
        [() => tracking.experiments.setTag(id, "a", "2"), "EXPERIMENT_DELETED"],
        [() => tracking.experiments.setStage(id, "deleted"), "EXPERIMENT_NOT_FOUND"],
        [() => tracking.runs.create({ experimentId: id, userId: "", startUs: 1, tags: {} }), "EXPERIMENT_DELETED"],
        [() => tracking.createRun({ experimentId: id, name: "a" }), "EXPERIMENT_DELETED"],
        [() => tracking.logBatch(run.runId, { tags: { a: "1" } }), "RUN_DELETED"],
        [() => tracking.runs.update(run.runId, { status: "FAILED" }), "RUN_DELETED"],
        [() => tracking.files.write({ experimentId: id, runId: run.runId, path: "a" }, (async function* () {})()), "RUN_DELETED"],
      ];
      for (const [refusal, code] of refusals) await expect(refusal()).rejects.toMatchObject({ code });
      await tracking.experiments.setStage(id, "active");
      expect((await tracking.listRuns(id)).runs.map((r) => r.runId)).toEqual([run.runId]);
    });

    it("experiments are searched in their own order, and renamed to a free name only", async () => {
      for (const [i, name] of ["b", "A", "c"].entries()) {
        clock.advanceBy(5000);
        await tracking.experiments.create({ name: `order ${name}`, tags: { i: String(i) } });
      }
      const names = async (orderBy: readonly string[]): Promise<string[]> =>
        (await tracking.experiments.search({ filter: "name LIKE 'order %'", orderBy, view: "ACTIVE_ONLY", limit: 10 })).items.map((e) => e.name.slice(6));
      expect(await names([])).toEqual(["c", "A", "b"]);
      expect(await names(["name"])).toEqual(["A", "b", "c"]);
      expect(await names(["creation_time ASC"])).toEqual(["b", "A", "c"]);
      const c = await tracking.experiments.named("order c");
      await expect(tracking.experiments.rename(c!.experimentId, "order A")).rejects.toMatchObject({ code: "EXPERIMENT_EXISTS" });
    });

    it("what was kept before there were deletions is active, and has no tags, users or datasets", async () => {
      const old = await makeFixture(trackingMigrations.slice(0, 1));
      const runId = "0123456789abcdef0123456789abcdef";
      await sql`insert into tracking_runs (run_id, experiment_id, name, status, start_us) values (${runId}, 0, 'old', 'FINISHED', 1000)`.execute(
        old.database.db,
      );
      await migrate(old.database, trackingMigrations);
      const opened = createTracking({ database: old.database, blobs: await openFileBlobs(folder), clock, newId: () => runId });
      expect(await opened.runs.get(runId)).toMatchObject({
        stage: "active",
        userId: "",
        datasets: [],
        run: { name: "old", artifactPath: `0/${runId}/artifacts` },
      });
      expect(await opened.experiments.get("0")).toMatchObject({ stage: "active", tags: {}, updatedUs: 0 });
      expect((await opened.listRuns("0")).runs).toHaveLength(1);
      await old.dispose();
    });

    it("a dataset of a run keeps its first description, and two runs may name one dataset", async () => {
      const one = { name: "a/b", digest: "1", sourceType: "local", source: "{}", schema: "[]", tags: { "mlflow.data.context": "training" } };
      const other = { name: "a/b", digest: "2", sourceType: "local", source: "{}", profile: "{}", tags: {} };
      await tracking.runs.logDatasets(runIds[0]!, [one, one]);
      await tracking.runs.logDatasets(runIds[0]!, [{ ...one, source: "changed", tags: { more: "1" } }, other]);
      await tracking.runs.logDatasets(runIds[1]!, [other]);
      expect((await tracking.runs.get(runIds[0]!)).datasets).toEqual([one, other]);
      expect((await tracking.runs.get(runIds[1]!)).datasets).toEqual([other]);
      expect((await tracking.runs.get(runIds[2]!)).datasets).toEqual([]);
      expect(await found("datasets.name = 'a/b'")).toEqual([0, 1]);
      // As they were named, not by name: `inputs.dataset_inputs[0]` is the first to its readers.
      const later = ["z", "c", "m"].map((name) => ({ ...other, name }));
      await tracking.runs.logDatasets(runIds[3]!, later.slice(0, 2));
      await tracking.runs.logDatasets(runIds[3]!, [later[0]!, later[2]!]);
      expect((await tracking.runs.get(runIds[3]!)).datasets).toEqual(later);
      expect(await found("dataset.digest = '1' AND datasets.context LIKE 'train%'")).toEqual([0]);
      expect(await found("NOT datasets.name IN ('a/b', 'c')")).toEqual([2, 4, 5, 6, 7]);
      await expect(found("datasets.colour = 'red'")).rejects.toMatchObject({ code: "SEARCH_INVALID" });
      await expect(found("", ["datasets.name"])).rejects.toMatchObject({ code: "SEARCH_INVALID" });
      await expect(tracking.runs.logDatasets("0".repeat(32), [one])).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    });

    it("runs made, changed and logged to at once are each there whole or refused alone", async () => {
      const made = await Promise.allSettled(
        Array.from({ length: 40 }, async (_, i) => {
          // Every fourth is refused in the middle: its experiment is not there.
          const { run } = await tracking.runs.create({
            experimentId: i % 4 === 3 ? "999999" : experimentId,
            name: `at once ${i}`,
            userId: "u",
            startUs: i,
            tags: { i: String(i) },
          });
          await Promise.all([
            tracking.logBatch(run.runId, { params: { p: String(i) } }),
            tracking.runs.update(run.runId, { status: "FINISHED", endUs: i + 1 }),
          ]);
          return run.runId;
        }),
      );
      const found = await Promise.all(
        made.map(async (outcome) => {
          if (outcome.status === "rejected") return outcome.reason.code;
          const { run, userId } = await tracking.runs.get(outcome.value);
          return [run.name, run.tags["i"], run.params["p"], run.status, run.endUs, userId];
        }),
      );
      expect(found).toEqual(made.map((_, i) => (i % 4 === 3 ? "EXPERIMENT_NOT_FOUND" : [`at once ${i}`, String(i), String(i), "FINISHED", i + 1, "u"])));
      expect(new Set(made.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : ""))).size).toBe(31);
    });

    it("batches that arrive together are each kept whole or refused alone, whatever becomes of the others", async () => {
      const { runId } = (await tracking.runs.create({ experimentId, userId: "", startUs: 5, tags: {} })).run;
      await tracking.logBatch(runId, { params: { fixed: "1" } });
      const write = (i: number): Promise<void> =>
        tracking.logBatch(i % 10 === 3 ? "0".repeat(32) : runId, {
          metrics: [{ key: "together", value: i, step: i, timestampMs: i }],
          tags: { [`t${i}`]: "1" },
          params: i % 10 === 7 ? { fixed: "2" } : {},
        });
      const outcomes = await Promise.allSettled(Array.from({ length: 150 }, (_, i) => write(i)));
      const refused = outcomes.flatMap((outcome, i) => (outcome.status === "rejected" ? [[i % 10, outcome.reason.code]] : []));
      expect(refused).toEqual(
        Array.from({ length: 15 }, () => [
          [3, "RUN_NOT_FOUND"],
          [7, "PARAM_CHANGED"],
        ]).flat(),
      );
      const kept = Array.from({ length: 150 }, (_, i) => i).filter((i) => i % 10 !== 3 && i % 10 !== 7);
      expect((await tracking.metricHistory(runId, "together")).map(({ step }) => step)).toEqual(kept);
      expect(Object.keys((await tracking.getRun(runId)).tags)).toHaveLength(kept.length);
      await tracking.runs.setStage(runId, "deleted");
    });

    it("a file of a run is reached by its own experiment only, and a folder is deleted with all below it", async () => {
      const file = (at: string) => ({ experimentId, runId: runIds[0]!, path: at });
      const bytes = async function* (text: string) {
        yield Buffer.from(text);
      };
      await tracking.files.write(file("tree/a/b.txt"), bytes("one"));
      await tracking.files.write(file("tree/c.txt"), bytes("two"));
      expect(await tracking.files.list(file("tree"))).toEqual([
        { name: "a", isFolder: true, sizeBytes: 0 },
        { name: "c.txt", isFolder: false, sizeBytes: 3 },
      ]);
      await expect(tracking.files.read({ ...file("tree/c.txt"), experimentId: "0" })).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
      await tracking.files.delete(file("tree"));
      expect(await tracking.files.list(file(""))).toEqual([]);
      await expect(tracking.files.read(file("tree/c.txt"))).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
    });
  });
}
