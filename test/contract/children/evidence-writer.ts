// Appends evidence until it is killed, and prints the hash of each entry once it was returned.
import { ManualClock } from "../../../src/kernel/clock.ts";
import { createEvidenceStore } from "../../../src/path/evidence/store.ts";
import { openSql } from "../sql-fixture.ts";

const [, , address = "", name = ""] = process.argv;
const store = createEvidenceStore({ database: await openSql(address), clock: new ManualClock(7) });
for (let i = 0; i < 5000; i++) {
  const { hash } = await store.append({ kind: "lab", subject: `lab-${i}`, producedBy: "grader", key: `${name}/${i}`, content: { text: "x".repeat(2000) } });
  process.stdout.write(`${hash}\n`);
}
