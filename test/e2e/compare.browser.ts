import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { VersionComparisons } from "../../src/server/api-serving.ts";
import { createControl, type Control } from "../../src/server/control.ts";
import { controlWorld, type ControlWorld } from "../../src/server/test-world.ts";
import { builtConsole, launchChromium, visitIn } from "./chromium.ts";
import { chartsDrawn, excessWidth, weakTexts } from "./in-page.mjs";

// A champion and its challenger, five days into an A/B test. Screenshots are left in a temporary folder, which is printed.
let browser: Browser;
let world: ControlWorld;
let control: Control;
let shots: string;

beforeAll(async () => {
  const consoleFolder = await builtConsole();
  world = await controlWorld(62);
  control = await createControl(world.rooms, { host: "127.0.0.1", port: 0, consoleFolder });
  browser = await launchChromium();
  shots = await mkdtemp(path.join(tmpdir(), "karkhana-screenshots-"));
  console.log(`screenshots: ${shots}`);
});

afterAll(async () => {
  await browser?.close();
  await control?.close();
  await world?.close();
});

test.each([
  ["light", { colorScheme: "light", viewport: { width: 1360, height: 900 } }],
  ["dark", { colorScheme: "dark", viewport: { width: 1360, height: 900 } }],
  ["phone", { colorScheme: "light", viewport: { width: 360, height: 780 } }],
] as const)("a model's page holds the challenger against the champion, in figures and pictures, in %s", async (mode, options) => {
  const answer = await fetch(`${control.url}/api/v1/models/late_arrival/comparisons`);
  const { champion, comparisons } = (await answer.json()) as VersionComparisons;
  expect(champion).toBe(1);
  expect(comparisons.map(({ role, candidate }) => [role, candidate.version])).toEqual([["challenger", 2]]);
  const [one] = comparisons;
  expect(one!.matured).toBeGreaterThan(100);
  const { page, complaints, context } = await visitIn(browser, options);
  await page.goto(`${control.url}/models`);
  const block = page.locator("section", { has: page.getByRole("heading", { name: "Compared with the champion" }) });
  await block.getByText(one!.summary).waitFor();
  await block.getByRole("cell", { name: one!.candidate.logLoss!.toFixed(4), exact: true }).waitFor();
  await block.getByRole("cell", { name: one!.champion.auc!.toFixed(4), exact: true }).waitFor();
  for (const picture of [/^Gain in log loss over version 1/, /^Server time of a question by version/]) {
    await block.getByRole("img", { name: picture }).scrollIntoViewIfNeeded();
    await block.getByRole("img", { name: picture }).waitFor();
  }
  await page.waitForFunction(chartsDrawn);
  await block.screenshot({ path: path.join(shots, `compared-${mode}.png`) });
  expect(await page.evaluate(excessWidth)).toBeLessThanOrEqual(0);
  expect(await page.evaluate(weakTexts)).toEqual([]);
  expect(complaints).toEqual([]);
  await context.close();
});
