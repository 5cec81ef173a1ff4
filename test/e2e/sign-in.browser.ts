import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createControl, type Control } from "../../src/server/control.ts";
import { controlWorld, type ControlWorld } from "../../src/server/test-world.ts";
import { builtConsole, launchChromium, visitIn } from "./chromium.ts";
import { excessWidth, weakTexts } from "./in-page.mjs";

// The way into the console once a user is known. Screenshots are left in a temporary folder, which is printed.
const password = "correct horse battery";
let browser: Browser;
let world: ControlWorld;
let control: Control;
let shots: string;

beforeAll(async () => {
  const consoleFolder = await builtConsole();
  world = await controlWorld(0);
  await world.rooms.directory.addUser("ada", "editor");
  await world.rooms.directory.setPassword("ada", password);
  control = await createControl(world.rooms, { host: "127.0.0.1", port: 0, consoleFolder });
  browser = await launchChromium();
  shots = await mkdtemp(path.join(tmpdir(), "karkhana-sign-in-"));
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
] as const)("whoever is not known signs in, sees the console and signs out (%s)", async (name, options) => {
  const { page, context } = await visitIn(browser, options);
  await page.goto(`${control.url}/models`);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  expect(await page.evaluate(excessWidth)).toBe(0);
  expect(await page.evaluate(weakTexts)).toEqual([]);
  await page.screenshot({ path: path.join(shots, `${name}.png`) });
  // By keyboard alone: the first field has the focus.
  await page.keyboard.type("ada");
  await page.keyboard.press("Tab");
  await page.keyboard.type("wrong horse battery");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  expect(await page.getByRole("alert").innerText()).toContain("that is known here");
  await page.screenshot({ path: path.join(shots, `${name}-refused.png`) });
  await page.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
  await page.getByRole("navigation", { name: "Rooms" }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/models");
  expect(await page.evaluate("document.cookie")).toBe("");
  await page.screenshot({ path: path.join(shots, `${name}-inside.png`) });
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await context.close();
});
