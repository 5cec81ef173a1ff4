import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { featureViewHash } from "../../src/features/definition.ts";
import { viewsOf } from "../../src/project/definition.ts";
import { createControl, type Control } from "../../src/server/control.ts";
import { controlWorld, type ControlWorld } from "../../src/server/test-world.ts";
import { freePort } from "../free-ports.ts";
import { builtConsole, launchChromium, visitIn, type Visit } from "./chromium.ts";
import { chartsDrawn, excessWidth, focusedElement, pageHeight, themeShown, weakTexts } from "./in-page.mjs";

// The console in the system's Chromium, on a control server over real stores. Screenshots are left in a temporary folder, which is printed.
let browser: Browser;
let world: ControlWorld;
let empty: ControlWorld;
let control: Control;
let first: Control;
let shots: string;
let consoleFolder: string;

beforeAll(async () => {
  consoleFolder = await builtConsole();
  world = await controlWorld(80);
  empty = await controlWorld(0);
  control = await createControl(world.rooms, { host: "127.0.0.1", port: 0, consoleFolder });
  first = await createControl(empty.rooms, { host: "127.0.0.1", port: 0, consoleFolder });
  browser = await launchChromium();
  shots = await mkdtemp(path.join(tmpdir(), "karkhana-screenshots-"));
  console.log(`screenshots: ${shots}`);
});

afterAll(async () => {
  await browser?.close();
  await control?.close();
  await first?.close();
  await world?.close();
  await empty?.close();
});

const visit = (options: Parameters<Browser["newContext"]>[0] = {}): Promise<Visit> => visitIn(browser, options);

function hashOf(name: string): string {
  const view = viewsOf(world.model.service).find((one) => one.name === name);
  return view === undefined ? "none" : featureViewHash(view);
}

/** Each page, its heading and a text that only its loaded records show. */
function rooms(): readonly (readonly [name: string, address: string, heading: string, shows: string])[] {
  return [
    ["loop", "/", "small-airline", "Needs attention"],
    ["data", "/data", "Data", "accepted, some set aside"],
    ["features", "/features", "Features", "alarm above"],
    ["view", `/features/${hashOf("from_airport")}`, "from_airport", "unknown keys"],
    ["changed-view", `/features/${hashOf("on_route")}`, "on_route", "History of the definition"],
    ["experiments", "/experiments", "Experiments", "small-airline"],
    ["runs", "/runs", "Runs", "late_arrival logistic 2001-04-01"],
    ["run", `/runs/${world.trainedRun}`, "late_arrival logistic 2001-04-01", "Importance"],
    ["models", "/models", "late_arrival", "Roll back to v1"],
    ["serving", "/serving", "Serving", "12 values"],
    ["monitoring", "/monitoring", "Monitoring", "Realised AUC"],
    ["pipelines", "/pipelines", "Pipelines", "train-late_arrival-3"],
    ["pipeline", "/pipelines/train-late_arrival-2", "Pipeline run", "one class only"],
  ];
}

describe.each([
  ["light", { colorScheme: "light", viewport: { width: 1360, height: 900 } }],
  ["dark", { colorScheme: "dark", viewport: { width: 1360, height: 900 } }],
  ["phone", { colorScheme: "light", viewport: { width: 360, height: 780 } }],
] as const)("in %s", (mode, options) => {
  test("every page shows its records, complains of nothing and fits its width", async () => {
    const { page, complaints, context } = await visit(options);
    for (const [name, address, heading, shows] of rooms()) {
      await page.goto(control.url + address);
      await page.getByRole("heading", { level: 1, name: heading }).waitFor();
      await page.getByText(shows).first().waitFor();
      const height = await page.evaluate(pageHeight);
      // As tall as the page, so that charts mounted only near the window are in the picture.
      await page.setViewportSize({ width: options.viewport.width, height: Math.min(height, 4000) });
      await page.waitForFunction(chartsDrawn);
      await page.screenshot({ path: path.join(shots, `${name}-${mode}.png`) });
      await page.setViewportSize(options.viewport);
      expect(await page.evaluate(excessWidth), `${name} is wider than its window`).toBeLessThanOrEqual(0);
    }
    expect(complaints).toEqual([]);
    await context.close();
  });
});

