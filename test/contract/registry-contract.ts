import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ManualClock } from "../../src/kernel/clock.ts";
import { proofKinds, type NewModelVersion, type ProofKind, type Registry } from "../../src/registry/port.ts";
import { createRegistry } from "../../src/registry/store.ts";
import { registryMigrations } from "../../src/registry/tables.ts";
import { openSql, type MakeSqlFixture, type SqlFixture } from "./sql-fixture.ts";

const run = promisify(execFile);

function newVersion(requestId: string, model = "late_arrival"): NewModelVersion {
  return { model, runId: "run-1", artifactPath: `models/${model}`, definitionHash: "d", serviceHash: "s", datasetHash: "t", requestId };
}

/** What every database must keep of the promises in `src/registry/port.ts`. */
export function registryContract(name: string, makeFixture: MakeSqlFixture): void {
  describe(`registry on ${name}`, () => {
    const model = "late_arrival";
    let fixture: SqlFixture;
    let clock: ManualClock;
    let registry: Registry;

    beforeEach(async () => {
      fixture = await makeFixture(registryMigrations);
      clock = new ManualClock(1_000_000);
      registry = createRegistry({ database: fixture.database, clock });
    });
    afterEach(() => fixture.dispose());

    const prove = async (version: number, kinds: readonly ProofKind[] = proofKinds): Promise<void> => {
      for (const kind of kinds) await registry.addProof(model, version, { kind, passed: true, summary: `${kind} is good`, details: {} });
    };
    /** Version n live as the champion of versions 1 to n. */
    const champion = async (n: number): Promise<void> => {
      for (let version = 1; version <= n; version++) {
        await registry.registerVersion(newVersion(`champion-${version}`));
        await prove(version);
        await registry.promote(model, version, `version ${version} goes live`);
      }
    };
    const kindsOf = async (): Promise<string[]> => (await registry.listEvents(model)).map((e) => `${e.kind} ${e.version}`);

    it("numbers versions from 1 and gives a repeated request the version made the first time", async () => {
      const first = await registry.registerVersion(newVersion("a"));
      const second = await registry.registerVersion(newVersion("b"));
      clock.advanceBy(5);
      const again = await registry.registerVersion(newVersion("a"));
      expect([first.version, second.version]).toEqual([1, 2]);
      expect(again).toEqual(first);
      expect(first).toEqual({ ...newVersion("a"), requestId: undefined, version: 1, state: "registered", createdUs: 1_000_000, proofs: [], waivers: {} });
      expect(await registry.listVersions(model)).toEqual([first, second]);
      expect(await registry.getVersion(model, 2)).toEqual(second);
      expect(await registry.listEvents(model)).toHaveLength(2);
    });

    it("counts each model's versions on its own", async () => {
      await registry.registerVersion(newVersion("a"));
      const other = await registry.registerVersion(newVersion("a", "Other"));
      expect(other.version).toBe(1);
      expect(await registry.listModels()).toEqual(["Other", "late_arrival"]);
      expect(await registry.listVersions("unknown")).toEqual([]);
    });

    it("gives writers that race in two processes and in this one dense numbers, each its own", async () => {
      const script = path.join(import.meta.dirname, "children", "version-writer.ts");
      const writer = async (id: string): Promise<number[]> => JSON.parse((await run(process.execPath, [script, fixture.address, id, "25"])).stdout);
      const here = async (): Promise<number[]> =>
        Promise.all(Array.from({ length: 25 }, async (_, i) => (await registry.registerVersion(newVersion(`here/${i}`, "contested"))).version));
      const [a, b, c] = await Promise.all([writer("a"), writer("b"), here()]);
      expect([...a, ...b, ...c].sort((x, y) => x - y)).toEqual(Array.from({ length: 75 }, (_, i) => i + 1));
      const events = await registry.listEvents("contested");
      expect(events.map((e) => e.sequence)).toEqual(Array.from({ length: 75 }, (_, i) => i + 1));
    });

    it("makes one version of one request that two handles send at once", async () => {
      const other = await openSql(fixture.address);
      const rival = createRegistry({ database: other, clock });
      const made = await Promise.all([
        registry.registerVersion(newVersion("a")),
        rival.registerVersion(newVersion("a")),
        registry.registerVersion(newVersion("a")),
      ]);
      await other.close();
      expect(made.map((v) => v.version)).toEqual([1, 1, 1]);
      expect(await registry.listVersions(model)).toHaveLength(1);
    });

    it("refuses to promote without proofs, naming each one that is absent or failed and what would supply it, and changes nothing", async () => {
      await registry.registerVersion(newVersion("a"));
      await registry.addProof(model, 1, { kind: "offline-evaluation", passed: false, summary: "AUC 0.55 is below 0.6", details: {} });
      await registry.waive(model, 1, "shadow", "nothing is live yet");
      await prove(1, ["monitors"]);
      const before = await registry.listEvents(model);
      await expect(registry.promote(model, 1, "please")).rejects.toMatchObject({
        code: "PROOF_MISSING",
        details: { kinds: ["offline-evaluation", "ab", "rollback"] },
        message: expect.stringMatching(
          /offline-evaluation failed \(AUC 0\.55 is below 0\.6\): evaluate .+; ab not recorded: .+; rollback not recorded: rehearse /,
        ),
      });
      expect(await registry.getDeployment(model)).toBeUndefined();
      expect(await registry.listEvents(model)).toEqual(before);
    });

    it("lets the last proof of a kind decide", async () => {
      await registry.registerVersion(newVersion("a"));
      await prove(1);
      await registry.addProof(model, 1, { kind: "ab", passed: false, summary: "worse after all", details: {} });
      await expect(registry.promote(model, 1, "please")).rejects.toMatchObject({ code: "PROOF_MISSING", details: { kinds: ["ab"] } });
      await registry.addProof(model, 1, { kind: "ab", passed: true, summary: "better on more labels", details: {} });
      expect(await registry.promote(model, 1, "please")).toMatchObject({ champion: 1, revision: 1 });
    });

    it("keeps a proof's content and hash, and records a repeated proof once", async () => {
      await registry.registerVersion(newVersion("a"));
      const proof = {
        kind: "ab" as const,
        passed: true,
        summary: "better",
        details: { gain: 0.01, worst: Number.NaN, slices: [{ origin: "ATL" }], absent: undefined },
      };
      const first = await registry.addProof(model, 1, proof);
      clock.advanceBy(7);
      expect(await registry.addProof(model, 1, proof)).toEqual(first);
      expect(first).toMatchObject({
        kind: "ab",
        passed: true,
        recordedUs: 1_000_000,
        details: { gain: 0.01, worst: "NaN", slices: [{ origin: "ATL" }] },
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
      const other = await registry.addProof(model, 1, { ...proof, details: { gain: 0.02 } });
      expect(other.hash).not.toBe(first.hash);
      expect((await registry.getVersion(model, 1)).proofs).toEqual([first, other]);
    });

    it("walks a version from registered through shadow and A/B to champion, one revision and one event a step", async () => {
      await champion(1);
      await registry.registerVersion(newVersion("b"));
      clock.advanceBy(10);
      expect(await registry.startShadow(model, 2, "new data")).toEqual({
        model,
        revision: 2,
        champion: 1,
        shadow: 2,
        abShare: 0,
        reason: "new data",
        changedUs: 1_000_010,
      });
      await prove(2);
      expect(await registry.startAb(model, 2, 0.2, "shadow agrees")).toEqual({
        model,
        revision: 3,
        champion: 1,
        challenger: 2,
        abShare: 0.2,
        reason: "shadow agrees",
        changedUs: 1_000_010,
      });
      expect(await registry.startAb(model, 2, 0.4, "wider")).toMatchObject({ revision: 4, challenger: 2, abShare: 0.4 });
      const live = await registry.promote(model, 2, "better in A/B");
      expect(live).toEqual({ model, revision: 5, champion: 2, previous: 1, abShare: 0, reason: "better in A/B", changedUs: 1_000_010 });
      expect(await registry.getDeployment(model)).toEqual(live);
      expect((await registry.listVersions(model)).map((v) => v.state)).toEqual(["retired", "champion"]);
      expect(await registry.listDeployments()).toEqual([live]);
      const steps = (await kindsOf()).filter((kind) => !kind.startsWith("proof"));
      expect(steps).toEqual(["registered 1", "promoted 1", "registered 2", "shadowed 2", "ab-started 2", "ab-started 2", "promoted 2"]);
    });

    it("changes nothing when a step is repeated", async () => {
      await champion(1);
      await registry.registerVersion(newVersion("b"));
      await prove(2);
      const steps = [
        () => registry.startShadow(model, 2, "x"),
        () => registry.startAb(model, 2, 0.2, "x"),
        () => registry.standDown(model, 2, "x"),
        () => registry.promote(model, 2, "x"),
      ];
      for (const step of steps) {
        const done = await step();
        const events = await registry.listEvents(model);
        expect(await step()).toEqual(done);
        expect(await registry.listEvents(model)).toEqual(events);
      }
    });

    it("lets no version answer live requests before its shadow proof", async () => {
      await champion(1);
      await registry.registerVersion(newVersion("b"));
      await registry.startShadow(model, 2, "x");
      await expect(registry.startAb(model, 2, 0.2, "x")).rejects.toMatchObject({ code: "PROOF_MISSING", details: { kinds: ["shadow"] } });
      await registry.waive(model, 2, "shadow", "a hot fix, watched by hand");
      expect(await registry.startAb(model, 2, 0.2, "x")).toMatchObject({ challenger: 2 });
    });

    it("has one shadow place and one challenger place", async () => {
      await champion(1);
      await registry.registerVersion(newVersion("b"));
      await registry.registerVersion(newVersion("c"));
      await prove(2);
      await prove(3);
      await registry.startShadow(model, 2, "x");
      await expect(registry.startShadow(model, 3, "x")).rejects.toMatchObject({ code: "DEPLOYMENT_PLACE_TAKEN", details: { holder: 2, place: "shadow" } });
      await registry.startAb(model, 2, 0.2, "x");
      await expect(registry.startAb(model, 3, 0.2, "x")).rejects.toMatchObject({ code: "DEPLOYMENT_PLACE_TAKEN", details: { holder: 2, place: "challenger" } });
      expect(await registry.startShadow(model, 3, "x")).toMatchObject({ challenger: 2, shadow: 3 });
    });

    it("stands a version down to registered, from where it may try again", async () => {
      await champion(1);
      await registry.registerVersion(newVersion("b"));
      await registry.startShadow(model, 2, "x");
      expect(await registry.standDown(model, 2, "not enough traffic")).toEqual({
        model,
        revision: 3,
        champion: 1,
        abShare: 0,
        reason: "not enough traffic",
        changedUs: 1_000_000,
      });
      expect((await registry.getVersion(model, 2)).state).toBe("registered");
      expect(await registry.startShadow(model, 2, "again")).toMatchObject({ shadow: 2, revision: 4 });
      expect((await registry.listVersions(model)).map((v) => v.state)).toEqual(["champion", "shadow"]);
    });

    it("refuses a version for good and takes it out of traffic", async () => {
      await champion(1);
      await registry.registerVersion(newVersion("b"));
      await prove(2);
      await registry.startAb(model, 2, 0.3, "x");
      await registry.refuse(model, 2, "worse in A/B");
      await registry.refuse(model, 2, "worse in A/B");
      expect(await registry.getDeployment(model)).toEqual({ model, revision: 3, champion: 1, abShare: 0, reason: "worse in A/B", changedUs: 1_000_000 });
      expect((await kindsOf()).filter((kind) => kind === "refused 2")).toHaveLength(1);
      const steps = [
        () => registry.promote(model, 2, "x"),
        () => registry.startShadow(model, 2, "x"),
        () => registry.startAb(model, 2, 0.1, "x"),
        () => registry.standDown(model, 2, "x"),
      ];
      for (const step of steps) {
        await expect(step()).rejects.toMatchObject({ code: "PROMOTION_STEP_REFUSED", details: { state: "refused" } });
      }
      await expect(registry.refuse(model, 1, "x")).rejects.toMatchObject({ code: "PROMOTION_STEP_REFUSED", details: { state: "champion" } });
    });

    it("stands down whoever was compared with a champion that is replaced", async () => {
      await champion(1);
      for (const id of ["b", "c"]) await registry.registerVersion(newVersion(id));
      await prove(2);
      await prove(3);
      await registry.startAb(model, 2, 0.2, "x");
      await registry.startShadow(model, 3, "x");
      expect(await registry.promote(model, 3, "straight from shadow")).toMatchObject({ champion: 3, previous: 1, abShare: 0 });
      expect(await registry.getDeployment(model)).not.toHaveProperty("challenger");
      expect((await kindsOf()).slice(-2)).toEqual(["stood-down 2", "promoted 3"]);
      expect(await registry.startAb(model, 2, 0.2, "against the new one")).toMatchObject({ challenger: 2 });
    });

    it("rolls back to the champion before, clearing challenger and shadow, and can undo that", async () => {
      await champion(2);
      await registry.registerVersion(newVersion("c"));
      await prove(3);
      await registry.startShadow(model, 3, "x");
      const back = await registry.rollback(model, "errors rose");
      expect(back).toEqual({ model, revision: 4, champion: 1, previous: 2, abShare: 0, reason: "errors rose", changedUs: 1_000_000 });
      expect((await kindsOf()).slice(-2)).toEqual(["stood-down 3", "rolled-back 1"]);
      expect((await registry.listVersions(model)).map((v) => v.state)).toEqual(["champion", "retired", "registered"]);
      expect(await registry.rollback(model, "it was not the model")).toMatchObject({ champion: 2, previous: 1, revision: 5 });
      expect(await registry.promote(model, 1, "by hand")).toMatchObject({ champion: 1, previous: 2 });
    });

    it("has nothing to roll back to under a first champion, or none", async () => {
      await expect(registry.rollback(model, "x")).rejects.toMatchObject({ code: "NOTHING_TO_ROLL_BACK" });
      await champion(1);
      await expect(registry.rollback(model, "x")).rejects.toMatchObject({ code: "NOTHING_TO_ROLL_BACK" });
    });

    it("needs a champion before anything is compared with it", async () => {
      await registry.registerVersion(newVersion("a"));
      await prove(1);
      await expect(registry.startShadow(model, 1, "x")).rejects.toMatchObject({ code: "NOTHING_DEPLOYED" });
      await expect(registry.startAb(model, 1, 0.1, "x")).rejects.toMatchObject({ code: "NOTHING_DEPLOYED" });
      expect(await registry.getDeployment(model)).toBeUndefined();
    });

    it("takes part in a caller's transaction: a step that fails takes version, proof, deployment and events back with it", async () => {
      await champion(1);
      const events = await registry.listEvents(model);
      const failed = fixture.database.transaction(async (trx) => {
        const { version } = await registry.registerVersion(newVersion("b"), trx);
        for (const kind of proofKinds) await registry.addProof(model, version, { kind, passed: true, summary: "good", details: {} }, trx);
        await registry.startShadow(model, version, "x", trx);
        await registry.startAb(model, version, 0.2, "x", trx);
        await registry.promote(model, version, "x", trx);
        throw new Error("killed before commit");
      });
      await expect(failed).rejects.toThrow("killed before commit");
      expect(await registry.listVersions(model)).toHaveLength(1);
      expect(await registry.getDeployment(model)).toMatchObject({ champion: 1, revision: 1 });
      expect(await registry.listEvents(model)).toEqual(events);
      expect((await registry.registerVersion(newVersion("b"))).version).toBe(2);
    });

    it("gives two rival decisions an order: revisions are dense and every one of them has its event", async () => {
      await champion(2);
      const other = await openSql(fixture.address);
      const rival = createRegistry({ database: other, clock });
      await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? registry : rival).rollback(model, `rollback ${i}`)));
      await other.close();
      expect(await registry.getDeployment(model)).toMatchObject({ revision: 12, champion: 2, previous: 1 });
      expect((await kindsOf()).filter((kind) => kind.startsWith("rolled-back"))).toHaveLength(10);
    });

    it("follows events from a sequence on, with the clock's time", async () => {
      await champion(1);
      const all = await registry.listEvents(model);
      clock.advanceBy(50);
      await registry.registerVersion(newVersion("b"));
      expect(await registry.listEvents(model, all.length)).toEqual([
        { sequence: all.length + 1, model, version: 2, kind: "registered", reason: "trained by run run-1", atUs: 1_000_050 },
      ]);
    });

    it("names what is wrong with an argument and writes nothing", async () => {
      await expect(registry.getVersion(model, 1)).rejects.toMatchObject({ code: "VERSION_NOT_FOUND" });
      await expect(registry.promote(model, 1, "x")).rejects.toMatchObject({ code: "VERSION_NOT_FOUND" });
      await champion(1);
      await expect(registry.promote(model, 9, "x")).rejects.toMatchObject({ code: "VERSION_NOT_FOUND", details: { version: 9 } });
      await expect(registry.addProof(model, 9, { kind: "ab", passed: true, summary: "x", details: {} })).rejects.toMatchObject({ code: "VERSION_NOT_FOUND" });
      await expect(registry.waive(model, 9, "ab", "x")).rejects.toMatchObject({ code: "VERSION_NOT_FOUND" });
      const events = await registry.listEvents(model);
      for (const bad of ["", "a/b", "../x", ".hidden", "a:b", "x".repeat(256)]) {
        await expect(registry.registerVersion(newVersion("a", bad))).rejects.toMatchObject({ code: "INVALID_ARGUMENT", details: { field: "model" } });
      }
      for (const share of [0, -0.1, 0.51, Number.NaN])
        await expect(registry.startAb(model, 1, share, "x")).rejects.toMatchObject({ details: { field: "abShare" } });
      await expect(registry.rollback(model, " ")).rejects.toMatchObject({ details: { field: "reason" } });
      await expect(registry.registerVersion(newVersion(""))).rejects.toMatchObject({ details: { field: "requestId" } });
      expect(await registry.listEvents(model)).toEqual(events);
    });
  });
}
