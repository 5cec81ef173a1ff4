// Brings the monitors of a prepared folder up to the end of its history, in small steps; the test kills it on the way.
import path from "node:path";
import { readFeedback } from "../../src/feedback/log.ts";
import { ManualClock } from "../../src/kernel/clock.ts";
import { MICROS_PER_DAY, MICROS_PER_HOUR } from "../../src/kernel/time.ts";
import { days, policy, reference } from "../../src/monitoring/consumer.fixture.ts";
import { createMonitorConsumer } from "../../src/monitoring/consumer.ts";
import { createMonitoring } from "../../src/monitoring/store.ts";
import { openSqlite } from "../../src/storage/sql/sqlite.ts";

const folder = process.argv[2]!;
const database = await openSqlite(path.join(folder, process.argv[3]!));
const reader = await readFeedback(path.join(folder, "log"));
const profile = reference();
const consumer = createMonitorConsumer({
  model: "m",
  policy,
  reader,
  store: createMonitoring({ database, clock: new ManualClock(5) }),
  loadProfile: (version) => Promise.resolve(version === 1 ? profile : undefined),
});
for (let atUs = 0; atUs <= (days + 4) * MICROS_PER_DAY; atUs += 3 * MICROS_PER_HOUR) {
  const events = await consumer.advance(atUs);
  if (events.length > 0) process.stdout.write(`${events.length}\n`);
}
await reader.close();
await database.close();