test.each([
  ["light", { colorScheme: "light", viewport: { width: 1360, height: 900 } }],
  ["dark", { colorScheme: "dark", viewport: { width: 1360, height: 900 } }],
  ["phone", { colorScheme: "light", viewport: { width: 360, height: 780 } }],
] as const)("a view whose source is a topic shows how far it is behind and what went wrong last, in %s", async (mode, options) => {
  const partitions = [
    { partition: 0, next: 90, end: 100, lag: 10 },
    { partition: 1, next: 50, end: 1282, lag: 1232 },
  ];
  const remedy = "Correct the mechanism, or the user name and password.";
  const lastError = {
    code: "STREAM_ACCOUNT_REFUSED",
    message: "source flights, topic.sasl: the brokers refuse the account",
    remedy,
    atUs: 1_767_225_600_000_000,
  };
  const report = { source: "flights", topic: "flights.changes", state: "away", problem: lastError.message, lastError, failures: {}, missed: 7, partitions };
  // What a serving process answers, of one that follows a topic.
  const serving = createServer((_, answer) => void answer.setHeader("content-type", "application/json").end(JSON.stringify({ models: [], streams: [report] })));
  await new Promise<void>((resolve) => {
    serving.listen(0, "127.0.0.1", resolve);
  });
  const at = serving.address();
  const servingUrl = `http://127.0.0.1:${typeof at === "object" && at !== null ? at.port : 0}`;
  const beside = await createControl(world.rooms, { host: "127.0.0.1", port: 0, consoleFolder, servingUrl });
  const { page, complaints, context } = await visit(options);
  try {
    await expect.poll(async () => (await (await fetch(`${beside.url}/api/v1/serving`)).json()) as object).toMatchObject({ reachable: true });
    await page.goto(`${beside.url}/features/${hashOf("from_airport")}`);
    await page.getByText("topic flights.changes").waitFor();
    await page.getByText("1,242").waitFor();
    await page.getByText("STREAM_ACCOUNT_REFUSED").waitFor();
    await page.getByText(remedy).waitFor();
    await page.getByText("topic flights.changes").scrollIntoViewIfNeeded();
    await page.screenshot({ path: path.join(shots, `stream-${mode}.png`) });
    expect(await page.evaluate(excessWidth)).toBeLessThanOrEqual(0);
    expect(await page.evaluate(weakTexts)).toEqual([]);
    expect(complaints).toEqual([]);
  } finally {
    await context.close();
    await beside.close();
    serving.closeAllConnections();
    serving.close();
  }
});

test("text has enough contrast on its ground in both themes", async () => {
  for (const colorScheme of ["light", "dark"] as const) {
    const { page, context } = await visit({ colorScheme, viewport: { width: 1360, height: 900 } });
    await page.goto(`${control.url}/models`);
    await page.getByText("Roll back to v1").first().waitFor();
    const weak = await page.evaluate(weakTexts);
    expect(weak, colorScheme).toEqual([]);
    await context.close();
  }
});

test("the first start says on every page what fills it", async () => {
  const { page, complaints, context } = await visit({ viewport: { width: 1360, height: 900 } });
  for (const address of ["/", "/data", "/models", "/serving", "/monitoring", "/pipelines"]) {
    await page.goto(first.url + address);
    await page.locator(".empty code").first().waitFor();
    expect(await page.locator(".empty code").first().textContent()).toMatch(/^karkhana \w+$/);
  }
  expect(complaints).toEqual([]);
  await context.close();
});

test("a page says that the server is gone, and shows what happened meanwhile once it is back", async () => {
  const rooms = { host: "127.0.0.1", consoleFolder };
  const port = await freePort();
  let server = await createControl(empty.rooms, { ...rooms, port });
  const { page, context } = await visit({ viewport: { width: 360, height: 780 } });
  try {
    await page.goto(`${server.url}/experiments`);
    await page.getByText("Nothing has been logged.").waitFor();
    await server.close();
    await page.getByText("The server cannot be reached, so").waitFor();
    // A page that was never loaded has nothing to show, and says why.
    await page.getByRole("link", { name: "Data", exact: true }).click();
    await page.getByRole("alert").getByText("The server cannot be reached").first().waitFor();
    await empty.rooms.tracking.experiments.create({ name: "made meanwhile", tags: {} });
    server = await createControl(empty.rooms, { ...rooms, port });
    await page.getByText("The server cannot be reached").first().waitFor({ state: "detached" });
    await page.locator(".empty code").first().waitFor();
    await page.getByRole("link", { name: "Experiments" }).click();
    await page.getByText("made meanwhile").waitFor();
  } finally {
    await context.close();
    await server.close();
  }
});

test("an address that names nothing says so, and an unknown record shows the server's remedy", async () => {
  const { page, context } = await visit();
  await page.goto(`${control.url}/nowhere`);
  await page.getByRole("heading", { name: "No such page" }).waitFor();
  await page.goto(`${control.url}/runs/none`);
  await page.getByText("RUN_NOT_FOUND").waitFor();
  await context.close();
});

