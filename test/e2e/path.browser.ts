import { readFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createControl, type Control } from "../../src/server/control.ts";
import { controlWorld, type ControlWorld } from "../../src/server/test-world.ts";
import { builtConsole, launchChromium, visitIn } from "./chromium.ts";
import { excessWidth, focusedElement, pageHeight, weakTexts } from "./in-page.mjs";

// The Path in the system's Chromium, from a fresh start, by keyboard alone. Screenshots are left in a temporary folder, which is printed.
const solution = readFileSync(fileURLToPath(new URL("../labs/lab-06/jacobi.js", import.meta.url)), "utf8");

let browser: Browser;
let world: ControlWorld;
let control: Control;
let shots: string;

beforeAll(async () => {
  world = await controlWorld(0);
  control = await createControl(world.rooms, { host: "127.0.0.1", port: 0, consoleFolder: await builtConsole() });
  browser = await launchChromium();
  shots = await mkdtemp(path.join(tmpdir(), "karkhana-screenshots-"));
  console.log(`screenshots: ${shots}`);
});

afterAll(async () => {
  await browser?.close();
  await control?.close();
  await world?.close();
});

/** Tabs until the named thing has the focus, which must be seen. */
async function tabTo(page: Page, name: RegExp, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  const met: string[] = [];
  for (let i = 0; i < 90; i++) {
    await page.keyboard.press(key);
    const now = await page.evaluate(focusedElement);
    met.push(now.text.slice(0, 40));
    if (name.test(now.text)) return;
  }
  throw new Error(`${String(name)} was not reached; met ${met.join(" | ")}`);
}

