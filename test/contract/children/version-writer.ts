// Run as a process of its own: registers versions as fast as it can and prints their numbers.
import { ManualClock } from "../../../src/kernel/clock.ts";
import { createRegistry } from "../../../src/registry/store.ts";
import { openSql } from "../sql-fixture.ts";

const [address = "", writer = "", count = "0"] = process.argv.slice(2);
const database = await openSql(address);
const registry = createRegistry({ database, clock: new ManualClock(1) });
const versions: number[] = [];
for (let i = 0; i < Number(count); i++) {
  const made = await registry.registerVersion({
    model: "contested",
    runId: "r",
    artifactPath: "p",
    definitionHash: "d",
    serviceHash: "s",
    datasetHash: "t",
    requestId: `${writer}/${i}`,
  });
  versions.push(made.version);
}
await database.close();
process.stdout.write(JSON.stringify(versions));
