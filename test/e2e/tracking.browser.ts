import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createControl, type Control } from "../../src/server/control.ts";
import { controlWorld, type ControlWorld } from "../../src/server/test-world.ts";
import { builtConsole, launchChromium, visitIn, type Visit } from "./chromium.ts";
import { excessWidth, pageHeight, weakTexts } from "./in-page.mjs";
import { seededAuc, seedRuns } from "./seed-runs.ts";

// A table of 100,000 runs and the pages around it. No timing decides: what exists, what is asked for and what is shown do.
const many = 100_000;

let browser: Browser;
let world: ControlWorld;
let control: Control;
let shots: string;
let big: string;
let foreignRun: string;

const visit = (options: Parameters<Browser["newContext"]>[0] = { viewport: { width: 1360, height: 900 } }): Promise<Visit> => visitIn(browser, options);

beforeAll(async () => {
  const consoleFolder = await builtConsole();
  world = await controlWorld(8);
  const { tracking } = world.rooms;
  big = await tracking.experiments.create({ name: "sweep of 100,000", tags: { owner: "team red" } });
  await seedRuns(world.database, { experimentId: big, runs: many });
  await registerForeign();
  control = await createControl(world.rooms, { host: "127.0.0.1", port: 0, consoleFolder });
  browser = await launchChromium();
  shots = await mkdtemp(path.join(tmpdir(), "karkhana-screenshots-"));
  console.log(`screenshots: ${shots}`);
});

/** A model that a client of MLflow's registered, with artifacts on its run of every kind that is shown. */
async function registerForeign(): Promise<void> {
  const { tracking, catalog } = world.rooms;
  const { run } = await tracking.runs.create({ experimentId: "0", name: "logged elsewhere", userId: "ana", startUs: 1_772_000_000_000_000, tags: {} });
  foreignRun = run.runId;
  const files: Readonly<Record<string, string>> = {
    "console.log": "epoch 1\nepoch 2\n",
    "conf.json": '{"a":[1,2]}',
    "rows.csv": "name,amount\nx,1\ny,2\n",
    "page.html": "<script>document.title = 'taken over'</script>",
  };
  for (const [path, text] of Object.entries(files))
    await tracking.files.write(
      { experimentId: "0", runId: run.runId, path },
      (async function* () {
        yield Buffer.from(text);
      })(),
    );
  const points = Array.from({ length: 1000 }, (_, i) => ({ key: "loss", value: 1 / (i + 1), step: i, timestampMs: 1_772_000_000_000 + i }));
  await tracking.logBatch(run.runId, { params: { lr: "0.1" }, metrics: points });
  await catalog.createModel({ name: "churn", description: "who leaves", tags: { owner: "team red" } });
  await catalog.createVersion({ model: "churn", source: `runs:/${run.runId}/model`, downloadUri: "", artifactPath: "", runId: run.runId, tags: {} });
  await catalog.setAlias("churn", "prod", 1);
}

afterAll(async () => {
  await browser?.close();
  await control?.close();
  await world?.close();
});

