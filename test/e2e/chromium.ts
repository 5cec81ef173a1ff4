import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { build } from "vite";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Only for what never comes: how fast this machine is decides nothing. */
const patienceMs = 300_000;

/** The system's Chromium. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env["KARKHANA_CHROMIUM"] ?? "/usr/bin/chromium", args: flags, timeout: patienceMs });
}

/** The console built from its source, in a folder of its own. */
export async function builtConsole(): Promise<string> {
  const root = fileURLToPath(new URL("../../console", import.meta.url));
  const folder = await mkdtemp(path.join(tmpdir(), "karkhana-console-"));
  await build({ root, logLevel: "error", build: { outDir: folder, emptyOutDir: true } });
  return folder;
}

export interface Visit {
  readonly page: Page;
  /** What the page complained of, and every request to another origin. */
  readonly complaints: string[];
  readonly context: BrowserContext;
}

export async function visitIn(browser: Browser, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Visit> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(patienceMs);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(page.url() === "about:blank" ? request.url() : page.url()).origin))
      complaints.push(`asked another origin: ${request.url()}`);
  });
  return { page, complaints, context };
}
