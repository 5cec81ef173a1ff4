/** Versions promoted one after the other under load: the latency of what was asked in the second of each swap, beside the rest of the same run. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { LoadPlan } from "../src/cli/load/client.ts";
import { runLoadProcess } from "../src/cli/load/start-client.ts";
import { readConfiguration } from "../src/server/configuration.ts";
import { openStores } from "../src/server/compose.ts";

/** From the promotion on, as long as it takes at least. */
const windowMs = 1000;
const betweenMs = 3000;
const warmupSeconds = 3;

export interface SwapReport {
  readonly rate: number;
  readonly swaps: number;
  readonly errors: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** Mean time from the promotion to the new version in force. */
  readonly meanSwapMs: number;
  readonly steadyP99Ms: number;
  readonly windowP99Ms: number;
  readonly ratio: number;
  readonly steadyAnswers: number;
  readonly windowAnswers: number;
}

export async function measureSwaps(folder: string, plan: Omit<LoadPlan, "seconds" | "warmupSeconds" | "idPrefix">, swaps: number): Promise<SwapReport> {
  const stores = await openStores(folder, readConfiguration({}));
  const samplesFile = path.join(folder, "run", "samples");
  const seconds = ((swaps + 1) * betweenMs) / 1000;
  const windows: { fromMs: number; toMs: number }[] = [];
  let swapping: Promise<void> | undefined;
  const swapAll = async (): Promise<void> => {
    for (let n = 0; n < swaps; n++) {
      await wait(betweenMs);
      const fromMs = Date.now();
      const [deployed] = await stores.registry.listDeployments();
      await stores.registry.promote(deployed!.model, deployed!.champion + 1, "a swap under load");
      const refreshed = await fetch(`http://${plan.host}:${plan.port}/v1/admin/refresh`, { method: "POST" });
      if (!refreshed.ok) throw new Error(`the refresh answered ${refreshed.status}`);
      await refreshed.text();
      windows.push({ fromMs, toMs: Date.now() });
    }
  };
  const report = await runLoadProcess({ ...plan, seconds, warmupSeconds, idPrefix: "s-", samplesFile }, () => {
    swapping = swapAll();
  });
  await swapping;
  await stores.close();
  const bytes = readFileSync(samplesFile);
  const samples = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const steady: number[] = [];
  const inWindow: number[] = [];
  const firstMs = windows[0]!.fromMs - betweenMs;
  for (let i = 0; i < samples.length; i += 2) {
    const dueMs = samples[i]!;
    if (dueMs < firstMs) continue;
    const swaps = windows.some(({ fromMs, toMs }) => dueMs >= fromMs && dueMs < Math.max(toMs, fromMs + windowMs));
    (swaps ? inWindow : steady).push(samples[i + 1]!);
  }
  const [steadyP99Ms, windowP99Ms] = [p99(steady), p99(inWindow)];
  return {
    rate: plan.rate,
    swaps,
    errors: report.errors,
    statuses: report.statuses,
    meanSwapMs: windows.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0) / swaps,
    steadyP99Ms,
    windowP99Ms,
    ratio: windowP99Ms / steadyP99Ms,
    steadyAnswers: steady.length,
    windowAnswers: inWindow.length,
  };
}

export function swapsLine(r: SwapReport): string {
  return `${r.swaps} versions promoted at ${r.rate}/s, each in force after ${r.meanSwapMs.toFixed(0)} ms: p99 ${r.windowP99Ms.toFixed(2)} ms of ${r.windowAnswers} answers asked in the second of a swap, ${r.steadyP99Ms.toFixed(2)} ms of ${r.steadyAnswers} others, ratio ${r.ratio.toFixed(2)}, ${r.errors} errors${r.errors === 0 ? "" : ` (${JSON.stringify(r.statuses)})`}`;
}

function p99(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(0.99 * sorted.length) - 1)] ?? Number.NaN;
}
