import { openFileBlobs } from "../../../src/storage/blobs/files.ts";

// Puts blobs of one repeated byte until it is killed; names each one once it is there.
const blobs = await openFileBlobs(process.argv[2]!);
for (let n = 0; ; n++) {
  const names = Array.from({ length: 4 }, (_, i) => `w/${n}-${i}`);
  await Promise.all(names.map((name, i) => blobs.put(name, Buffer.alloc(300_000, n + i))));
  process.stdout.write(`${names.join("\n")}\n`);
}