test("from a fresh start, by keyboard alone: a background, a plan with dates, a lab passed, evidence, and a picture that changed", async () => {
  const { page, complaints, context } = await visitIn(browser, { viewport: { width: 1360, height: 900 }, permissions: ["clipboard-read", "clipboard-write"] });
  await page.goto(`${control.url}/path`);
  await page.getByText("Start a real system: run the loop once").waitFor();
  const station = page.getByRole("link", { name: /Mathematics, to the depth that is asked/ });
  expect(await station.getAttribute("aria-label")).toMatch(/ahead, 0 of \d+ labs passed/);
  await page.getByText("Nothing yet: a lab passed").waitFor();

  await tabTo(page, /^Plan$/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Plan" }).waitFor();
  await page.getByRole("radio", { name: /Software engineer/ }).focus();
  await page.keyboard.press("Space");
  // A radio group is one tab stop.
  await page.keyboard.press("Tab");
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("12");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Calendar" }).waitFor();
  await page.getByText("skipped, unproven").first().waitFor();
  expect(await page.locator(".plan-calendar").getAttribute("aria-label")).toMatch(/Mathematics, to the depth that is asked: \d+ \w+ – \d+ \w+ \d{4}/);
  expect((await world.rooms.path.plan())?.request).toMatchObject({ backgroundId: "software-engineer", hoursPerWeek: 12 });
  await page.screenshot({ path: path.join(shots, "plan.png"), fullPage: true });

  await page.goto(`${control.url}/path/labs/6`);
  const editor = page.getByRole("textbox", { name: "Solution of lab 6" });
  await editor.waitFor();
  await editor.focus();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.press("Delete");
  await page.keyboard.type("export function pca() {\nreturn { mean: [] };\n}\n");
  await tabTo(page, /^Grade it$/);
  await page.keyboard.press("Enter");
  await page.getByText("Not passed").waitFor();
  await page.locator(".diff").first().waitFor();
  await page.screenshot({ path: path.join(shots, "lab-failed.png"), fullPage: true });
  expect(await world.rooms.path.evidence()).toEqual([]);

  await editor.focus();
  await page.keyboard.press("ControlOrMeta+a");
  await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(solution)})`);
  await page.keyboard.press("ControlOrMeta+v");
  await tabTo(page, /^Grade it$/);
  await page.keyboard.press("Enter");
  await page.getByText(/Kept as evidence, entry 1: Lab 6 passed/).waitFor();
  await page.screenshot({ path: path.join(shots, "lab-passed.png"), fullPage: true });

  await tabTo(page, /^Road$/, "Shift+Tab");
  await page.keyboard.press("Enter");
  await page.getByText("the chain holds").waitFor();
  await page
    .getByText(/Lab 6 passed in TypeScript/)
    .first()
    .waitFor();
  expect(await station.getAttribute("aria-label")).not.toMatch(/, 0 of/);
  expect(await page.locator(".lab-pip.is-passed").count()).toBeGreaterThan(0);
  await tabTo(page, /Mathematics, to the depth/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: /Mathematics, to the depth/ }).waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test("a drift drill is answered by keyboard, graded once and kept", async () => {
  const { page, complaints, context } = await visitIn(browser, { viewport: { width: 1360, height: 900 } });
  await page.goto(`${control.url}/path/drills`);
  await page.getByRole("button", { name: "Take the pager" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Something may have happened" }).waitFor();
  await expect.poll(() => page.locator(".spark").count()).toBeGreaterThan(10);
  await page.getByRole("checkbox", { name: /Infrastructure: the serving system/ }).focus();
  await page.keyboard.press("Space");
  await page.reload();
  await expect.poll(() => page.getByRole("checkbox", { name: /Infrastructure: the serving system/ }).isChecked()).toBe(true);
  await page.getByRole("button", { name: "Answer" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText(/Kept as evidence, entry \d/).waitFor();
  await expect.poll(() => page.getByRole("button", { name: "Answer" }).count()).toBe(0);
  await page.screenshot({ path: path.join(shots, "drill-graded.png"), fullPage: true });
  expect(complaints).toEqual([]);
  await context.close();
});

const addresses = [
  ["path", "/path", "Exit of stage 1"],
  ["plan", "/path/plan", "Hours a week"],
  ["labs", "/path/labs", "passed"],
  ["lab", "/path/labs/6", "Grade it"],
  ["drills", "/path/drills", "Take the pager"],
  ["portfolio", "/path/portfolio", "Export the report"],
  ["market", "/path/market", "Pay by level"],
  ["block", "/path/blocks/weeks-4-7", "Topics"],
  ["topic", "/path/topics/backpropagation", "Know first"],
  ["track", "/path/tracks/track-a", "Go deep"],
] as const;

describe.each([
  ["light", { colorScheme: "light", viewport: { width: 1360, height: 900 } }],
  ["dark", { colorScheme: "dark", viewport: { width: 1360, height: 900 } }],
  ["phone", { colorScheme: "light", viewport: { width: 360, height: 780 } }],
] as const)("in %s", (mode, options) => {
  test("every page of the Path complains of nothing, fits its width and can be read", async () => {
    const { page, complaints, context } = await visitIn(browser, options);
    for (const [name, address, shows] of addresses) {
      await page.goto(control.url + address);
      await page.getByText(shows).first().waitFor();
      if (name === "lab") await page.getByRole("textbox", { name: "Solution of lab 6" }).waitFor();
      const height = await page.evaluate(pageHeight);
      await page.setViewportSize({ width: options.viewport.width, height: Math.min(height, 4000) });
      await page.screenshot({ path: path.join(shots, `${name}-${mode}.png`) });
      await page.setViewportSize(options.viewport);
      expect(await page.evaluate(excessWidth), `${name} is wider than its window`).toBeLessThanOrEqual(0);
      expect(await page.evaluate(weakTexts), name).toEqual([]);
    }
    expect(complaints).toEqual([]);
    await context.close();
  });
});

test("what is printed is the road, without the rooms around it", async () => {
  const { page, context } = await visitIn(browser, { viewport: { width: 1060, height: 740 } });
  await page.goto(`${control.url}/path`);
  await page.locator(".road-sheet").waitFor();
  await page.emulateMedia({ media: "print" });
  expect(await page.locator(".rail").isVisible()).toBe(false);
  expect(await page.locator(".next").isVisible()).toBe(false);
  expect(await page.locator(".road-sheet > svg.road").isVisible()).toBe(true);
  expect(await page.evaluate(pageHeight)).toBeLessThanOrEqual(800);
  await page.screenshot({ path: path.join(shots, "print.png") });
  await context.close();
});
