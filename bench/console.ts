/**
 * What the console's table of runs and its curves ask of the server, at sizes where others freeze.
 *
 *   npm run bench -- console [--runs 100000] [--points 2000000] [--repeats 5] [--json]
 *
 * Each figure is one request as the page makes it, to a control server over HTTP in this process, on SQLite: median and worst of the
 * repeats, in milliseconds. `held` is how long another request (GET /health), asked at the same moment, had to wait.
 */
import { parseArgs } from "node:util";
import { sql } from "kysely";
import { machine } from "../src/cli/load/machine.ts";
import { createControl } from "../src/server/control.ts";
import { controlWorld } from "../src/server/test-world.ts";
import { seedRuns } from "../test/e2e/seed-runs.ts";

interface Figure {
  readonly what: string;
  readonly medianMs: number;
  readonly worstMs: number;
  readonly heldMs: number;
  readonly bytes: number;
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      runs: { type: "string", default: "100000" },
      points: { type: "string", default: "2000000" },
      repeats: { type: "string", default: "5" },
      json: { type: "boolean", default: false },
    },
  });
  const [runs, points, repeats] = [Number(values.runs), Number(values.points), Number(values.repeats)];
  const world = await controlWorld(0);
  const control = await createControl(world.rooms, { host: "127.0.0.1", port: 0, consoleFolder: "/dev/null/nowhere" });
  try {
    const experimentId = await world.rooms.tracking.experiments.create({ name: "many", tags: {} });
    await seedRuns(world.database, { experimentId, runs });
    const runId = await seedPoints(world, experimentId, points);
    const api = `${control.url}/api/v1`;
    const of = `experimentId=${experimentId}`;
    const { order } = (await (await fetch(`${api}/runs/table?${of}`)).json()) as { order: string };
    const columns = "metric=auc&metric=loss&metric=f1&param=lr&param=depth";
    const requests: readonly (readonly [string, string])[] = [
      ["experiments with their counts", "/experiments"],
      ["order, newest first", `/runs/table?${of}&count=0`],
      ["order by a metric", `/runs/table?${of}&count=0&orderBy=metrics.auc%20DESC`],
      ["order by a param, filtered to a tenth", `/runs/table?${of}&count=0&orderBy=params.lr&filter=${encodeURIComponent("metrics.f1 > 0.9")}`],
      ["count of a filter that few match", `/runs/count?${of}&filter=${encodeURIComponent("metrics.auc > 0.9995")}`],
      ["100 rows from the middle", `/runs/table?${of}&order=${order}&from=${Math.floor(runs / 2)}&${columns}`],
      ["group by a param, three metrics", `/runs/groups?${of}&by=params.lr&metric=auc&metric=loss&metric=f1`],
      ["keys of the newest runs", `/runs/keys?${of}`],
      [`run page, a history of ${points.toLocaleString("en")} points`, `/runs/${runId}`],
      [`curve of ${points.toLocaleString("en")} points`, `/runs/${runId}/series?key=loss`],
    ];
    const figures: Figure[] = [];
    for (const [what, path] of requests) figures.push(await measure(what, api + path, `${control.url}/health`, repeats));
    if (values.json) console.log(JSON.stringify({ bench: "console", runs, points, repeats, machine: machine(), figures }));
    else {
      console.log(`${runs.toLocaleString("en")} runs; ${JSON.stringify(machine())}`);
      console.table(figures.map((f) => ({ what: f.what, "median ms": f.medianMs, "worst ms": f.worstMs, "held ms": f.heldMs, bytes: f.bytes })));
    }
  } finally {
    await control.close();
    await world.close();
  }
}

async function measure(what: string, url: string, other: string, repeats: number): Promise<Figure> {
  const times: number[] = [];
  let [held, bytes] = [0, 0];
  for (let i = 0; i < repeats; i++) {
    const startMs = performance.now();
    const asked = (async () => {
      const reply = await fetch(url);
      if (!reply.ok) throw new Error(`${url}: ${reply.status} ${await reply.text()}`);
      bytes = (await reply.arrayBuffer()).byteLength;
      times.push(performance.now() - startMs);
    })();
    await (await fetch(other)).text();
    held = Math.max(held, performance.now() - startMs);
    await asked;
  }
  const sorted = times.toSorted((a, b) => a - b);
  const rounded = (ms: number): number => Math.round(ms * 10) / 10;
  return { what, medianMs: rounded(sorted[Math.floor(sorted.length / 2)] ?? 0), worstMs: rounded(sorted.at(-1) ?? 0), heldMs: rounded(held), bytes };
}

async function seedPoints({ rooms, database }: Awaited<ReturnType<typeof controlWorld>>, experimentId: string, points: number): Promise<string> {
  const { run } = await rooms.tracking.runs.create({ experimentId, name: "long", userId: "", startUs: 1_800_000_000_000_000, tags: {} });
  await database.transaction(async (trx) => {
    await sql`insert into tracking_metrics (run_id, key, step, timestamp_ms, value, is_nan)
      with recursive n(i) as (select 0 union all select i + 1 from n where i < ${points - 1})
      select ${run.runId}, 'loss', i, 1700000000000 + i, 1.0 / (1 + i % 1000), 0 from n`.execute(trx);
  });
  await rooms.tracking.logBatch(run.runId, { metrics: [{ key: "loss", value: 1, step: points, timestampMs: 1_700_000_000_000 + points }] });
  return run.runId;
}
