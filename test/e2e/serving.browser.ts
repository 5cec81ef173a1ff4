import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { latestExchanges, openExchangeLog, type ExchangeLog } from "../../src/feedback/exchanges.ts";
import { createControl, type Control } from "../../src/server/control.ts";
import { statusOf } from "../../src/server/error-status.ts";
import { controlWorld, type ControlWorld } from "../../src/server/test-world.ts";
import { inputs as width, network } from "../../src/serving/formats/onnx/made-network.fixture.ts";
import { openBackendServer, refusing, well, type BackendServer } from "../../src/serving/openai/backend-server.fixture.ts";
import { openWorld, type World } from "../../src/serving/test-world.ts";
import { readGoldenCases } from "../reference/golden-models.ts";
import { builtConsole, launchChromium, visitIn } from "./chromium.ts";
import { excessWidth, pageHeight, weakTexts } from "./in-page.mjs";

// Models beside the project's on the Serving page, as a real serving process counted them. Screenshots are left in a temporary folder.
let browser: Browser;
let records: ControlWorld;
let serving: World;
let backend: BackendServer;
let counts: Server;
let control: Control;
let exchanges: ExchangeLog;
let folder: string;
let shots: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-serving-page-"));
  backend = await openBackendServer();
  const put = async (name: string, files: Record<string, string | Uint8Array>): Promise<void> => {
    await mkdir(path.join(folder, "models", name, "1"), { recursive: true });
    for (const [file, content] of Object.entries(files)) await writeFile(path.join(folder, "models", name, "1", file), content);
  };
  const batching = JSON.stringify({ maxBatchSize: 32, maxDelayMs: 1 });
  await put("ranker", { "model.onnx": network(), "batching.json": batching });
  await put("ranker_alone", { "model.onnx": network() });
  await put("segments", { "model.txt": readGoldenCases("models-lightgbm.json.gz").find(({ name }) => name === "multiclass")!.model });
  const price = { currency: "USD", input: 0.0005, output: 0.0015 };
  await put("writer", { "openai.json": JSON.stringify({ url: backend.url, model: "llama", price, fallback: ["spare-writer"], log: { text: true } }) });
  await put("spare-writer", { "openai.json": JSON.stringify({ url: backend.url, model: "small" }) });
  records = await controlWorld(0);
  exchanges = openExchangeLog(path.join(folder, "log"));
  serving = await openWorld({ statusOf, serving: { modelsFolder: path.join(folder, "models"), exchanges } });
  const row = { name: "X", datatype: "FP32", shape: [1, width], data: Array.from({ length: width }, (_, i) => i / width) };
  await Promise.all(Array.from({ length: 60 }, () => serving.post("/v2/models/ranker/infer", { inputs: [row] })));
  for (let i = 0; i < 5; i++) await serving.post("/v2/models/ranker_alone/infer", { inputs: [row] });
  const chat = (stream: boolean) => serving.post("/v1/chat/completions", { model: "writer", stream, messages: [{ role: "user", content: "Hello" }] });
  backend.behave((asked, reply) => (asked.body["model"] === "llama" ? refusing(500, "away")(asked, reply) : well(asked, reply)));
  await chat(false);
  backend.behave(well);
  for (let i = 0; i < 20; i++) await chat(i % 2 === 0);
  // The project of this serving process is another than the control process's: its models are left out.
  counts = createServer((_request, reply) => {
    void serving.get("/v1/stats").then(({ text }) => reply.end(JSON.stringify({ ...(JSON.parse(text) as object), models: [] })));
  });
  counts.listen(0, "127.0.0.1");
  await once(counts, "listening");
  const servingUrl = `http://127.0.0.1:${(counts.address() as AddressInfo).port}`;
  control = await createControl(
    { ...records.rooms, exchanges: latestExchanges(path.join(folder, "log")) },
    { host: "127.0.0.1", port: 0, consoleFolder: await builtConsole(), servingUrl },
  );
  browser = await launchChromium();
  shots = await mkdtemp(path.join(tmpdir(), "karkhana-screenshots-"));
  console.log(`screenshots: ${shots}`);
});

afterAll(async () => {
  await browser?.close();
  await control?.close();
  counts?.close();
  await serving?.close();
  await exchanges?.close();
  await records?.close();
  await backend?.close();
  await rm(folder, { recursive: true, force: true });
});

describe.each([
  ["light", { colorScheme: "light", viewport: { width: 1360, height: 900 } }],
  ["dark", { colorScheme: "dark", viewport: { width: 1360, height: 900 } }],
  ["phone", { colorScheme: "light", viewport: { width: 360, height: 780 } }],
] as const)("in %s", (mode, options) => {
  test("language models show first token and tokens a second, model files how their requests ran together", async () => {
    const { page, complaints, context } = await visitIn(browser, options);
    await page.goto(`${control.url}/serving`);
    const writer = page.locator("section", { has: page.getByRole("heading", { name: "writer", exact: true }) });
    await writer.getByText("1 passed to another").waitFor();
    const reading = (name: string) =>
      writer
        .locator("div", { has: page.getByText(name, { exact: true }) })
        .locator("dd")
        .first();
    expect(await reading("Answered").textContent()).toBe("20");
    expect(await reading("First token").textContent()).toMatch(/^≤ [\d.]+s$/);
    expect(await reading("Tokens a second").textContent()).toMatch(/^[\d,.]+$/);
    expect(await reading("Cost").textContent()).toMatch(/^0\.0\d+USD$/);
    await writer.getByRole("row").nth(12).waitFor();
    expect(await writer.getByText("The flight will be late.").count()).toBe(12);
    const ranker = page.getByRole("row", { name: /^ranker v1/ });
    expect(await ranker.textContent()).toContain("up to 32 rows, after 1 ms at most");
    expect(await page.getByRole("row", { name: /^segments v1/ }).textContent()).toContain("on the spot");
    expect(await page.getByRole("row", { name: /^ranker_alone v1/ }).textContent()).toContain("one at a time");
    expect(await page.evaluate(weakTexts)).toEqual([]);
    await page.setViewportSize({ width: options.viewport.width, height: Math.min(await page.evaluate(pageHeight), 4000) });
    await page.screenshot({ path: path.join(shots, `serving-files-${mode}.png`) });
    expect(await page.evaluate(excessWidth)).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
    await context.close();
  });
});