describe("a table of 100,000 runs", () => {
  test("holds a screenful of rows, and its end is one key away", async () => {
    const { page, complaints, context } = await visit();
    await page.goto(`${control.url}/runs?e=${big}`);
    await page.getByText("100,000 runs").first().waitFor();
    await page.getByText("run-100000", { exact: true }).waitFor();
    const rows = page.locator("tr.run-row");
    expect(await rows.count()).toBeLessThan(80);
    const grid = page.getByRole("grid");
    await grid.focus();
    await page.keyboard.press("End");
    await page.getByText("run-1", { exact: true }).waitFor();
    expect(await rows.count()).toBeLessThan(80);
    expect(await rows.last().getAttribute("aria-rowindex")).toBe("100001");
    expect(await page.locator("tr.run-row.is-active").textContent()).toContain("run-1");
    await page.keyboard.press("Home");
    await page.getByText("run-100000", { exact: true }).waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });

  test("is ordered by a metric in the server, both ways, and the address says so", async () => {
    const { page, complaints, context } = await visit();
    await page.goto(`${control.url}/runs?e=${big}`);
    await page.getByRole("button", { name: "auc" }).click();
    const byAuc = Array.from({ length: many }, (_, i) => i + 1).sort((a, b) => seededAuc(b) - seededAuc(a) || b - a);
    const first = page.locator("tr.run-row").first();
    await page.getByText(`run-${byAuc[0]}`, { exact: true }).waitFor();
    expect(await first.textContent()).toContain(`run-${byAuc[0]}`);
    expect(new URL(page.url()).searchParams.get("sort")).toBe("-m.auc");
    await page.getByRole("button", { name: "auc" }).click();
    await page.getByText(`run-${byAuc.at(-1)}`, { exact: true }).waitFor();
    expect(await page.getByRole("columnheader", { name: "auc" }).getAttribute("aria-sort")).toBe("ascending");
    await page.reload();
    await page.getByText(`run-${byAuc.at(-1)}`, { exact: true }).waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });

  test("is filtered in the server, and a refused filter shows where it is wrong", async () => {
    const { page, context } = await visit();
    await page.goto(`${control.url}/runs?e=${big}`);
    const filter = page.getByRole("searchbox").first();
    await filter.fill("params.lr = '3' AND metrics.auc > 0.9");
    await filter.press("Enter");
    const expected = Array.from({ length: many }, (_, i) => i + 1).filter((i) => i % 4 === 3 && seededAuc(i) > 0.9).length;
    await page.getByText(`${expected.toLocaleString("en")} of 100,000 runs`).waitFor();
    await filter.fill("params.lr = '3' AND metrics.auc >> 0.9");
    await filter.press("Enter");
    expect(await page.locator(".filter mark").textContent()).toBe(">");
    await page.getByText("At character 33.").waitFor();
    await page.screenshot({ path: path.join(shots, "runs-refused-light.png") });
    await context.close();
  });

  test("is grouped in the server, and a group opens as a filter", async () => {
    const { page, complaints, context } = await visit();
    await page.goto(`${control.url}/runs?e=${big}&group=p.lr`);
    await page.getByText("100,000 runs in 4 groups").waitFor();
    // Metrics of 25,000 runs that spread evenly over 0 to 1.
    await page
      .getByText(/^0\.(49|50)\d\d/)
      .first()
      .waitFor();
    await page.screenshot({ path: path.join(shots, "runs-groups-light.png") });
    await page.getByRole("button", { name: "2", exact: true }).click();
    await page.getByText("25,000 of 100,000 runs").waitFor();
    expect(new URL(page.url()).searchParams.get("q")).toBe("params.`lr` = '2'");
    expect(complaints).toEqual([]);
    await context.close();
  });

  test("takes columns by choice and keeps a view under a name that others can open", async () => {
    const { page, complaints, context } = await visit();
    await page.goto(`${control.url}/runs?e=${big}&sort=-m.f1`);
    await page.getByText("Columns", { exact: true }).click();
    await page.getByRole("checkbox", { name: "team" }).check();
    await page.getByRole("checkbox", { name: "loss" }).uncheck();
    await page.keyboard.press("Escape");
    await page.getByRole("columnheader", { name: "team" }).waitFor();
    await page.getByRole("columnheader", { name: "loss" }).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Save view" }).click();
    await page.getByRole("textbox", { name: "Name", exact: true }).fill("best f1");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.waitForURL(/view=best/);
    const other = await visit();
    await other.page.goto(`${control.url}/runs`);
    await other.page.getByRole("combobox", { name: "View" }).selectOption("best f1");
    await other.page.getByRole("columnheader", { name: "team" }).waitFor();
    expect(new URL(other.page.url()).searchParams.get("sort")).toBe("-m.f1");
    await other.page.getByRole("button", { name: "Forget view" }).click();
    await expect.poll(async () => world.rooms.tracking.views.list()).toEqual([]);
    expect([...complaints, ...other.complaints]).toEqual([]);
    await context.close();
    await other.context.close();
  });

  test("does not move when runs come in, says how many, and shows them when told to, with the row at the top still there", async () => {
    const { page, complaints, context } = await visit();
    await page.goto(`${control.url}/runs?e=${big}`);
    await page.getByText("run-100000", { exact: true }).waitFor();
    const grid = page.getByRole("grid");
    await grid.evaluate((node) => node.scrollTo({ top: 34 * 500 }));
    await page.getByText("run-99500", { exact: true }).waitFor();
    const { runId } = await world.rooms.tracking.runs
      .create({ experimentId: big, name: "newcomer", userId: "", startUs: 1_800_000_000_000_000, tags: {} })
      .then(({ run }) => run);
    await page.getByText("1 more run matches now.").waitFor();
    expect(await page.getByText("run-99500", { exact: true }).count()).toBe(1);
    const before = await page.getByText("run-99500", { exact: true }).boundingBox();
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByText("100,001 runs").first().waitFor();
    await page.getByText("1 more run matches now.").waitFor({ state: "detached" });
    await page.getByText("run-99500", { exact: true }).waitFor();
    const after = await page.getByText("run-99500", { exact: true }).boundingBox();
    // The line that announced it is gone, the row is where it was within the table.
    expect(Math.abs((after?.y ?? 0) - (before?.y ?? 0))).toBeLessThan(60);
    await world.rooms.tracking.runs.setStage(runId, "deleted");
    expect(complaints).toEqual([]);
    await context.close();
  });
});

