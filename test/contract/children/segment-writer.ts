import { openSegmentWriter } from "../../../src/storage/segments/log.ts";

// Appends records that begin with their own offset until it is killed; says the highest acknowledged offset after each turn.
const writer = await openSegmentWriter(process.argv[2]!, { maxSegmentBytes: 20_000, fsyncIntervalMs: 10 });
for (let n = writer.nextOffset; ;) {
  const appends: Promise<number>[] = [];
  for (let i = 0; i < 5; i++, n++) appends.push(writer.append([Buffer.from(`${n} ${"payload ".repeat(n % 30)}`)]));
  const offsets = await Promise.all(appends);
  process.stdout.write(`${offsets.at(-1)}\n`);
}
