/** Adds versions to one model as fast as it can: node catalog-writer.ts <database> <model> <count>. Prints their numbers. */
import { createModelCatalog } from "../../../src/registry/catalog-store.ts";
import { createRegistry } from "../../../src/registry/store.ts";
import { systemClock, systemId } from "../../../src/server/system.ts";
import { openSql } from "../sql-fixture.ts";

const [address, model, count] = process.argv.slice(2);
const database = await openSql(address!);
const catalog = createModelCatalog({ database, clock: systemClock, newId: systemId, registry: createRegistry({ database, clock: systemClock }) });
const numbers: number[] = [];
for (let i = 0; i < Number(count); i++) {
  const { version } = await catalog.createVersion({
    model: model!,
    source: "s3://b/m",
    downloadUri: "s3://b/m",
    artifactPath: "",
    runId: "",
    tags: { from: String(process.pid) },
  });
  numbers.push(version);
}
await database.close();
console.log(JSON.stringify(numbers));
