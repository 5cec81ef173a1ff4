/** A small project on live traffic of a made-up spring, whose days a test plays: real stores, real serving over HTTP, real training. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createOnlineFeatures } from "../../src/features/online/online-features.ts";
import { openFeedbackLog } from "../../src/feedback/log.ts";
import type { Clock, Micros } from "../../src/kernel/clock.ts";
import { seededRng } from "../../src/kernel/rng.ts";
import { formatIso, MICROS_PER_DAY, MICROS_PER_MINUTE, parseIso } from "../../src/kernel/time.ts";
import { loadProject } from "../../src/project/load.ts";
import { createServing } from "../../src/serving/app.ts";
import { openOnlineStore } from "../../src/workflows/jobs/online-store.ts";
import { runLoop } from "../../src/workflows/run-loop.ts";
import { openStores } from "../../src/server/compose.ts";
import { statusOf } from "../../src/server/error-status.ts";
import { openPlatform, type OpenPlatform } from "../../src/server/platform.ts";
import type { Stores } from "../../src/server/stores.ts";
import { systemClock, systemId } from "../../src/server/system.ts";

/** The first version goes live as this day begins; what is asked from then on is unlike what it learned from. */
export const liveFromUs: Micros = parseIso("2025-03-01");
export const modelName = "large";
const rowsADay = 240;
const historyDays = 60;

export interface LiveProject {
  /** Text of the model's `retrain` policy. */
  readonly retrain?: string;
  /** Days from going live on that the source's file has rows of. */
  readonly days?: number;
}

/** Orders, one a line; whether one is large shows in its hint. */
export function makeLiveProject(folder: string, { retrain = '{ lookback: "30d", cooldown: "1d" }', days = 20 }: LiveProject = {}): string {
  const project = path.join(folder, "project");
  mkdirSync(project, { recursive: true });
  writeFileSync(
    path.join(project, "karkhana.project.ts"),
    `import { csv, model, numeric, project } from "karkhana";
const orders = csv("orders", { path: "orders.csv", schema: { at: "timestamp", hint: "float64", busy: "float64", amount: "float64" }, eventTime: "at", knownTime: "at + minutes(10)" });
export default project("orders", { models: [model("${modelName}", {
  spine: orders, request: ["hint", "busy"], label: "amount > 5", features: [numeric("hint"), numeric("busy")],
  trainer: { gbdt: { numIterations: 10, numLeaves: 7 } },
  training: { from: "2025-01-05", validFrom: "2025-02-01", holdoutFrom: "2025-02-15", to: "2025-03-01" },
  gates: { minAuc: 0.55, maxEce: 0.5, maxAucLoss: 0.5, minMaturedShadow: 60, minMaturedAb: 20, abShare: 0.5, shadowMargin: 1, abMargin: 1 },
  monitors: { window: "1d", consecutive: 1, psiBand: 0.5 },
  retrain: ${retrain},
})] });
`,
  );
  const lines: string[] = [];
  for (let day = -historyDays; day < days; day++)
    for (const { atUs, hint, busy, amount } of ordersOf(day)) lines.push(`${formatIso(atUs)},${hint},${busy},${amount}`);
  writeFileSync(path.join(project, "orders.csv"), `at,hint,busy,amount\n${lines.join("\n")}\n`);
  return project;
}

interface Order {
  readonly id: string;
  readonly atUs: Micros;
  readonly hint: number;
  readonly busy: number;
  readonly amount: number;
}

/** Orders of a day counted from going live on. */
function ordersOf(day: number): Order[] {
  const rng = seededRng(`orders ${day}`);
  return Array.from({ length: rowsADay }, (_, i) => {
    const amount = rng.int(41) / 4;
    const hint = (amount > 5 ? 0.7 : 0) + rng.next();
    // It tells nothing of the amount, and is another from the first live day on.
    const busy = rng.next() + (day >= 0 ? 4 : 0);
    return { id: `${day}-${i}`, atUs: liveFromUs + day * MICROS_PER_DAY + i * 5 * MICROS_PER_MINUTE, hint, busy, amount };
  });
}

export interface LiveServing {
  readonly url: string;
  readonly close: () => Promise<void>;
}

export async function openLiveServing(project: string, data: string): Promise<LiveServing> {
  const { definition } = await loadProject(project);
  const stores = await openStores(data, {});
  const online = await openOnlineStore(stores.onlineStore);
  const feedback = await openFeedbackLog(stores.folder.logFolder);
  const serving = await createServing({
    project: definition,
    registry: stores.registry,
    blobs: stores.blobs,
    online: createOnlineFeatures({ store: online, views: [] }),
    feedback,
    clock: systemClock,
    newId: systemId,
    statusOf,
  });
  const { host, port } = await serving.listen({ host: "127.0.0.1", port: 0 });
  return {
    url: `http://${host}:${port}`,
    close: async () => {
      await serving.close();
      await feedback.close();
      await online.close();
      await stores.close();
    },
  };
}

export interface LiveControl {
  readonly stores: Stores;
  readonly platform: OpenPlatform;
  readonly close: () => Promise<void>;
}

/** What the control process opens, with a clock of the test's. */
export async function openLiveControl(project: string, data: string, servingUrl: string, clock: Clock, everyMs?: number): Promise<LiveControl> {
  const stores = await openStores(data, {}, clock);
  const platform = await openPlatform(await loadProject(project), stores, servingUrl, everyMs, clock);
  return {
    stores,
    platform,
    close: async () => {
      await platform.close();
      await stores.close();
    },
  };
}

/** Trains the first version and deploys it. */
export async function goLive({ platform }: LiveControl): Promise<void> {
  await runLoop(platform);
}

/** Asks every question of a day, counted from going live on, and sends what came of it. */
export async function playDay(servingUrl: string, day: number): Promise<void> {
  const orders = ordersOf(day);
  const instances = orders.map(({ id, atUs, hint, busy }) => ({ id, time: atUs, fields: { hint, busy } }));
  await post(`${servingUrl}/v1/models/${modelName}/predict`, { instances });
  const labels = orders.map(({ id, atUs, amount }) => ({ id, label: amount > 5 ? 1 : 0, knownTime: atUs + 10 * MICROS_PER_MINUTE }));
  await post(`${servingUrl}/v1/models/${modelName}/labels`, { labels });
}

async function post(url: string, body: unknown): Promise<void> {
  const reply = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!reply.ok) throw new Error(await reply.text());
  await reply.arrayBuffer();
}
