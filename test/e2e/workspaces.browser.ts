import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createControl, type Control } from "../../src/server/control.ts";
import { controlWorld, type ControlWorld } from "../../src/server/test-world.ts";
import { builtConsole, launchChromium, visitIn } from "./chromium.ts";
import { excessWidth, weakTexts } from "./in-page.mjs";

// Workspaces in the console, and deletion for good. Screenshots are left in a temporary folder, which is printed.
let browser: Browser;
let world: ControlWorld;
let control: Control;
let shots: string;

beforeAll(async () => {
  const consoleFolder = await builtConsole();
  world = await controlWorld(0);
  const { tracking } = world;
  await tracking.experiments.create({ name: "in default", tags: {} });
  control = await createControl(world.rooms, { host: "127.0.0.1", port: 0, consoleFolder });
  browser = await launchChromium();
  shots = await mkdtemp(path.join(tmpdir(), "karkhana-workspaces-"));
  console.log(`screenshots: ${shots}`);
});

afterAll(async () => {
  await browser?.close();
  await control?.close();
  await world?.close();
});

test("nothing speaks of workspaces while there is one", async () => {
  const { page, context } = await visitIn(browser, { viewport: { width: 1360, height: 900 } });
  await page.goto(`${control.url}/experiments`);
  await page.getByRole("link", { name: "in default" }).waitFor();
  expect(await page.getByLabel("Workspace").count()).toBe(0);
  expect(await page.getByRole("heading", { name: "Deleted", exact: true }).count()).toBe(0);
  await context.close();
});

const views = [
  ["light", { colorScheme: "light", viewport: { width: 1360, height: 900 } }],
  ["dark", { colorScheme: "dark", viewport: { width: 1360, height: 900 } }],
  ["phone", { colorScheme: "light", viewport: { width: 360, height: 780 } }],
] as const;

test.each(views)("a workspace is chosen and shows what is its own, files too (%s)", async (name, options) => {
  const workspace = `team-${name}`;
  await world.rooms.workspaces.create(workspace, {});
  const own = world.tracking.inWorkspace(workspace);
  const experimentId = await own.experiments.create({ name: `of ${workspace}`, tags: {} });
  const { runId } = (await own.runs.create({ experimentId, name: "a run", userId: "", startUs: 1_000_000, tags: {} })).run;
  await own.logArtifact(runId, "note.txt", Buffer.from(`of ${workspace}`));
  const { page, context } = await visitIn(browser, options);
  await page.goto(`${control.url}/experiments`);
  await page.getByRole("link", { name: "in default" }).waitFor();
  await page.getByLabel("Workspace").selectOption(workspace);
  await page.getByRole("link", { name: `of ${workspace}` }).waitFor();
  expect(await page.getByRole("link", { name: "in default" }).count()).toBe(0);
  expect(await page.evaluate(excessWidth)).toBe(0);
  expect(await page.evaluate(weakTexts)).toEqual([]);
  await page.screenshot({ path: path.join(shots, `${name}.png`) });
  await page.goto(`${control.url}/runs/${runId}`);
  await page.getByRole("heading", { name: "a run" }).waitFor();
  const link = page.locator(`a[download]`).first();
  await link
    .or(page.getByRole("button", { name: /note\.txt/ }))
    .first()
    .waitFor();
  if ((await link.count()) === 0) await page.getByRole("button", { name: /note\.txt/ }).click();
  const address = await link.getAttribute("href");
  expect(address).toContain(`workspace=${workspace}`);
  expect(await (await fetch(`${control.url}${address}`)).text()).toBe(`of ${workspace}`);
  // An address that names the workspace opens it in any tab.
  const other = await context.newPage();
  await other.goto(`${control.url}/runs/${runId}?workspace=${workspace}`);
  await other.getByRole("heading", { name: "a run" }).waitFor();
  // It is deleted meanwhile: the page goes back to what is always there.
  await world.rooms.workspaces.delete(workspace, "CASCADE");
  await page.goto(`${control.url}/experiments`);
  await page.getByRole("link", { name: "in default" }).waitFor();
  await context.close();
});

test.each(views)("what was deleted is deleted for good once a person has read what that is (%s)", async (name, options) => {
  const { tracking } = world;
  const experimentId = await tracking.experiments.create({ name: `old ${name}`, tags: {} });
  for (let i = 0; i < 3; i++) {
    const { runId } = (await tracking.runs.create({ experimentId, userId: "", startUs: 1_000_000, tags: {} })).run;
    await tracking.logArtifact(runId, "model.bin", new Uint8Array(500_000));
  }
  await tracking.experiments.setStage(experimentId, "deleted");
  const { page, context } = await visitIn(browser, options);
  await page.goto(`${control.url}/experiments`);
  await page.getByRole("heading", { name: "Deleted", exact: true }).waitFor();
  expect(await page.getByRole("row", { name: `old ${name}` }).innerText()).toMatch(/the experiment, 3 runs\s+3\s+1\.5\sMB/);
  await page
    .getByRole("row", { name: `old ${name}` })
    .getByRole("button", { name: "Delete for good" })
    .click();
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  expect(await dialog.innerText()).toMatch(/the experiment, 3 runs; 3 files, 1\.5\sMB\.\s+Nothing brings it back\. Its name is free afterwards\./);
  expect(await page.evaluate(excessWidth)).toBe(0);
  expect(await page.evaluate(weakTexts)).toEqual([]);
  await page.screenshot({ path: path.join(shots, `purge-${name}.png`) });
  await dialog.getByRole("button", { name: "Keep" }).click();
  expect((await tracking.experiments.get(experimentId)).stage).toBe("deleted");
  await page
    .getByRole("row", { name: `old ${name}` })
    .getByRole("button", { name: "Delete for good" })
    .click();
  await dialog.getByRole("button", { name: "Delete for good" }).click();
  await page.getByRole("heading", { name: "Deleted", exact: true }).waitFor({ state: "detached" });
  await expect(tracking.experiments.get(experimentId)).rejects.toMatchObject({ code: "EXPERIMENT_NOT_FOUND" });
  await context.close();
});