test("an address that MLflow's client prints opens the run, the experiment and the model here", async () => {
  const { page, complaints, context } = await visit();
  await page.goto(`${control.url}/#/experiments/0/runs/${foreignRun}`);
  await page.getByRole("heading", { level: 1, name: "logged elsewhere" }).waitFor();
  expect(page.url()).toBe(`${control.url}/runs/${foreignRun}`);
  await page.goto(`${control.url}/#/models/churn/versions/1`);
  await page.getByRole("heading", { level: 1, name: "churn version 1" }).waitFor();
  await page.goto(`${control.url}/#/experiments/${big}`);
  await page.getByText("run-100000", { exact: true }).waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

describe.each([
  ["light", { colorScheme: "light", viewport: { width: 1360, height: 900 } }],
  ["dark", { colorScheme: "dark", viewport: { width: 1360, height: 900 } }],
  ["phone", { colorScheme: "light", viewport: { width: 360, height: 780 } }],
] as const)("in %s", (mode, options) => {
  test("pages of experiments, runs and comparisons show their records, fit their width and can be read", async () => {
    const { page, complaints, context } = await visit(options);
    const small = await world.rooms.tracking.experiments.named("small-airline");
    const { runs } = await world.rooms.tracking.listRuns(small?.experimentId ?? "");
    const pages = [
      ["experiments", "/experiments", "sweep of 100,000"],
      ["runs-many", `/runs?e=${big}&sort=-m.auc`, "run-"],
      ["compare", `/compare?runs=${runs.map((r) => r.runId).join(",")}`, "Parallel coordinates"],
      ["run", `/runs/${world.trainedRun}`, "Importance"],
      ["run-logged", `/runs/${foreignRun}`, "epoch 2"],
      ["models", "/models", "registered by a client"],
      ["model", "/models/churn", "who leaves"],
      ["version", "/models/late_arrival/versions/1", "Offline evaluation"],
      ["version-foreign", "/models/churn/versions/1", "is owed"],
    ] as const;
    for (const [name, address, shows] of pages) {
      await page.goto(control.url + address);
      await page.getByText(shows).first().waitFor();
      await page.waitForLoadState("networkidle");
      const height = await page.evaluate(pageHeight);
      await page.setViewportSize({ width: options.viewport.width, height: Math.min(height, 4000) });
      if (["compare", "run", "run-logged"].includes(name))
        await page
          .getByText(/^(All \d+ points\.|1,000 points in)/)
          .first()
          .waitFor();
      await page.screenshot({ path: path.join(shots, `${name}-${mode}.png`) });
      expect(await page.evaluate(excessWidth), `${name} is wider than its window`).toBeLessThanOrEqual(0);
      expect(await page.evaluate(weakTexts), name).toEqual([]);
      await page.setViewportSize(options.viewport);
    }
    expect(complaints).toEqual([]);
    await context.close();
  });
});

describe("by keyboard alone", () => {
  test("an artifact is opened from the tree, a page among them shows its source and takes nothing over", async () => {
    const { page, complaints, context } = await visit();
    await page.goto(`${control.url}/runs/${foreignRun}`);
    const file = page.getByRole("button", { name: "page.html" });
    await file.focus();
    await page.keyboard.press("Enter");
    await page.getByText("<script>document.title").waitFor();
    await page.getByRole("button", { name: "rows.csv" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("columnheader", { name: "amount" }).waitFor();
    expect(await page.title()).toContain("Karkhana");
    expect(complaints).toEqual([]);
    await context.close();
  });

  test("rows of the table are walked, ticked and compared, and a run is opened", async () => {
    const { page, complaints, context } = await visit();
    await page.goto(`${control.url}/runs?e=${big}`);
    await page.getByText("run-100000", { exact: true }).waitFor();
    await page.getByRole("grid").focus();
    for (const key of ["ArrowDown", "Space", "ArrowDown", "ArrowDown", "Space"]) await page.keyboard.press(key);
    const compare = page.getByRole("link", { name: "Compare 2 runs" });
    await compare.focus();
    await page.keyboard.press("Enter");
    await page.getByText("Parallel coordinates").waitFor();
    expect(new URL(page.url()).searchParams.get("runs")?.split(",")).toHaveLength(2);
    await page.getByRole("checkbox", { name: "Also what is the same" }).focus();
    await page.keyboard.press("Space");
    await page.waitForURL(/all=1/);
    await page.goBack();
    await page.getByRole("grid").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForURL(/runs\/5eed/);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test("a version leads to its run, its data and its views", async () => {
    const { page, complaints, context } = await visit();
    await page.goto(`${control.url}/models/late_arrival/versions/1`);
    const lineage = page.locator(".lineage");
    await lineage.waitFor();
    const links = await lineage.getByRole("link").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
    expect(links.map((href) => href?.split("/")[1]?.split("?")[0])).toEqual(["data", "features", "features", "runs", "runs", "serving", "monitoring"]);
    await lineage.getByRole("link", { name: "flights" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(/data\/[0-9a-f]{64}/);
    expect(complaints).toEqual([]);
    await context.close();
  });
});
