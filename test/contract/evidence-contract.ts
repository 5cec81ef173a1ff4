import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ManualClock } from "../../src/kernel/clock.ts";
import { roadmap } from "../../src/path/content/roadmap.ts";
import { createDesign } from "../../src/path/drills/design.ts";
import { createEvidenceStore, type EvidenceStore } from "../../src/path/evidence/store.ts";
import { createPlanStore } from "../../src/path/plans.ts";
import { createSheetStore } from "../../src/path/sheets.ts";
import { pathMigrations } from "../../src/path/tables.ts";
import { openSql, type MakeSqlFixture, type SqlFixture } from "./sql-fixture.ts";

/** What the evidence chain promises, on any database: one chain whoever writes, and nothing returned is lost by a kill. */
export function evidenceContract(name: string, makeFixture: MakeSqlFixture): void {
  describe(`the evidence chain on ${name}`, () => {
    let fixture: SqlFixture;
    const storeOf = (database: SqlFixture["database"]): EvidenceStore => createEvidenceStore({ database, clock: new ManualClock(7) });
    beforeEach(async () => {
      fixture = await makeFixture(pathMigrations);
    });
    afterEach(() => fixture.dispose());

    test("two writers with a piece in common make one chain, and the common piece is one entry", async () => {
      const second = await openSql(fixture.address);
      try {
        const stores = [storeOf(fixture.database), storeOf(second)];
        const piece = (key: string) => ({ kind: "lab", subject: "lab-6", producedBy: "grader", key, content: { passed: true } }) as const;
        const made = await Promise.all(Array.from({ length: 40 }, (_, i) => stores[i % 2]!.append(piece(i < 10 ? "common" : `own ${i}`))));
        expect(new Set(made.slice(0, 10).map(({ hash }) => hash)).size).toBe(1);
        expect(await stores[0]!.verify()).toMatchObject({ entries: 31, problems: [] });
        expect((await stores[1]!.list()).map(({ body }) => body.sequence)).toEqual(Array.from({ length: 31 }, (_, i) => i + 1));
      } finally {
        await second.close();
      }
    });

    test("a sheet is graded once, whoever asks first, and plans come back as they were saved", async () => {
      const second = await openSql(fixture.address);
      try {
        let ids = 0;
        const parts = { clock: new ManualClock(7), newId: () => `id-${++ids}` };
        const [one, other] = [createSheetStore({ database: fixture.database, ...parts }), createSheetStore({ database: second, ...parts })];
        const { sheet, truth } = createDesign("fraud", "seed");
        const { id } = await one.open(sheet, "seed", truth);
        expect(await one.truth(id)).toEqual(truth);
        const grade = { score: 1, passed: true, says: "", marks: [], reveals: [], record: {} };
        const closed = await Promise.allSettled([one.close(id, 9, grade), other.close(id, 9, grade)]);
        expect(closed.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
        expect(await other.get(id)).toMatchObject({ answeredUs: 9, grade, sheet });
        expect(await other.count("design", "design-fraud")).toBe(1);
        const plans = createPlanStore({ database: second, ...parts, roadmap });
        const saved = await plans.save({ backgroundId: "beginner", startUs: 0, hoursPerWeek: 10 }, []);
        expect(await plans.current([])).toEqual(saved);
      } finally {
        await second.close();
      }
    });

    test("kill -9 while entries are written: each that was returned is there, the chain is whole and goes on", async () => {
      const store = storeOf(fixture.database);
      const returned: string[] = [];
      for (let round = 0; round < 2; round++) {
        const child = spawn(process.execPath, [fileURLToPath(new URL("children/evidence-writer.ts", import.meta.url)), fixture.address, String(round)], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        const ended = new Promise((resolve) => child.once("exit", resolve));
        let lines = 0;
        for await (const line of createInterface({ input: child.stdout })) {
          returned.push(line);
          if (++lines === 15 + round * 8) child.kill("SIGKILL");
        }
        await ended;
        expect(lines).toBeGreaterThanOrEqual(15);
      }
      expect(await store.verify()).toMatchObject({ problems: [] });
      const there = new Set((await store.list()).map(({ hash }) => hash));
      expect(returned.filter((hash) => !there.has(hash))).toEqual([]);
      const next = await store.append({ kind: "lab", subject: "lab-1", producedBy: "grader", key: "after", content: {} });
      expect(next.body.sequence).toBe(there.size + 1);
      expect(await store.verify()).toMatchObject({ problems: [] });
    });
  });
}
