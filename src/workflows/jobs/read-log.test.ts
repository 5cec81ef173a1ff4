import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openFeedbackLog, type FeedbackLog } from "../../feedback/log.ts";
import type { LabelRecord, PredictionRecord } from "../../feedback/prediction.ts";
import { live } from "./live.ts";
import { visitLog, type LogPlace, type MaturedAnswer } from "./read-log.ts";

let folder: string;
let log: FeedbackLog;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-read-log-"));
  log = await openFeedbackLog(folder);
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

const answer = (id: string, changes: Partial<PredictionRecord> = {}): PredictionRecord => ({
  id,
  model: "m",
  version: 1,
  role: "champion",
  askedUs: 5,
  servedUs: 6,
  score: 0.5,
  vector: Float64Array.of(1, Number.NaN),
  serviceHash: "hash",
  fields: { x: 1 },
  latencyUs: 7,
  ...changes,
});
const outcome = (id: string, label: 0 | 1, knownUs = 10, model = "m"): LabelRecord => ({ id, model, label, knownUs });

async function visit(from: LogPlace = { predictions: 0, labels: 0 }): Promise<{ readonly asked: string[]; readonly matured: string[] }> {
  const asked: string[] = [];
  const matured: string[] = [];
  const shown = ({ id, version, role }: PredictionRecord): string => `${id} v${version} ${role}`;
  await visitLog(folder, {
    model: "m",
    from,
    prediction: (record) => asked.push(shown(record)),
    matured: ({ prediction, label }: MaturedAnswer) => matured.push(`${shown(prediction)}: ${label}`),
  });
  return { asked, matured };
}

test("an answer logged again after a crash matures once; those of a shadow and of another version on the same question mature too", async () => {
  await log.logPredictions([answer("a"), answer("a"), answer("a", { version: 2, role: "shadow" }), answer("a", { version: 2, role: "shadow" })]);
  await log.logPredictions([answer("a", { version: 12 }), answer("a")]);
  await log.logLabels([outcome("a", 1), outcome("a", 1)]);
  const { asked, matured } = await visit();
  expect(asked).toHaveLength(6);
  expect(matured).toEqual(["a v1 champion: 1", "a v2 shadow: 1", "a v12 champion: 1"]);
});

test("the label that stands is the first, until another is known that was not known earlier", async () => {
  await log.logPredictions(["first", "corrected", "late", "open"].map((id) => answer(id)));
  await log.logLabels([outcome("first", 1, 10), outcome("corrected", 0, 10), outcome("late", 1, 10), outcome("nobody asked", 1)]);
  await log.logLabels([outcome("corrected", 1, 10), outcome("late", 0, 9)]);
  expect((await visit()).matured).toEqual(["first v1 champion: 1", "corrected v1 champion: 1", "late v1 champion: 1"]);
});

test("what another model was asked and told is not of this one, under whatever id", async () => {
  await log.logPredictions([answer("a", { model: "other" }), answer("b")]);
  await log.logLabels([outcome("a", 1), outcome("b", 1, 10, "other")]);
  expect(await visit()).toEqual({ asked: ["b v1 champion"], matured: [] });
});

test("a visit begins at its place in both logs", async () => {
  await log.logPredictions([answer("a"), answer("b")]);
  await log.logLabels([outcome("a", 1), outcome("b", 0)]);
  expect(await visit({ predictions: 1, labels: 1 })).toEqual({ asked: ["b v1 champion"], matured: ["b v1 champion: 0"] });
});

test("live quality counts each question once, under its corrected outcome, and neither shadows nor probes of a rehearsal", async () => {
  const scores = [0.1, 0.2, 0.8, 0.9];
  for (const [i, score] of scores.entries())
    await log.logPredictions([answer(`q${i}`, { score }), answer(`q${i}`, { score }), answer(`q${i}`, { role: "shadow" })]);
  await log.logPredictions([answer("rehearsal-v2-0"), answer("outside", { askedUs: 100 })]);
  await log.logLabels([outcome("q0", 1), outcome("q1", 0), outcome("q2", 1), outcome("q3", 1), outcome("outside", 1), outcome("rehearsal-v2-0", 1)]);
  await log.logLabels([outcome("q0", 0, 11)]);
  const found = await live({ logFolder: folder, model: "m", from: { predictions: 0, labels: 0 }, fromUs: 0, toUs: 50 }, () => undefined);
  expect(found).toMatchObject({ predictions: 4, matured: 4, auc: 1, byVersion: [{ version: 1, matured: 4, auc: 1 }] });
});
