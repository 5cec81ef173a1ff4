import { appendFileSync, writeSync } from "node:fs";
import path from "node:path";
import { KarkhanaError } from "../../../src/kernel/error.ts";
import { createPipelines } from "../../../src/pipelines/pipelines.ts";
import type { Json, StepContext, Workflow } from "../../../src/pipelines/port.ts";
import { pipelineMigrations } from "../../../src/pipelines/tables.ts";
import { openFileBlobs } from "../../../src/storage/blobs/files.ts";
import { migrate } from "../../../src/storage/sql/migrate.ts";
import type { Migration } from "../../../src/storage/sql/port.ts";
import { openSqlite } from "../../../src/storage/sql/sqlite.ts";
import { tables } from "../../../src/storage/sql/tables.ts";

// One run of a workflow whose every effect can be counted afterwards: steps append to a file, transactions to a table.
//   pipeline-program.ts <folder> start|recover [<point at which to be killed>]
// Says each point it passes; at the named one it kills itself as `kill -9` would. Ends with "output <json>" or "recovered <ids>".
const [folder, mode, killAt] = process.argv.slice(2);

function point(name: string): void {
  writeSync(1, `${name}\n`);
  if (name === killAt) process.kill(process.pid, "SIGKILL");
}

function effect(name: string): void {
  appendFileSync(path.join(folder!, "effects.log"), `${name}\n`);
}

interface EffectTables {
  effects: { name: string };
}

const effectMigration: Migration = {
  id: "test-0001-effects",
  up: async (trx) => {
    await trx.schema.createTable("effects").addColumn("name", "text").execute();
  },
};

const database = await openSqlite(path.join(folder!, "meta.db"));
await migrate(database, [effectMigration, ...pipelineMigrations]);
const blobs = await openFileBlobs(path.join(folder!, "blobs"));
const pipelines = createPipelines({ database, blobs, clock: { nowUs: () => Date.now() * 1000 }, wait: async () => {} });

const workflow: Workflow<{ readonly rows: number }, Json> = {
  name: "counted",
  run: async (context, input) => {
    const step = async <T extends Json>(
      id: string,
      work: (kept: StepContext) => Promise<T>,
      options: { cacheKey?: Json; retries?: number } = {},
    ): Promise<T> => {
      point(`before ${id}`);
      const output = await context.step(id, options, async (kept) => {
        point(`in ${id}, before its effect`);
        effect(id);
        point(`in ${id}, after its effect`);
        return work(kept);
      });
      point(`after ${id}`);
      return output;
    };
    const transact = async (id: string): Promise<string> => {
      point(`before ${id}`);
      const output = await context.transact(id, async (trx) => {
        point(`in ${id}, before its effect`);
        await tables<EffectTables>(trx).insertInto("effects").values({ name: id }).execute();
        point(`in ${id}, before its commit`);
        return id;
      });
      point(`after ${id}`);
      return output;
    };
    const data = await step(
      "read",
      async (kept) => {
        const { path: blob, sha256 } = await blobs.put("runs/data.bin", Buffer.alloc(20_000, input.rows));
        const reference = { path: blob, sha256: sha256! };
        kept.keep(reference);
        return reference;
      },
      { cacheKey: { rows: input.rows } },
    );
    const parts = await Promise.all(["a", "b", "c"].map((part) => step(`part/${part}`, async () => part.repeat(input.rows))));
    const registered = await transact("register");
    const rounds: Json[] = [];
    for (let round = 0; round < 3; round++) {
      rounds.push(await step(`train/${round}`, async () => ({ round, parts })));
      rounds.push(await transact(`commit/${round}`));
    }
    point("before flaky");
    const flaky = await context.step("flaky", { retries: 3 }, async ({ attempt }) => {
      if (attempt === 1) throw new KarkhanaError("STORAGE_BUSY", { store: "test", waitedMs: 0 });
      return "in the end";
    });
    point("before the end");
    return { data, parts, registered, rounds, flaky };
  },
};
pipelines.register(workflow);

if (mode === "recover") {
  const ids = await pipelines.recover();
  point(`recovered ${JSON.stringify(ids)}`);
  for (const id of ids) writeSync(1, `output ${JSON.stringify(await pipelines.start(workflow, { rows: 3 }, id))}\n`);
} else {
  writeSync(1, `output ${JSON.stringify(await pipelines.start(workflow, { rows: 3 }, "run-1"))}\n`);
}
await database.close();
