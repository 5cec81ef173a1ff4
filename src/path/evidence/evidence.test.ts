import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ManualClock } from "../../kernel/clock.ts";
import { openSqlite } from "../../storage/sql/sqlite.ts";
import { migrate } from "../../storage/sql/migrate.ts";
import type { SqlDatabase } from "../../storage/sql/port.ts";
import { tables } from "../../storage/sql/tables.ts";
import { pathMigrations, type PathTables } from "../tables.ts";
import { createReport, reportText, verifyReport } from "./report.ts";
import { createEvidenceStore, type EvidenceStore, type NewEvidence } from "./store.ts";

const piece = (n: number): NewEvidence => ({ kind: "lab", subject: `lab-${n}`, producedBy: "grader", key: `lab/lab-${n}@1`, content: { passed: true, n } });

describe("the evidence chain", () => {
  let folder: string;
  let databases: SqlDatabase[];
  const clock = new ManualClock(1_000_000);

  const open = async (): Promise<{ database: SqlDatabase; store: EvidenceStore }> => {
    const database = await openSqlite(join(folder, "meta.db"));
    await migrate(database, pathMigrations);
    databases.push(database);
    return { database, store: createEvidenceStore({ database, clock }) };
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "karkhana-evidence-"));
    databases = [];
  });
  afterEach(async () => {
    for (const database of databases) await database.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("each entry follows from the one before it, and the same piece twice is one entry", async () => {
    const { store } = await open();
    const first = await store.append(piece(1));
    const second = await store.append(piece(2));
    expect(await store.append(piece(1))).toEqual(first);
    expect(second.body.previous).toBe(first.hash);
    expect(await store.list()).toEqual([first, second]);
    expect(await store.verify()).toEqual({ entries: 2, head: second.hash, problems: [] });
  });

  test("two writers make one chain without gaps", async () => {
    const [a, b] = [await open(), await open()];
    const both = Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? a : b).store.append(piece(i % 20)));
    await Promise.all(both);
    const entries = await a.store.list();
    expect(entries.map(({ body }) => body.sequence)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(await b.store.verify()).toMatchObject({ entries: 20, problems: [] });
  });

  test("an append whose transaction fails leaves nothing", async () => {
    const { database, store } = await open();
    await store.append(piece(1));
    const broken = createEvidenceStore({
      database: { ...database, transaction: async (work) => database.transaction(async (trx) => (await work(trx), Promise.reject(new Error("killed here")))) },
      clock,
    });
    await expect(broken.append(piece(2))).rejects.toThrow("killed here");
    expect(await store.verify()).toMatchObject({ entries: 1, problems: [] });
    expect((await store.append(piece(2))).body.sequence).toBe(2);
  });

  test.each<readonly [string, (t: ReturnType<typeof tables<PathTables>>) => Promise<unknown>, number, RegExp]>([
    [
      "a changed content",
      (t) => t.updateTable("path_evidence").set({ body: '{"changed":true}' }).where("sequence", "=", 2).execute(),
      2,
      /does not give its hash/,
    ],
    ["an entry taken out", (t) => t.deleteFrom("path_evidence").where("sequence", "=", 2).execute(), 2, /taken out/],
    [
      "a changed hash",
      (t) =>
        t
          .updateTable("path_evidence")
          .set({ hash: "0".repeat(64) })
          .where("sequence", "=", 1)
          .execute(),
      1,
      /does not give its hash/,
    ],
  ])("%s is found, and where", async (_what, tamper, sequence, says) => {
    const { database, store } = await open();
    for (const n of [1, 2, 3]) await store.append(piece(n));
    await tamper(tables<PathTables>(database.db));
    const { problems } = await store.verify();
    expect(problems[0]?.sequence).toBe(sequence);
    expect(problems.map(({ problem }) => problem).join(" ")).toMatch(says);
  });

  test("an exported report holds anywhere, and any one changed byte is named", async () => {
    const { store } = await open();
    for (const n of [1, 2]) await store.append(piece(n));
    await store.append({ kind: "attestation", subject: "attest-real-traffic", producedBy: "person", key: "a", content: { byName: "N. N.", statement: "बहुत" } });
    await store.append({ kind: "condition", subject: "lineage-complete", producedBy: "platform", key: "c", content: { version: 1, says: "x", found: [] } });
    const verdicts = [
      {
        stageId: "stage-2",
        state: "open" as const,
        attestations: [],
        conditions: [{ predicateId: "lineage-complete", version: 1, says: "x", judgement: { proved: true as const, found: [] } }],
      },
    ];
    const report = createReport(await store.list(), verdicts, { roadmapVersion: "1", nowUs: 5 });
    expect(report.claims).toHaveLength(1);
    const text = reportText(report);
    expect(verifyReport(text)).toMatchObject({ problems: [], entries: 4, counts: { lab: 2, condition: 1, "attestation (a person's word)": 1 } });
    const bytes = new TextEncoder().encode(text);
    const unseen: number[] = [];
    for (let i = 0; i < bytes.length; i++) {
      const changed = bytes.slice();
      changed[i] = changed[i]! ^ 1;
      if (verifyReport(new TextDecoder().decode(changed)).problems.length === 0) unseen.push(i);
    }
    expect(unseen).toEqual([]);
    expect(bytes.length).toBeGreaterThan(1500);
  });

  test("a report that was rewritten as a whole still cannot claim what no entry shows, nor lose its newest entries unseen", async () => {
    const { store } = await open();
    for (const n of [1, 2, 3]) await store.append(piece(n));
    const entries = await store.list();
    const report = createReport(entries, [], { roadmapVersion: "1", nowUs: 5 });
    const claim = { stageId: "stage-1", predicateId: "pipeline-rerun", version: 1, says: "x", entry: entries[0]!.hash };
    expect(verifyReport(reportText({ ...report, claims: [claim] })).problems).toEqual([
      { sequence: 0, problem: expect.stringMatching(/pipeline-rerun is proved, and no entry/) },
    ]);
    expect(verifyReport(reportText({ ...report, entries: entries.slice(0, 2) })).problems[0]?.problem).toMatch(/cut off/);
    expect(
      verifyReport(reportText({ ...report, entries: [entries[0]!, entries[2]!], head: { sequence: 2, hash: entries[2]!.hash } })).problems.map(
        (p) => p.sequence,
      ),
    ).toContain(2);
  });

  test.each(["", "{", "[]", '{"format":2,"entries":[]}', '{"format":1,"entries":[1,null,{"body":[]}]}', "null"])(
    "what is no report is refused in words: %s",
    (text) => {
      const { problems } = verifyReport(text);
      expect(problems.length).toBeGreaterThan(0);
      for (const { problem } of problems) expect(problem).toMatch(/[a-z]/);
    },
  );
});