describe("by keyboard alone", () => {
  test("the first tab stop skips to the page, and every room is reached with a visible focus", async () => {
    const { page, context } = await visit({ viewport: { width: 1360, height: 900 } });
    await page.goto(control.url);
    await page.getByText("Needs attention").waitFor();
    await page.keyboard.press("Tab");
    expect(await page.evaluate(focusedElement)).toMatchObject({ text: "Skip to the page", outlined: true });
    const reached: string[] = [];
    for (let i = 0; i < 30; i++) {
      await page.keyboard.press("Tab");
      const now = await page.evaluate(focusedElement);
      if (now.isSvgLink || now.outlined) reached.push(now.text);
    }
    for (const room of ["Loop", "Data", "Features", "Experiments", "Runs", "Models", "Serving", "Monitoring", "Pipelines", "Dark"])
      expect(reached, room).toContain(room);
    expect(reached.filter((text) => /^(Data|Features|Training|Registry|Serving|Monitoring|Retraining):/.test(text))).toHaveLength(7);
    await context.close();
  });

  test("a proof opens its evidence, and the heatmap's cells are walked and picked", async () => {
    const { page, context } = await visit({ viewport: { width: 1360, height: 900 } });
    await page.goto(`${control.url}/models`);
    const proof = page.getByRole("button", { name: "Shadow: proved" });
    await proof.focus();
    await page.keyboard.press("Enter");
    await page.getByText("1,300 shadowed questions").first().waitFor();
    await page.goto(`${control.url}/monitoring`);
    const map = page.getByRole("application");
    await map.scrollIntoViewIfNeeded();
    await map.focus();
    for (const key of ["ArrowLeft", "ArrowDown", "Enter"]) await page.keyboard.press(key);
    await page.getByText(/^training, 6,000 rows$/).waitFor();
    await page.goto(`${control.url}/pipelines`);
    const step = page.getByRole("button", { name: /^fit: succeeded/ });
    await step.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Step fit" }).waitFor();
    await context.close();
  });

  test("the chosen theme holds over a reload", async () => {
    const { page, context } = await visit({ colorScheme: "light" });
    await page.goto(control.url);
    await page.getByRole("button", { name: "Dark" }).focus();
    await page.keyboard.press("Space");
    await page.reload();
    expect(await page.evaluate(themeShown)).toEqual(["dark", "rgb(20, 23, 26)"]);
    await context.close();
  });

  test("what happens in the loop is on the page without a reload", async () => {
    const { page, context } = await visit({ viewport: { width: 1360, height: 900 } });
    await page.goto(control.url);
    await page.getByText("Needs attention").waitFor();
    world.board.tell({ event: "decision", atUs: world.rooms.clock.nowUs(), model: "late_arrival", version: 3, kind: "refused", text: "told while you look" });
    await page.getByText("told while you look").waitFor();
    world.machineClock.advanceBy(1_000_000);
    world.board.advance("replay", 20_000, 21_840);
    await page.getByText("20,000 of 21,840 questions").waitFor();
    await context.close();
  });

  // From here on the registry changes.
  test("traffic is split by the keyboard alone, and the split is drawn", async () => {
    const { registry } = world;
    const { version: _v, state: _s, createdUs: _c, proofs: _p, waivers: _w, ...champion } = await registry.getVersion("late_arrival", 2);
    const { version } = await registry.registerVersion({ ...champion, requestId: "a canary" });
    await registry.waive("late_arrival", version, "shadow", "a test");
    const { page, complaints, context } = await visit({ viewport: { width: 1360, height: 900 } });
    await page.goto(`${control.url}/models`);
    const opener = page.getByRole("button", { name: "Split traffic" }).first();
    await opener.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog").filter({ hasText: "Who answers for late_arrival?" });
    const share = dialog.getByLabel(`Share of version ${version}, percent`);
    await share.focus();
    await page.keyboard.type("5");
    await page.screenshot({ path: path.join(shots, "traffic-light.png") });
    await page.keyboard.press("Tab");
    await dialog.getByLabel(/Reason/).focus();
    await page.keyboard.type("a canary by hand");
    await page.keyboard.press("Enter");
    await page.getByRole("img", { name: `version 2 answers 95.0 %, version ${version} answers 5.0 %` }).waitFor();
    await page.screenshot({ path: path.join(shots, "traffic-split-light.png") });
    expect((await world.rooms.registry.getDeployment("late_arrival"))?.challengers).toMatchObject([{ version, share: 0.05 }]);
    await opener.focus();
    await page.keyboard.press("Enter");
    await share.fill("");
    await dialog.getByLabel(/Reason/).fill("enough seen");
    await page.keyboard.press("Enter");
    await page.getByRole("img", { name: /answers 95/ }).waitFor({ state: "hidden" });
    expect((await world.rooms.registry.getDeployment("late_arrival"))?.challengers).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test("a rollback asks for a reason, can be left by Escape, and then names the new champion", async () => {
    const { page, complaints, context } = await visit({ viewport: { width: 1360, height: 900 } });
    await page.goto(`${control.url}/models`);
    const opener = page.getByRole("button", { name: "Roll back to v1" }).first();
    await opener.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    expect(await dialog.getByRole("button", { name: "Roll back to v1" }).isDisabled()).toBe(true);
    await page.screenshot({ path: path.join(shots, "rollback-light.png") });
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    expect((await world.rooms.registry.getDeployment("late_arrival"))?.champion).toBe(2);
    await opener.focus();
    await page.keyboard.press("Enter");
    await dialog.getByLabel(/Reason/).fill("rehearsed in the console");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Roll back to v2" }).first().waitFor();
    expect((await world.rooms.registry.getDeployment("late_arrival"))?.champion).toBe(1);
    expect(complaints).toEqual([]);
    await context.close();
  });
});
