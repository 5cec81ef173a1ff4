import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { armsOf } from "../../src/feedback/assignment.ts";
import { ManualClock } from "../../src/kernel/clock.ts";
import { sql } from "kysely";
import { hash32 } from "../../src/kernel/rng.ts";
import { migrate } from "../../src/storage/sql/migrate.ts";
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
    const alone = (version: number) => ({ model, champion: version, challengers: [], shadows: [], salt: `${model}/${version}` });
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
        challengers: [],
        shadows: [2],
        salt: `${model}/1`,
        reason: "new data",
        changedUs: 1_000_010,
      });
      await prove(2);
      expect(await registry.startAb(model, 2, 0.2, "shadow agrees")).toEqual({
        model,
        revision: 3,
        champion: 1,
        challengers: [{ version: 2, share: 0.2, buckets: expect.any(Array) }],
        shadows: [],
        salt: `${model}/1`,
        reason: "shadow agrees",
        changedUs: 1_000_010,
      });
      expect(await registry.startAb(model, 2, 0.4, "wider")).toMatchObject({ revision: 4, challengers: [{ version: 2, share: 0.4 }] });
      const live = await registry.promote(model, 2, "better in A/B");
      expect(live).toEqual({ ...alone(2), revision: 5, previous: 1, reason: "better in A/B", changedUs: 1_000_010 });
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
      expect(await registry.startAb(model, 2, 0.2, "x")).toMatchObject({ challengers: [{ version: 2 }] });
    });

    it("splits traffic among any number of challengers, moving no key that need not move, and shadows several versions", async () => {
      await champion(1);
      for (const id of ["b", "c", "d", "e"]) await registry.registerVersion(newVersion(id));
      for (const version of [2, 3, 4]) await prove(version);
      const keys = Array.from({ length: 4000 }, (_, i) => `key ${i}`);
      /** The version that each key falls to. */
      const assignment = async (): Promise<number[]> => {
        const now = (await registry.getDeployment(model))!;
        const armOf = armsOf(now);
        return keys.map((key) => [now.champion, ...now.challengers.map(({ version }) => version)][armOf(key)]!);
      };
      /** Which versions keys went between. */
      const moves = (before: readonly number[], after: readonly number[]): string[] =>
        [...new Set(before.flatMap((from, i) => (from === after[i] ? [] : [`${from} to ${after[i]}`])))].toSorted();
      await registry.startAb(model, 2, 0.05, "canary");
      const canary = await assignment();
      expect(await registry.startAb(model, 3, 0.2, "A/B/n")).toMatchObject({
        challengers: [
          { version: 2, share: 0.05 },
          { version: 3, share: 0.2 },
        ],
      });
      const three = await assignment();
      expect(moves(canary, three)).toEqual(["1 to 3"]);
      await registry.setTraffic(
        model,
        {
          challengers: [
            { version: 2, share: 0.1 },
            { version: 3, share: 0.2 },
          ],
        },
        "the canary lives",
      );
      const wider = await assignment();
      expect(moves(three, wider)).toEqual(["1 to 2"]);
      await registry.setTraffic(
        model,
        {
          challengers: [
            { version: 3, share: 0.1 },
            { version: 2, share: 0.1 },
            { version: 4, share: 0.3 },
          ],
        },
        "one more",
      );
      const moved = moves(wider, await assignment());
      expect(moved).toContain("1 to 4");
      // What version 3 gives back is free, and version 4 may be the one that takes it.
      expect(moved.every((move) => ["1 to 4", "3 to 1", "3 to 4"].includes(move))).toBe(true);
      expect((await registry.listVersions(model)).map((v) => v.state)).toEqual(["champion", "ab", "ab", "ab", "registered"]);
      const four = await assignment();
      const { challengers } = await registry.setTraffic(
        model,
        {
          challengers: [
            { version: 2, share: 0.1 },
            { version: 4, share: 0.3 },
          ],
        },
        "3 is worse",
      );
      expect(challengers.map(({ version, share }) => [version, share])).toEqual([
        [2, 0.1],
        [4, 0.3],
      ]);
      expect(moves(four, await assignment())).toEqual(["3 to 1"]);
      expect((await registry.getVersion(model, 3)).state).toBe("registered");
      expect((await kindsOf()).slice(-1)).toEqual(["stood-down 3"]);
      const held = await registry.getDeployment(model);
      expect(
        await registry.setTraffic(
          model,
          {
            challengers: [
              { version: 4, share: 0.3 },
              { version: 2, share: 0.1 },
            ],
          },
          "again",
        ),
      ).toEqual(held);
      await expect(registry.setTraffic(model, { challengers: [{ version: 5, share: 0.1 }] }, "x")).rejects.toMatchObject({ code: "PROOF_MISSING" });
      const most = [2, 3, 4].map((version) => ({ version, share: 0.31 }));
      await expect(registry.setTraffic(model, { challengers: most }, "x")).rejects.toMatchObject({ details: { field: "challengers", value: 0.93 } });
      expect(await registry.getDeployment(model)).toEqual(held);
      await registry.startShadow(model, 3, "x");
      expect(await registry.startShadow(model, 5, "x")).toMatchObject({ shadows: [3, 5] });
      expect(await registry.standDown(model, 3, "x")).toMatchObject({ shadows: [5], challengers: [{ version: 2 }, { version: 4 }] });
      expect(await registry.setTraffic(model, { challengers: [] }, "the champion alone")).toMatchObject({ challengers: [], shadows: [5] });
      const both = { challengers: [{ version: 2, share: 0.1 }], shadows: [3, 4] };
      expect(await registry.setTraffic(model, both, "all at once")).toMatchObject({ challengers: [{ version: 2, share: 0.1 }], shadows: [3, 4] });
      expect((await registry.listVersions(model)).map((v) => v.state)).toEqual(["champion", "ab", "shadow", "shadow", "registered"]);
      const after = await registry.getDeployment(model);
      expect(await registry.setTraffic(model, both, "again")).toEqual(after);
      for (const shadows of [[1], [2], [3, 3], [3, 4, 5, 6, 7]])
        await expect(registry.setTraffic(model, { ...both, shadows }, "x")).rejects.toMatchObject({ details: { field: "shadows" } });
      expect(await registry.getDeployment(model)).toEqual(after);
    });

    it("takes over a deployment of before it could have several challengers: the same keys stay with the challenger", async () => {
      const at = registryMigrations.findIndex(({ id }) => id.includes("several-challengers"));
      const old = await makeFixture(registryMigrations.slice(0, at));
      try {
        await old.database.transaction(async (trx) => {
          await sql`insert into registry_models (model, last_version, last_event, created_us) values ('m', 3, 0, 1), ('n', 1, 0, 1)`.execute(trx);
          await sql`insert into registry_deployments (model, revision, champion, challenger, ab_share, shadow, previous, reason, changed_us)
            values ('m', 7, 1, 2, 0.3, 3, null, 'a test', 5), ('n', 1, 1, null, 0, null, null, 'first', 5)`.execute(trx);
        });
        await migrate(old.database, registryMigrations);
        const after = createRegistry({ database: old.database, clock });
        const now = await after.getDeployment("m");
        expect(now).toEqual({
          model: "m",
          revision: 7,
          champion: 1,
          challengers: [{ version: 2, share: 0.3, buckets: [[0, 3000]] }],
          shadows: [3],
          salt: "m/2",
          reason: "a test",
          changedUs: 5,
        });
        expect(await after.getDeployment("n")).toMatchObject({ champion: 1, challengers: [], shadows: [], salt: "n/1" });
        const armOf = armsOf(now!);
        for (let i = 0; i < 2000; i++) expect(armOf(`id ${i}`) === 1).toBe(hash32(`id ${i}`, hash32("m/2")) < 0.3 * 4_294_967_296);
      } finally {
        await old.dispose();
      }
    });

    it("has room for so many shadows and no more", async () => {
      await champion(1);
      for (const id of ["b", "c", "d", "e", "f"]) await registry.registerVersion(newVersion(id));
      for (const version of [2, 3, 4, 5]) await registry.startShadow(model, version, "x");
      await expect(registry.startShadow(model, 6, "x")).rejects.toMatchObject({
        code: "DEPLOYMENT_PLACE_TAKEN",
        details: { place: "shadow", holder: "2, 3, 4, 5" },
      });
    });

    it("stands a version down to registered, from where it may try again", async () => {
      await champion(1);
      await registry.registerVersion(newVersion("b"));
      await registry.startShadow(model, 2, "x");
      expect(await registry.standDown(model, 2, "not enough traffic")).toEqual({
        model,
        revision: 3,
        champion: 1,
        challengers: [],
        shadows: [],
        salt: `${model}/1`,
        reason: "not enough traffic",
        changedUs: 1_000_000,
      });
      expect((await registry.getVersion(model, 2)).state).toBe("registered");
      expect(await registry.startShadow(model, 2, "again")).toMatchObject({ shadows: [2], revision: 4 });
      expect((await registry.listVersions(model)).map((v) => v.state)).toEqual(["champion", "shadow"]);
    });

    it("refuses a version for good and takes it out of traffic", async () => {
      await champion(1);
      await registry.registerVersion(newVersion("b"));
      await prove(2);
      await registry.startAb(model, 2, 0.3, "x");
      await registry.refuse(model, 2, "worse in A/B");
      await registry.refuse(model, 2, "worse in A/B");
      expect(await registry.getDeployment(model)).toEqual({ ...alone(1), revision: 3, reason: "worse in A/B", changedUs: 1_000_000 });
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
      expect(await registry.promote(model, 3, "straight from shadow")).toMatchObject({ champion: 3, previous: 1, challengers: [], shadows: [] });
      expect((await kindsOf()).slice(-2)).toEqual(["stood-down 2", "promoted 3"]);
      expect(await registry.startAb(model, 2, 0.2, "against the new one")).toMatchObject({ challengers: [{ version: 2 }], salt: `${model}/3` });
    });

    it("rolls back to the champion before, clearing challenger and shadow, and can undo that", async () => {
      await champion(2);
      await registry.registerVersion(newVersion("c"));
      await prove(3);
      await registry.startShadow(model, 3, "x");
      const back = await registry.rollback(model, "errors rose");
      expect(back).toEqual({ ...alone(1), revision: 4, previous: 2, reason: "errors rose", changedUs: 1_000_000 });
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
        await expect(registry.setTraffic(model, { challengers: [{ version: 2, share }] }, "x")).rejects.toMatchObject({ details: { field: "share" } });
      await expect(registry.setTraffic(model, { challengers: [{ version: 1, share: 0.1 }] }, "x")).rejects.toMatchObject({ details: { field: "challengers" } });
      await expect(registry.rollback(model, " ")).rejects.toMatchObject({ details: { field: "reason" } });
      await expect(registry.registerVersion(newVersion(""))).rejects.toMatchObject({ details: { field: "requestId" } });
      expect(await registry.listEvents(model)).toEqual(events);
    });
  });
}
