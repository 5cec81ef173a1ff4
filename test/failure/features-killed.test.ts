import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seededRng } from "../../src/kernel/rng.ts";
import { viewsOf } from "../../src/project/definition.ts";
import { loadProject } from "../../src/project/load.ts";
import { karkhana } from "../e2e/command.ts";
import { openShop, type Shop } from "../e2e/shop.ts";
import { featureRows } from "./feature-rows.ts";

/* `karkhana features materialize` and `backfill`, shot at random moments and given again: what is loaded in the end is what nobody disturbed loads. */

const seeds = Number(process.env["KARKHANA_TEST_SEEDS"] ?? 2);
const main = path.join(import.meta.dirname, "../../src/cli/main.ts");
const until = "2024-12-01";

let shop: Shop;
let undisturbed: string[];
/** What one takes here. */
let calmMs: number;
beforeAll(async () => {
  shop = await openShop();
  await done("materialize", "warm");
  const startMs = performance.now();
  await done("materialize", "calm");
  calmMs = performance.now() - startMs;
  undisturbed = await rowsIn("calm");
});
afterAll(() => shop.close());

function flags(action: string, data: string): string[] {
  return ["features", action, "--project", shop.project, "--data", shop.at(data), "--until", until, "--slice-rows", "300", "--json"];
}

async function done(action: string, data: string): Promise<void> {
  const { status, stderr } = await karkhana(flags(action, data));
  if (status !== 0 || stderr !== "") throw new Error(`features ${action}: ${status} ${stderr}`);
}

async function rowsIn(data: string): Promise<string[]> {
  const { definition } = await loadProject(shop.project);
  return featureRows(shop.at(data, "online"), viewsOf(definition.models[0]!.service));
}

/** @returns whether it was still running when it was shot */
async function shoot(action: string, data: string, afterMs: number): Promise<boolean> {
  const child = spawn(process.execPath, [main, ...flags(action, data)], { stdio: "ignore", env: { ...process.env } });
  const ended = once(child, "exit");
  await Promise.race([wait(afterMs), ended]);
  child.kill("SIGKILL");
  const [, signal] = (await ended) as [number | null, string | null];
  return signal === "SIGKILL";
}

test.each(["materialize", "backfill"])(
  `%s killed up to three times (${seeds} seeds), then let go on: the rows are those of a run that nobody disturbed`,
  async (action) => {
    expect(undisturbed.length).toBeGreaterThan(500);
    let shot = 0;
    for (let seed = 0; seed < seeds; seed++) {
      const rng = seededRng(seed, `features-killed ${action}`);
      const data = `${action}-${seed}`;
      // A backfill goes over rows that are there already.
      if (action === "backfill") await done("materialize", data);
      for (let kill = 0; kill <= rng.int(3); kill++) shot += Number(await shoot(action, data, calmMs * (0.1 + 0.7 * rng.next())));
      await done(action, data);
      expect([seed, await rowsIn(data)]).toEqual([seed, undisturbed]);
    }
    expect(shot).toBeGreaterThan(0);
  },
);
